"""How a film moves, as a few numbers a frame: what share of the picture, where, in what shape, and how that changes.

All numbers lie within -1 to 1 or thereabouts, so that they stand beside picture tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from core.encoders.checks import check_finite
from core.errors import InputError
from core.samples import FloatArray, Video

COLUMNS = (
    "motion_measured",
    "motion_area",
    "motion_area_change_per_s",
    "region_given",
    "region_centre_x",
    "region_centre_y",
    "region_width",
    "region_height",
    "region_aspect_log2",
    "region_velocity_x_per_s",
    "region_velocity_y_per_s",
    "region_height_change_per_s",
    "region_aspect_change_per_s",
    "time_since_begin",
)
LONGEST_S = 10.0  # a window of this length ends at 1 in the last column
MAX_ASPECT_LOG2 = 3.0
MAX_RATE = 3.0
SHORTEST_STEP_S = 0.02


def motion_numbers(video: Video, encoder: str) -> FloatArray:
    """The numbers of each frame, `[time, 14]`; those that were not measured are 0, and a column says which.

    Raises:
        InputError: a time, a share of motion or a region is not finite, or times go back.
    """
    check_finite(video.times_s, "times", encoder)
    check_finite(video.motion, "shares of motion", encoder)
    check_finite(video.regions, "regions", encoder)
    times_s = np.asarray(video.times_s, np.float64)
    if (np.diff(times_s) < 0).any():
        raise InputError(f"{encoder}: the times of the frames go back")
    numbers = np.zeros((len(video.frames), len(COLUMNS)), np.float32)
    steps_s = np.maximum(np.diff(times_s), SHORTEST_STEP_S)
    if len(video.motion):
        area = np.clip(video.motion, 0.0, 1.0)
        numbers[:, 0], numbers[:, 1], numbers[:, 2] = 1.0, area, _rate(area, steps_s, np.ones(len(area), np.bool_))
    if len(video.regions):
        numbers[:, 3:13] = _regions(video, steps_s)
    numbers[:, 13] = (times_s - times_s[0]) / LONGEST_S
    return np.clip(numbers, -MAX_RATE, MAX_RATE)


def has_region(video: Video) -> npt.NDArray[np.bool_]:
    """Where a region with an area is given, `[time]`; elsewhere the whole frame counts."""
    if not len(video.regions):
        return np.zeros(len(video.frames), np.bool_)
    boxes = np.clip(video.regions, 0.0, 1.0)
    given: npt.NDArray[np.bool_] = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return given


def region_aspects_log2(video: Video) -> FloatArray:
    """log2 of width over height in points of the picture, `[time]`; 0 where there is no region. Above 0 is wider than tall."""
    height_px, width_px = video.frames[0].shape[:2]
    given, aspects = has_region(video), np.zeros(len(video.frames), np.float32)
    boxes = np.clip(video.regions, 0.0, 1.0)[given] if len(video.regions) else np.empty((0, 4), np.float32)
    aspects[given] = np.log2((boxes[:, 2] - boxes[:, 0]) * width_px / ((boxes[:, 3] - boxes[:, 1]) * height_px))
    return np.clip(aspects, -MAX_ASPECT_LOG2, MAX_ASPECT_LOG2)


def _regions(video: Video, steps_s: npt.NDArray[np.float64]) -> FloatArray:
    given = has_region(video)
    boxes = np.clip(video.regions, 0.0, 1.0)
    centre_x, centre_y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    aspect = region_aspects_log2(video) / MAX_ASPECT_LOG2
    levels = [np.ones(len(boxes)), centre_x, centre_y, width, height, aspect]
    rates = [_rate(values, steps_s, given) for values in (centre_x, centre_y, height, aspect)]
    numbers = np.column_stack([*levels, *rates]).astype(np.float32)
    numbers[~given] = 0.0
    return numbers


def _rate(values: npt.NDArray[np.floating[Any]], steps_s: npt.NDArray[np.float64], known: npt.NDArray[np.bool_]) -> FloatArray:
    """Change a second from the frame before; 0 at the first frame and where either frame is not known."""
    rates = np.zeros(len(values), np.float32)
    rates[1:] = np.where(known[1:] & known[:-1], np.diff(values) / steps_s, 0.0)
    return rates
