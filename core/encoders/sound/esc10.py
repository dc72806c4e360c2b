"""Read ESC-10: 400 clips of ten everyday sounds in five folds (Piczak 2015, CC BY 3.0)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.encoders.sound.augmentation import Recording
from core.encoders.sound.frontend import RATE_HZ
from core.errors import InputError
from core.samples import FloatArray

LABELS = ("dog", "rain", "sea_waves", "crying_baby", "clock_tick", "sneezing", "helicopter", "chainsaw", "rooster", "crackling_fire")
MAX_CLIP_S = 30


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip with where it comes from.

    Attributes:
        recording: its sound at 16 kHz, its label's index in `LABELS`, and its original's id as the group.
        fold: 1 to 5.
        filename, title, author, url, licence: for the attribution that CC BY asks for.
    """

    recording: Recording
    fold: int
    filename: str
    title: str
    author: str
    url: str
    licence: str


def read_esc10(folder: Path) -> list[Clip]:
    """All clips of the folder, in the order of its table.

    Raises:
        InputError: the folder is not ESC-10, or a clip cannot be decoded.
    """
    table = folder / "meta.csv"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [_clip(folder, row) for row in rows]
    except OSError as error:
        raise InputError(f"{table}: cannot be read ({error.strerror}); give the folder of ESC-10") from error
    except (KeyError, ValueError) as error:
        raise InputError(f"{table}: not the table of ESC-10 ({error}); give the folder of ESC-10") from error


def decode_mono(path: Path, longest_s: int = MAX_CLIP_S) -> FloatArray:
    """A sound file as mono at 16 kHz, `[samples]`.

    Raises:
        InputError: it cannot be decoded, or lasts longer than `longest_s`.
    """
    import av
    import av.error

    pieces: list[FloatArray] = []
    count = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise InputError(f"{path}: holds no sound")
            converter = av.AudioResampler(format="fltp", layout="mono", rate=RATE_HZ)
            for frame in container.decode(audio=0):
                pieces.extend(out.to_ndarray()[0] for out in converter.resample(frame))
                count += frame.samples
                if count > longest_s * 192_000:
                    raise InputError(f"{path}: longer than {longest_s} s; cut it")
            pieces.extend(out.to_ndarray()[0] for out in converter.resample(None))
    except av.error.FFmpegError as error:
        raise InputError(f"{path}: cannot be decoded ({error.strerror})") from error
    if not pieces:
        raise InputError(f"{path}: holds no sound")
    return np.concatenate(pieces).astype(np.float32)


def recordings_of(clips: Sequence[Clip]) -> list[Recording]:
    """The recordings of clips."""
    return [c.recording for c in clips]


def _clip(folder: Path, row: dict[str, str]) -> Clip:
    name = Path(row["filename"]).name  # the table never names a path outside the set
    recording = Recording(decode_mono(folder / "audio" / name), LABELS.index(row["label"]), row["clip_id"])
    return Clip(recording, int(row["fold"]), name, row["source_title"], row["author"], row["source_url"], row["licence"])
