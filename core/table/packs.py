"""All features of one modality of one table in one file, mapped into memory: a second epoch reads it and opens no medium.

The name is a hash of the encoder's name and of every cell's content, in order. Two files: the tokens as they are, and beside
them a JSON file, written last, which says how they are cut and what their hash is. A damaged pack is dropped, said in the log
and made again; packs that were used longest ago go first when the folder grows past its bound.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from core.features import Features
from core.samples import FloatArray

log = logging.getLogger(__name__)

MAX_BYTES = 16 << 30
MAX_TOLD_BYTES = 512 << 20
VERSION = 1
TOKENS, TOLD = ".f32", ".json"


@dataclass(frozen=True, slots=True)
class Encoded:
    """What one cell came to.

    Attributes:
        tokens: `[time, width]`.
        sentences: that say the same.
        trouble: why there are none; empty where there are.
    """

    tokens: FloatArray
    sentences: tuple[str, ...] = ()
    trouble: str = ""


class PackWriter:
    """Takes cells in order and puts them on disk at once, so that they need not be held."""

    def __init__(self, folder: Path, encoder: str, width: int, keys: Iterable[str], *, max_bytes: int = MAX_BYTES) -> None:
        """Begin.

        Args:
            folder: of the packs.
            encoder: its name.
            width: numbers a token.
            keys: of the cells, in order.
            max_bytes: of all packs together.

        Raises:
            OSError: the folder cannot be written.
        """
        self._stem = _stem(folder, encoder, keys)
        self._encoder, self._width, self._max_bytes = encoder, width, max_bytes
        self._counts: list[int] = []
        self._sentences: list[tuple[str, ...]] = []
        self._troubles: list[str] = []
        self._digest = hashlib.blake2b(digest_size=20)
        folder.mkdir(parents=True, exist_ok=True)
        self._part: IO[bytes] = tempfile.NamedTemporaryFile(dir=folder, prefix=".part-", delete=False)  # noqa: SIM115

    def __enter__(self) -> PackWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._part.close()
        Path(self._part.name).unlink(missing_ok=True)  # nothing half-written stays

    def add(self, cell: Encoded) -> None:
        """Put one cell.

        Raises:
            OSError: the disk is full.
        """
        data = np.ascontiguousarray(cell.tokens, "<f4").tobytes()
        self._part.write(data)
        self._digest.update(data)
        self._counts.append(len(cell.tokens))
        self._sentences.append(cell.sentences)
        self._troubles.append(cell.trouble)

    def finish(self) -> list[Encoded]:
        """Give the pack its name, and read it from there.

        Raises:
            OSError: the disk is full.
        """
        self._part.close()
        told = {
            "version": VERSION,
            "encoder": self._encoder,
            "width": self._width,
            "counts": self._counts,
            "sentences": self._sentences,
            "troubles": self._troubles,
            "blake2b": self._digest.hexdigest(),
        }
        text = json.dumps(told)
        Path(self._part.name).replace(self._stem.with_suffix(TOKENS))
        with tempfile.NamedTemporaryFile("w", dir=self._stem.parent, prefix=".part-", delete=False, encoding="utf-8") as beside:
            try:
                beside.write(text)
                beside.close()
                Path(beside.name).replace(self._stem.with_suffix(TOLD))
            finally:
                Path(beside.name).unlink(missing_ok=True)
        _make_room(self._stem, self._max_bytes)
        return _cut(self._stem, json.loads(text))


def open_pack(folder: Path, encoder: str, width: int, keys: Sequence[str]) -> list[Encoded] | None:
    """The cells of a pack, in order; None where there is none or it was damaged.

    Args:
        folder: of the packs.
        encoder: its name.
        width: numbers a token.
        keys: of the cells, in order.
    """
    stem = _stem(folder, encoder, keys)
    told_path = stem.with_suffix(TOLD)
    try:
        if told_path.stat().st_size > MAX_TOLD_BYTES:
            raise ValueError("too large")  # noqa: TRY301
        told = json.loads(told_path.read_text("utf-8"))
        is_ours = told["version"] == VERSION and told["encoder"] == encoder and told["width"] == width
        lengths = {len(told["counts"]), len(told["sentences"]), len(told["troubles"])}
        if not is_ours or lengths != {len(keys)} or _digest(stem.with_suffix(TOKENS)) != told["blake2b"]:
            raise ValueError("its content is not what was written")  # noqa: TRY301
        found = _cut(stem, told)
        os.utime(told_path)  # used now
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning("cached features %s are damaged (%s); they are made again", stem.name, error)
        with suppress(OSError):
            _remove(stem)
        return None
    return found


def as_features(cells: Sequence[Encoded], encoder: str) -> Features:
    """Cells of one row, one after another, as a batch of one."""
    tokens = cells[0].tokens if len(cells) == 1 else np.concatenate([c.tokens for c in cells])
    return Features(tokens[None], np.ones((1, len(tokens)), np.bool_), (tuple(s for c in cells for s in c.sentences),), encoder)


def _stem(folder: Path, encoder: str, keys: Iterable[str]) -> Path:
    digest = hashlib.blake2b(f"{VERSION}\0{encoder}".encode(), digest_size=20)
    for key in keys:
        digest.update(b"\0" + key.encode("utf-8", "surrogatepass"))
    return folder / digest.hexdigest()


def _cut(stem: Path, told: dict[str, Any]) -> list[Encoded]:
    width, counts = int(told["width"]), [int(count) for count in told["counts"]]
    total = sum(counts)
    if min(counts, default=0) < 0 or width < 1 or stem.with_suffix(TOKENS).stat().st_size != total * width * 4:
        raise ValueError("its length is not what was written")
    shape = (total, width)
    every: Any = np.memmap(stem.with_suffix(TOKENS), "<f4", "r", shape=shape) if total else np.zeros(shape, np.float32)
    plain = np.asarray(every)  # still mapped, without memmap's bookkeeping at every slice
    ends = np.cumsum(counts)
    return [
        Encoded(plain[end - count : end], tuple(str(s) for s in sentences), str(trouble))
        for end, count, sentences, trouble in zip(ends, counts, told["sentences"], told["troubles"], strict=True)
    ]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


def _make_room(own: Path, max_bytes: int) -> None:
    """Remove the packs used longest ago, never the one just written."""
    packs = sorted(own.parent.glob(f"*{TOLD}"), key=_used_ns)
    sizes = {path: _size(path) + _size(path.with_suffix(TOKENS)) for path in packs}
    total = sum(sizes.values())
    for path in packs:
        if total <= max_bytes:
            return
        if path.stem != own.name:
            with suppress(OSError):
                _remove(path)
            total -= sizes[path]


def _remove(stem: Path) -> None:
    stem.with_suffix(TOLD).unlink(missing_ok=True)
    stem.with_suffix(TOKENS).unlink(missing_ok=True)


def _used_ns(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
