"""The motion gate: looks at a frame's luma alone and says whether something moves, before any colour is decoded.

Each frame is shrunk to cells (area means), compared with an adaptive background after a global change of exposure has been
taken out, and thresholded by each cell's own noise. What differs from the background counts as moving only if it also
changed within the last instants: a thing that was put down, or the hole where one stood, ends its motion at once and is
absorbed slowly.
"""

from __future__ import annotations

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
NOISE_STEP_LEVELS_PER_S = 0.2
EXPOSURE_SLACK = 0.15  # how far single cells stray from a global change of exposure, as a share of that change
DARK_LEVELS = 2.0  # keeps ratios of dark cells finite
ADAPT_S = 12.0  # time constant of the background where nothing is
ABSORB_S = 40.0  # and under what differs from it
LEARN_S = 3.0  # a new background is a plain mean for this long
CHANGE_LAG_S = 0.12  # what moves differs from the picture so long ago
CHANGED_CELLS = 2  # a blob is alive with at least so many changed cells
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
        differed: which cells differed in the last frame.
        past: recent frames with their times and gains, the newest last.
        learned_s: how long it has been learned.
    """

    level: FloatArray
    noise: FloatArray
    differed: BoolArray
    past: deque[tuple[float, FloatArray, float]]
    learned_s: float = 0.0


class MotionGate:
    """The gate of one camera.

    Args:
        settings: the area that counts and how long motion is held.
    """

    def __init__(self, settings: GateSettings) -> None:
        self._settings = settings
        self._background: _Background | None = None
        self._last_s = 0.0
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
        elapsed_s = min(max(time_s - self._last_s, 0.0), 1.0)
        self._last_s = time_s
        background = self._background
        if background is None or background.level.shape != cells.shape:
            self._background = _new_background(cells, time_s)
            return self._verdict(time_s, 0.0, _NO_REGIONS, is_lighting=False)

        gain = _exposure(cells, background)
        expected = background.level * gain if gain != 1.0 else background.level
        deviation = cv2.absdiff(cells, expected)
        threshold = np.maximum(NOISE_FACTOR * background.noise, FLOOR_LEVELS)
        if abs(gain - 1.0) > 0.02:
            threshold += expected * (EXPOSURE_SLACK * abs(gain - 1.0))
        differs = cv2.morphologyEx((deviation > threshold).view(np.uint8), cv2.MORPH_OPEN, _OPENING)
        share = cv2.countNonZero(differs) / differs.size

        if share > LIGHTING_AREA and background.learned_s > 0.0:
            self._background = _new_background(cells, time_s)
            return self._verdict(time_s, 0.0, _NO_REGIONS, is_lighting=True)
        past_s, past, past_gain = _lagged(background.past, time_s)
        area, regions = 0.0, _NO_REGIONS
        if share >= self._settings.min_area * KEEP_RATIO and past_s < time_s:
            changed = cv2.absdiff(cells, past * (gain / past_gain)) > threshold
            area, regions = _moving_blobs(differs, changed)
        is_lighting = area == 0.0 and abs(gain / past_gain - 1.0) > 0.03
        _learn(background, cells, gain, deviation, differs.view(np.bool_), time_s, elapsed_s)
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
        luma = cv2.resize(luma[: rows * 2, : columns * 2], (columns, rows), interpolation=cv2.INTER_AREA)
    if max(luma.shape) > CELLS_WIDE:  # a single row or column
        step = -(-max(luma.shape) // CELLS_WIDE)
        luma = np.ascontiguousarray(luma[::step, ::step])
    return luma


def _new_background(cells: FloatArray, time_s: float) -> _Background:
    return _Background(
        level=cells.copy(),
        noise=np.full_like(cells, 1.0),
        differed=np.zeros(cells.shape, np.bool_),
        past=deque([(time_s, cells, 1.0)]),
    )


def _exposure(cells: FloatArray, background: _Background) -> float:
    """The ratio by which the whole picture is brighter than the background: the median over cells that nothing stood on."""
    seen, level, free = (a[::4, ::4] for a in (cells, background.level, ~background.differed))
    if 4 * np.count_nonzero(free) > free.size:
        seen, level = seen[free], level[free]
    ratio = float(np.median((seen + DARK_LEVELS) / (level + DARK_LEVELS)))
    return ratio if abs(ratio - 1.0) > 0.004 else 1.0


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
    alive = np.bincount(labels[changed & differs.view(np.bool_)], minlength=count) >= CHANGED_CELLS
    alive[0] = False
    kept = stats[alive]
    if not len(kept):
        return 0.0, _NO_REGIONS
    kept = kept[np.argsort(-kept[:, cv2.CC_STAT_AREA], kind="stable")]
    rows, columns = differs.shape
    largest = kept[:MOST_REGIONS].astype(np.float32)
    boxes = np.column_stack([largest[:, 0], largest[:, 1], largest[:, 0] + largest[:, 2], largest[:, 1] + largest[:, 3]])
    boxes /= np.array([columns, rows, columns, rows], np.float32)
    boxes.flags.writeable = False
    return float(kept[:, cv2.CC_STAT_AREA].sum()) / differs.size, boxes


def _learn(
    background: _Background, cells: FloatArray, gain: float, deviation: FloatArray, differs: BoolArray, time_s: float, elapsed_s: float
) -> None:
    """Move the background towards the frame: fast while it is new, slowly under what stands on it."""
    background.learned_s += elapsed_s
    is_new = background.learned_s < LEARN_S
    plain_mean = elapsed_s / max(background.learned_s, 1e-6)
    free = np.float32(plain_mean if is_new else -np.expm1(-elapsed_s / ADAPT_S))
    covered = np.float32(0.5 * plain_mean if is_new else -np.expm1(-elapsed_s / ABSORB_S))
    level, expected = background.level, cells
    if gain != 1.0:
        expected = cells * np.float32(1.0 / gain)
    mask = differs.view(np.uint8)
    cv2.accumulateWeighted(expected, level, float(free), mask=1 - mask)
    cv2.accumulateWeighted(expected, level, float(covered), mask=mask)
    if gain != 1.0:
        level *= np.float32(gain ** float(-np.expm1(-elapsed_s / ADAPT_S)))  # the light stays so: make it the background's own
    step = np.float32(NOISE_STEP_LEVELS_PER_S * elapsed_s * (5.0 if is_new else 1.0))
    background.noise += np.where(deviation > background.noise, step, -step)
    np.clip(background.noise, *NOISE_RANGE, out=background.noise)
    background.differed = differs
    background.past.append((time_s, cells, gain))
