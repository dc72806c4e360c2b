"""What normality has learned: arrays of members and of blocks, all that is saved."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from core.normality_pictures import Pictures
from core.samples import FloatArray

HOURS = 24
UNKNOWN_HOUR = HOURS
BLOCKS_KEPT = 2_880
NOTE_CHARACTERS = 200


@dataclass(slots=True)
class Memory:
    """The arrays of what was learned; all that is saved.

    Attributes:
        vectors: `[n, width]`, scaled.
        visits: `[n, 25]`, occasions for each hour of the day, and of unknown hour.
        last_s: `[n]`, last visit in seconds of footage.
        counted_s: `[n]`, last visit that was counted.
        last_wall_s: `[n]`, NaN where unknown.
        ids: `[n]`.
        notes: one for each.
        seen_s: `[25]`, footage at each hour.
        peaks: `[blocks, width]`, the strangest moment of each block.
        peak_times_s, peak_hours: `[blocks]`.
        peak_caps: `[blocks]`, what its distance counts for at most: an alert is held at the level that raised it.
        footage_s: seconds seen.
        next_id: for the next member.
        pictures: of members, by their ids; not of all.
    """

    vectors: FloatArray
    visits: npt.NDArray[np.int32]
    last_s: npt.NDArray[np.float64]
    counted_s: npt.NDArray[np.float64]
    last_wall_s: npt.NDArray[np.float64]
    ids: npt.NDArray[np.int64]
    seen_s: npt.NDArray[np.float64]
    peaks: FloatArray
    peak_times_s: npt.NDArray[np.float64]
    peak_hours: npt.NDArray[np.int32]
    peak_caps: npt.NDArray[np.float64]
    notes: list[str] = field(default_factory=list)
    footage_s: float = 0.0
    next_id: int = 0
    pictures: Pictures = field(default_factory=dict)


def empty_memory(width: int) -> Memory:
    """Nothing learned yet."""
    return Memory(
        vectors=np.empty((0, width), np.float32),
        visits=np.empty((0, HOURS + 1), np.int32),
        last_s=np.empty(0),
        counted_s=np.empty(0),
        last_wall_s=np.empty(0),
        ids=np.empty(0, np.int64),
        seen_s=np.zeros(HOURS + 1),
        peaks=np.empty((0, width), np.float32),
        peak_times_s=np.empty(0),
        peak_hours=np.empty(0, np.int32),
        peak_caps=np.empty(0),
    )
