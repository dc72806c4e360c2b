"""Which frames of a loop to look at: the most usual one, then those that differ most from all chosen before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from domains.medical.reading.decoder import Decoder
from domains.medical.reading.decoding import PixelArray
from domains.medical.study import Instance

SEEN = 48  # frames looked at to choose from
TOGETHER = 8  # decoded in one request
THUMBNAIL = 32


def choose_frames(instance: Instance, count: int, decoder: Decoder) -> tuple[int, ...]:
    """Numbers of frames from 0, in order.

    Args:
        count: wanted at most.

    Raises:
        InputError: the frames cannot be decoded.
    """
    seen = np.unique(np.linspace(0, instance.frames - 1, min(SEEN, instance.frames)).astype(int))
    if len(seen) <= count:
        return tuple(int(n) for n in seen)
    thumbnails = []
    for begin in range(0, len(seen), TOGETHER):
        pixels = decoder.frames(instance, [int(n) for n in seen[begin : begin + TOGETHER]])
        thumbnails += [_thumbnail(frame) for frame in pixels.values]
    chosen = spread(np.stack(thumbnails), count)
    return tuple(int(seen[n]) for n in sorted(chosen))


def spread(points: npt.NDArray[np.float32], count: int) -> list[int]:
    """The point nearest to the middle of all, then each time the one farthest from those chosen.

    Args:
        points: `[points, width]`.
    """
    chosen = [int(np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    nearest = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < min(count, len(points)):
        farthest = int(np.argmax(nearest))
        if nearest[farthest] <= 0:  # all that is left has been seen
            break
        chosen.append(farthest)
        nearest = np.minimum(nearest, np.linalg.norm(points - points[farthest], axis=1))
    return chosen


def _thumbnail(frame: PixelArray) -> npt.NDArray[np.float32]:
    """`[side * side]`, means of blocks."""
    grey = frame.mean(axis=2) if frame.ndim == 3 else frame
    rows = np.linspace(0, grey.shape[0], min(THUMBNAIL, grey.shape[0]) + 1).astype(int)
    columns = np.linspace(0, grey.shape[1], min(THUMBNAIL, grey.shape[1]) + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(grey.astype(np.float32), rows[:-1], axis=0), columns[:-1], axis=1)
    return np.asarray(sums / np.outer(np.diff(rows), np.diff(columns)), np.float32).reshape(-1)
