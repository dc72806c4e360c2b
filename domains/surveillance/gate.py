"""The motion gate: looks at a frame's luma alone and says whether something moves, before any colour is decoded.

Each frame is shrunk to cells (area means), compared with an adaptive background after a global change of exposure has been
taken out, and thresholded by each cell's own noise. What differs from the background counts as moving only if it also
changed within the last instants: a thing that was put down, or the hole where one stood, ends its motion at once and is
absorbed slowly.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from core.errors import InputError
from core.samples import BoolArray, ByteArray, FloatArray
from domains.surveillance.config import GateSettings
from domains.surveillance.scene import Motion

CELLS_WIDE = 240  # the picture is halved until it is at most this wide
FLOOR_LEVELS = 7.0  # smaller differences are never motion, of 255
NOISE_FACTOR = 6.0  # median deviations above which a cell differs (about four standard deviations)
NOISE_RANGE = (0.3, 30.0)
FIRST_NOISE = 2.5  # until it is learned
NOISE_STEP_LEVELS_PER_S = 0.2
COVERED_NOISE = np.float32(0.25)  # how much slower noise is learned where something stands
EXPOSURE_SLACK = 0.15  # how far single cells stray from a global change of exposure, as a share of that change
DARK_LEVELS = 2.0  # keeps ratios of dark cells finite
ADAPT_S = 12.0  # time constant of the background where nothing is
ABSORB_S = 40.0  # and under what differs from it
LEARN_S = 3.0  # a new background is a plain mean for this long
LEARN_EVERY_S = 0.19  # learning costs as much as looking: not with every frame
EXPOSURE_STRIDE = 6  # every so manieth cell tells the exposure
CHANGE_LAG_S = 0.09  # what moves differs from the picture so long ago
CHANGED_CELLS = 2  # a blob is alive with at least so many changed cells
SWITCH_LOG_GAIN = 0.22  # a brightness that changes by more than this (25 %) at once is a light switched, not an exposure that follows
FASTEST_EXPOSURE_PER_S = 1.1  # in logarithms; a camera's own exposure was seen to change by 0.7 a second
LIGHTING_AREA = 0.7  # more of the picture than this at once is light, not motion
KEEP_RATIO = 0.5  # motion goes on down to this share of the area that begins it
MOST_REGIONS = 32

_OPENING = np.ones((3, 3), np.uint8)
_NO_REGIONS = np.empty((0, 4), np.float32)
_NO_REGIONS.flags.writeable = False


@dataclass(slots=True)
class _Background:
    """What a camera shows when nothing moves; all arrays `[rows, columns]` of cells, float32.

    Attributes:
        level: expected luma.
        noise: median absolute deviation from it.
        threshold: deviation from which a cell differs.
        differed: `[rows, columns]` of bytes, 1 where the last frame differed.
        past: recent frames with their times and gains, the newest last.
        learned_s: how long it has been learned.
        last_s: when it was last moved towards a frame.
    """

    level: FloatArray
    noise: FloatArray
    threshold: FloatArray
    differed: ByteArray
    past: deque[tuple[float, FloatArray, float]]
    last_s: float
    learned_s: float = 0.0


class MotionGate:
    """The gate of one camera.

    Args:
        settings: the area that counts and how long motion is held.
    """

    def __init__(self, settings: GateSettings) -> None:
        self._settings = settings
        self._background: _Background | None = None
        self._moved_s = float("-inf")
        self._is_moving = False

    def step(self, luma: ByteArray, time_s: float) -> Motion:
        """Look at the next frame.

        Args:
            luma: `[height, width]`, 0 to 255; its size may change from frame to frame.
            time_s: its time; a step back counts as no time passed.

        Raises:
            InputError: not a picture of bytes.
        """
        if luma.ndim != 2 or luma.dtype != np.uint8 or 0 in luma.shape:
            raise InputError(f"the gate needs luma [height, width] of bytes, not {list(luma.shape)} of {luma.dtype}")
        cells = shrink(luma).astype(np.float32)
        background = self._background
        if background is None or background.level.shape != cells.shape:
            self._background = _new_background(cells, time_s)
            return self._verdict(time_s, 0.0, _NO_REGIONS, is_lighting=False)

        gain = _exposure(cells, background)
        expected = background.level * gain if gain != 1.0 else background.level
        deviation: FloatArray = cv2.absdiff(cells, expected)  # type: ignore[assignment]
        threshold = background.threshold
        if abs(gain - 1.0) > 0.02:
            threshold = threshold + expected * np.float32(EXPOSURE_SLACK * abs(gain - 1.0))
        differs: ByteArray = cv2.morphologyEx((deviation > threshold).view(np.uint8), cv2.MORPH_OPEN, _OPENING)  # type: ignore[assignment]
        share = cv2.countNonZero(differs) / differs.size

        past_s, past, past_gain = _lagged(background.past, time_s)
        switched = abs(math.log(gain / past_gain)) > max(SWITCH_LOG_GAIN, FASTEST_EXPOSURE_PER_S * (time_s - past_s))
        if share > LIGHTING_AREA or switched:
            self._background = _new_background(cells, time_s)
            return self._verdict(time_s, 0.0, _NO_REGIONS, is_lighting=True)
        area, regions = 0.0, _NO_REGIONS
        if share >= self._settings.min_area * KEEP_RATIO and past_s < time_s:
            changed = cv2.absdiff(cells, past if gain == past_gain else past * np.float32(gain / past_gain)) > threshold
            area, regions = _moving_blobs(differs, changed)
        is_lighting = area == 0.0 and abs(gain / past_gain - 1.0) > 0.03
        background.differed = differs
        background.past.append((time_s, cells, gain))
        elapsed_s = min(time_s - background.last_s, 1.0)
        if not 0.0 <= elapsed_s < LEARN_EVERY_S:
            background.last_s = time_s
            _learn(background, cells, gain, deviation, max(elapsed_s, 0.0))
        return self._verdict(time_s, area, regions, is_lighting)

    def _verdict(self, time_s: float, area: float, regions: FloatArray, is_lighting: bool) -> Motion:
        needed = self._settings.min_area * (KEEP_RATIO if self._is_moving else 1.0)
        if area < needed or area == 0.0:
            area, regions = 0.0, _NO_REGIONS
        else:
            self._moved_s = time_s
        self._is_moving = area > 0.0 or 0.0 <= time_s - self._moved_s < self._settings.hold_s
        return Motion(time_s, area, self._is_moving, regions, is_lighting)


def motion_events(motions: Iterable[Motion]) -> list[tuple[float, float]]:
    """Begin and end in seconds of each motion, without the time it was held for.

    Args:
        motions: the gate's verdicts, in order.
    """
    events: list[tuple[float, float]] = []
    is_open = False
    for motion in motions:
        if motion.is_moving and motion.area > 0.0:
            events[-1:] = [(events[-1][0], motion.time_s)] if is_open else [*events[-1:], (motion.time_s, motion.time_s)]
        is_open = motion.is_moving
    return events


def shrink(luma: ByteArray) -> ByteArray:
    """Area means, halved until at most `CELLS_WIDE` cells are left along the longer side; an odd last row or column is cut."""
    while max(luma.shape) > CELLS_WIDE and min(luma.shape) > 1:
        rows, columns = luma.shape[0] // 2, luma.shape[1] // 2
        luma = cv2.resize(luma[: rows * 2, : columns * 2], (columns, rows), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    if max(luma.shape) > CELLS_WIDE:  # a single row or column
        step = -(-max(luma.shape) // CELLS_WIDE)
        luma = np.ascontiguousarray(luma[::step, ::step])
    return luma


def _new_background(cells: FloatArray, time_s: float) -> _Background:
    return _Background(
        level=cells.copy(),
        noise=np.full_like(cells, FIRST_NOISE),
        threshold=np.full_like(cells, max(NOISE_FACTOR * FIRST_NOISE, FLOOR_LEVELS)),
        differed=np.zeros(cells.shape, np.uint8),
        past=deque([(time_s, cells, 1.0)]),
        last_s=time_s,
    )


def _exposure(cells: FloatArray, background: _Background) -> float:
    """The ratio by which the whole picture is brighter than the background: the median over cells that nothing stood on."""
    every = slice(None, None, EXPOSURE_STRIDE)
    seen, level, free = cells[every, every], background.level[every, every], background.differed[every, every] == 0
    ratios = (seen + DARK_LEVELS) / (level + DARK_LEVELS)
    ratios = ratios[free] if 4 * np.count_nonzero(free) > free.size else ratios.ravel()
    ratio = float(np.partition(ratios, len(ratios) // 2)[len(ratios) // 2])
    return ratio if abs(ratio - 1.0) > 0.01 else 1.0


def _lagged(past: deque[tuple[float, FloatArray, float]], time_s: float) -> tuple[float, FloatArray, float]:
    """The newest frame that is at least the lag old, or the oldest there is; what is older is forgotten."""
    while len(past) > 1 and (past[1][0] <= time_s - CHANGE_LAG_S + 1e-3 or past[0][0] > time_s):
        past.popleft()
    return past[0]


def _moving_blobs(differs: ByteArray, changed: BoolArray) -> tuple[float, FloatArray]:
    """Area and boxes of the blobs that changed lately.

    Returns:
        Fraction of the picture, and `[n, 4]` boxes, the largest first.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(differs, connectivity=8, ltype=cv2.CV_16U)
    touched = labels.ravel()[np.flatnonzero(changed & differs.view(np.bool_))]
    alive = np.bincount(touched, minlength=count) >= CHANGED_CELLS
    alive[0] = False
    kept = stats[alive]
    if not len(kept):
        return 0.0, _NO_REGIONS
    kept = kept[np.argsort(-kept[:, cv2.CC_STAT_AREA], kind="stable")]
    rows, columns = differs.shape
    boxes = kept[:MOST_REGIONS, :4].astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    boxes /= (columns, rows, columns, rows)
    boxes.flags.writeable = False
    return float(kept[:, cv2.CC_STAT_AREA].sum()) / differs.size, boxes


def _learn(background: _Background, cells: FloatArray, gain: float, deviation: FloatArray, elapsed_s: float) -> None:
    """Move the background towards the frame: fast while it is new, slowly under what stands on it."""
    background.learned_s += elapsed_s
    is_new = background.learned_s < LEARN_S
    plain_mean = elapsed_s / max(background.learned_s, 1e-6)
    adapted = -math.expm1(-elapsed_s / ADAPT_S)
    free, covered = (plain_mean, 0.5 * plain_mean) if is_new else (adapted, -math.expm1(-elapsed_s / ABSORB_S))
    level, noise, mask = background.level, background.noise, background.differed
    expected = cells if gain == 1.0 else cells * np.float32(1.0 / gain)
    cv2.accumulateWeighted(expected, level, free, mask=1 - mask)
    cv2.accumulateWeighted(expected, level, covered, mask=mask)
    if gain != 1.0:
        level *= np.float32(gain**adapted)  # the light stays so: make it the background's own
    step = np.float32(NOISE_STEP_LEVELS_PER_S * elapsed_s * (5.0 if is_new else 1.0))
    # what comes again and again to one place would else be taken for its noise, and be missed after a dozen visits
    noise += np.copysign(np.where(mask, COVERED_NOISE * step, step), deviation - noise)
    np.clip(noise, *NOISE_RANGE, out=noise)
    np.maximum(np.multiply(noise, NOISE_FACTOR, out=background.threshold), FLOOR_LEVELS, out=background.threshold)
