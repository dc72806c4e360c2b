"""Cover what is burned into frames: found in the picture as it is shown, covered in the values as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from core.samples import BoolArray, ByteArray
from domains.medical.deidentifying.words import WordFinder, frames_to_read
from domains.medical.reading import show

Values = npt.NDArray[Any]


def find_words(values: Values, data: Dataset, photometric: str, finder: WordFinder) -> tuple[BoolArray, int, int]:
    """Where words are in any frame.

    Args:
        values: `[frames, rows, columns]` or `[frames, rows, columns, 3]`, as decoded.
        data: the header as it was read.
        photometric: of the values.
        finder: of words.

    Returns:
        True where they are in any of the pictures that were read, `[rows, columns]`; how many boxes of words there were; and how
        many pictures were read. A loop's frames are sampled, and so are its brightest and its darkest values over time.
    """
    covered = np.zeros(values.shape[1:3], bool)
    boxes = read = 0
    for rgb in _pictures(values, data, photometric):
        found, count = finder.covering(rgb)
        covered |= found
        boxes += count
        read += 1
    return covered, boxes, read


def cover(values: Values, covered: BoolArray, data: Dataset, photometric: str) -> None:
    """Set these pixels to black in every frame, in place."""
    if not covered.any():
        return
    values[:, covered] = _black(values, data, photometric)


def _pictures(values: Values, data: Dataset, photometric: str) -> list[ByteArray]:
    """Each as it is shown; what is faint in the file's own window is told by the whole range."""
    chosen = [values[i] for i in frames_to_read(len(values))]
    if len(chosen) < len(values) and photometric != "PALETTE COLOR":
        chosen += [values.max(axis=0), values.min(axis=0)]
    shown = []
    plain = Dataset()
    plain.PhotometricInterpretation = photometric
    for frame in chosen:
        rgb = show(frame, data, photometric).rgb
        shown.append(np.ascontiguousarray(rgb))
        if frame.ndim == 2 and photometric != "PALETTE COLOR":
            whole = show(frame, plain, photometric).rgb
            if np.abs(whole.astype(np.int16) - rgb).mean() > 2.0:
                shown.append(np.ascontiguousarray(whole))
    return shown


def _black(values: Values, data: Dataset, photometric: str) -> Any:
    if values.ndim == 4:
        return 0
    if photometric == "PALETTE COLOR":
        there = np.unique(values)[: 1 << 16]
        looks = show(there[None], data, photometric).rgb[0].sum(axis=1)
        return there[int(np.argmin(looks))]
    return values.max() if photometric == "MONOCHROME1" else values.min()


def stored_bits(values: Values, bits_stored: int) -> Values:
    """Only the bits that are pixels: words may hide in those above them (overlays of old devices, PS3.3 C.9.2)."""
    bits = values.dtype.itemsize * 8
    if values.dtype.kind not in "iu" or bits_stored >= bits:
        return values
    low: Sequence[int] = (-(1 << (bits_stored - 1)), (1 << (bits_stored - 1)) - 1)
    if values.dtype.kind == "i":
        return np.clip(values, low[0], low[1]).astype(values.dtype)
    kept: Values = (values & np.array((1 << bits_stored) - 1, values.dtype)).astype(values.dtype)
    return kept
