"""De-identification: how much of what was planted in real images is left in headers, and how much of it in pixels can be read.

A word counts as unreadable only if it is covered (nine tenths of its ink, eight tenths of its box) and OCR does not read it again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
from pydicom import dcmread

from core.benchmark import BenchContext, Metric
from core.encoders.reading import PictureReader
from core.samples import BoolArray, ByteArray, Image
from domains.medical.benches.planted_studies import IMAGES, PlantedStudy, planted_study
from domains.medical.benches.planted_words import PlantedWord
from domains.medical.deidentifying import Keys, WordFinder, deidentify
from domains.medical.reading import show

SECRET = b"a secret for the benchmark alone"
INK_COVERED = 0.9
BOX_COVERED = 0.8
IS_READ = 0.6  # likeness of what OCR reads to what was written
AROUND_PX = 24


@dataclass(slots=True)
class Tally:
    """What came out.

    Attributes:
        strings, strings_left: planted in headers, and found again in the bytes that were written.
        words, words_read: burned in, and still readable.
        pixels, pixels_lost: of the pictures, and covered where no word stood.
        missed: places or styles of what was left.
    """

    files: int = 0
    refused: int = 0
    strings: int = 0
    strings_left: int = 0
    words: int = 0
    words_read: int = 0
    pixels: int = 0
    pixels_lost: int = 0
    took_s: float = 0.0
    missed: list[str] = field(default_factory=list)


def run(context: BenchContext) -> list[Metric]:
    """All figures about de-identification."""
    seeds = range(1 if context.is_quick else 4)
    images = IMAGES[:4] if context.is_quick else IMAGES
    tally = measure(images, seeds, context.scratch, WordFinder(), context)
    if not tally.files:
        note = "pydicom-data is not installed: pip install pydicom-data"
        return [Metric(name, None, "%", note=note) for name in ("planted strings gone from headers", "burned-in words unreadable")]
    note = f"{tally.files} real images of pydicom-data, words and identifiers planted with fixed seeds"
    gone = 100 * (1 - tally.strings_left / tally.strings)
    unreadable = 100 * (1 - tally.words_read / tally.words)
    left = "; ".join(tally.missed[:5]) or "none"
    low, high = _wilson(tally.words - tally.words_read, tally.words)
    return [
        Metric(
            "planted strings gone from headers",
            gone,
            "%",
            "= 100",
            gone == 100 and not tally.refused,
            note=f"{tally.strings} strings; {note}",
        ),
        Metric(
            "burned-in words unreadable",
            unreadable,
            "%",
            ">= 98",
            unreadable >= 98,
            interval=(100 * low, 100 * high),
            note=f"{tally.words} words in 10 fonts, 11 to 32 px, contrast 1 to 0.45 of the range; left: {left}",
        ),
        Metric(
            "picture covered where no word stood", 100 * tally.pixels_lost / tally.pixels, "%", note="without the 12 px around each word"
        ),
        Metric("time a file", tally.took_s / tally.files, "s", note="0.2 to 3.6 megapixels, 2 threads"),
    ]


def measure(images: Sequence[str], seeds: Sequence[int], scratch: Path, finder: WordFinder, context: BenchContext | None = None) -> Tally:
    """Plant, de-identify and look for what is left.

    Args:
        images: of `IMAGES`.
        seeds: one study each.
        scratch: a folder for them.
        finder: of words, as it is to be measured.
        context: told how far it has come.
    """
    tally = Tally()
    reader = PictureReader(threads=2, least_score=0.3)
    keys = Keys(SECRET)
    for name in images:
        for seed in seeds:
            made = scratch / f"{Path(name).stem}-{seed}"
            (made / "in").mkdir(parents=True)
            study = planted_study(name, made / "in", seed)
            if study is None:
                continue
            begun_s = time.monotonic()
            report = deidentify(study.path, made / "out", secret=SECRET, finder=finder)
            tally.took_s += time.monotonic() - begun_s
            tally.files += 1
            tally.refused += sum(report.refused.values())
            for written in (made / "out").rglob("*.dcm"):
                _look(study, written, keys, reader, tally)
            if context:
                context.say(
                    f"{name} {seed}: left: {tally.words_read} of {tally.words} words, {tally.strings_left} of {tally.strings} strings"
                )
    return tally


def _look(study: PlantedStudy, written: Path, keys: Keys, reader: PictureReader, tally: Tally) -> None:
    data = dcmread(written)
    content = written.read_bytes()
    header = content[: content.rfind(b"\xe0\x7f\x10\x00")].lower()  # behind it lie the pixels
    for place, string in (*study.strings.items(), *((f"uid {n}", uid) for n, uid in enumerate(study.uids))):
        tally.strings += 1
        if any(string.lower().encode(code) in header for code in ("utf-8", "utf-16-le")):
            tally.strings_left += 1
            tally.missed.append(place)
    if keys.uid(study.uids[0]) != data.SOPInstanceUID or data.get("PatientIdentityRemoved") != "YES":
        tally.strings_left += 1
        tally.missed.append("UIDs or attributes of de-identification")
    values = data.pixel_array
    frame = values[0] if "NumberOfFrames" in data and int(data.NumberOfFrames) > 1 else values
    rgb = np.ascontiguousarray(show(frame, data, data.PhotometricInterpretation).rgb)
    black = _black(frame, str(data.PhotometricInterpretation))
    words = np.zeros(black.shape, bool)
    for word in study.words:
        tally.words += 1
        left, top, right, bottom = word.box
        words[max(0, top - 12) : bottom + 12, max(0, left - 12) : right + 12] = True
        is_covered = black[word.ink].mean() >= INK_COVERED and black[top:bottom, left:right].mean() >= BOX_COVERED
        if not is_covered or _reads(rgb, word, reader):
            tally.words_read += 1
            tally.missed.append(f"{written.parent.parent.parent.name}: {word.style}, {word.box[3] - word.box[1]} px high")
    before = dcmread(study.path).pixel_array
    changed = (before if before.shape == frame.shape else before[0]) != frame
    tally.pixels += black.size
    tally.pixels_lost += int(((changed.any(axis=2) if changed.ndim == 3 else changed) & ~words).sum())


def _black(frame: np.ndarray, photometric: str) -> BoolArray:
    if frame.ndim == 3:
        return np.asarray((frame == 0).all(axis=2), bool)
    return np.asarray(frame == (frame.max() if photometric == "MONOCHROME1" else frame.min()), bool)


def _reads(rgb: ByteArray, word: PlantedWord, reader: PictureReader) -> bool:
    """Whether OCR still reads it, at twice its size."""
    import cv2

    left, top, right, bottom = word.box
    piece = rgb[max(0, top - AROUND_PX) : bottom + AROUND_PX, max(0, left - AROUND_PX) : right + AROUND_PX]
    large = np.asarray(cv2.resize(np.ascontiguousarray(piece), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
    wanted = _plain(word.text)
    return any(SequenceMatcher(None, wanted, _plain(line.text)).ratio() >= IS_READ for line in reader.read(Image(large)))


def _plain(text: str) -> str:
    return "".join(c for c in text.upper() if c.isalnum())


def _wilson(hits: int, count: int) -> tuple[float, float]:
    """A 95 % interval of a share."""
    z, share = 1.96, hits / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, centre - half), min(1.0, centre + half)
