"""Which slices of a volume to look at: spread evenly over the body, and in each part the one with the most in it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from domains.medical.study import Volume

AIR_HU = -500.0
BODY_FRACTION = 0.05  # of a slice's pixels, from which it counts as body
STRIDE = 4  # every fourth pixel is enough to choose by


def body_range(volume: Volume, is_ct: bool) -> tuple[int, int]:
    """First slice of the body, and the one behind its last; all slices where none stands out."""
    coarse = volume.values[:, ::STRIDE, ::STRIDE]
    level = AIR_HU if is_ct else float(coarse[len(coarse) // 2].mean()) / 2
    filled = np.array([float((one > level).mean()) for one in coarse])
    inside = np.flatnonzero(filled > BODY_FRACTION)
    return (int(inside[0]), int(inside[-1]) + 1) if inside.size else (0, len(coarse))


def choose_slices(volume: Volume, count: int, *, is_ct: bool) -> tuple[int, ...]:
    """Numbers of slices from 0, in order, each once.

    The body is cut into as many parts as slices are wanted, and the middle half of each part gives the slice that varies most.
    """
    begin, end = body_range(volume, is_ct)
    edges = np.linspace(begin, end, min(count, end - begin) + 1)
    variety = _variety(volume, is_ct)
    chosen = []
    for low, high in pairwise(edges):
        quarter = (high - low) / 4
        first = int(low + quarter)
        last = max(first + 1, int(np.ceil(high - quarter)))
        chosen.append(first + int(np.argmax(variety[first:last])))
    return tuple(dict.fromkeys(chosen))


def _variety(volume: Volume, is_ct: bool) -> npt.NDArray[np.float64]:
    """How much each slice varies, `[slices]`; metal and air do not count beyond soft tissue and bone."""
    coarse = volume.values[:, ::STRIDE, ::STRIDE]
    return np.array([float((np.clip(one, -1000, 400) if is_ct else one).std()) for one in coarse])
