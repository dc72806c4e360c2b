"""A second look for those who fell: detectors that learned from standing people seldom find a lying one.

Where a followed person is suddenly not found, the place is cut out, turned a quarter both ways, and looked at again: what
lies then stands. Only a known track asks for it, and not for ever, so it costs little while everybody is on their feet; it
can carry a track on but never invent one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from core.samples import ByteArray, FloatArray
from domains.surveillance.config import DetectorSettings
from domains.surveillance.detector import Detector
from domains.surveillance.scene import Detections, Track

CUT_SIZES = 1.5  # the cut is a square of so many of the person's longer sides
LEAST_CUT_PIXELS = 80
FOUND_OVERLAP = 0.15  # a sure person who overlaps the track this much is that person
SAME_OVERLAP = 0.5
TALLEST_SHAPE = 1.2  # what is found must be lying: not much higher than wide,
STOOD_SHAPE = 1.0  # a track stood if it was higher than wide: a hand that reaches in never is
UPRIGHT_SHAPE = 1.5
SUNK_SHARE = 0.2  # and its top this share of an upright person's height below where it was
CARRY_SHARE = 0.75  # once found lying, this share of `min_score` is enough to go on
FIRST_WAIT_S = 0.15  # one missed look is nothing yet
TRIES_EVERY_S = (0.0, 0.2, 0.4, 0.8)  # waits between vain looks for one person; then none until it was found standing again
_TURNS = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE)


@dataclass(slots=True)
class _Search:
    """The looks for one missed person.

    Attributes:
        next_s: no look before this time.
        vain: looks since it was last found lying.
        turn: the turn in which it was found lying, or None.
    """

    next_s: float
    vain: int = 0
    turn: int | None = None


class TurnedLook:
    """The second looks of one camera.

    Args:
        settings: `min_score` says which people count as found.

    Attributes:
        looks: turned pictures that the detector was asked about.
    """

    def __init__(self, settings: DetectorSettings) -> None:
        self._min_score = settings.min_score
        self._searches: dict[int, _Search] = {}
        self._stood: set[int] = set()
        self.looks = 0

    def look(self, detector: Detector, frame: ByteArray, detections: Detections, tracks: Sequence[Track], time_s: float) -> Detections:
        """The detections, and the lying person that a second look found.

        Args:
            detector: looks at the turned cut.
            frame: BGR `[height, width, 3]`.
            detections: what the first look found in it.
            tracks: where everybody was one look ago.
            time_s: the frame's time.
        """
        stand = {t.id for t in tracks if t.is_seen and _shape(t.box, frame) > STOOD_SHAPE}
        self._stood = {t.id for t in tracks if t.id in self._stood or t.id in stand}
        people = [i for i, label in enumerate(detections.labels) if label == "person"]
        sure = [detections.boxes[i] for i in people if detections.scores[i] >= self._min_score]
        followed = [t for t in tracks if t.label == "person" and t.id in self._stood]
        missed = [t for t in followed if all(overlap(t.box, box) < FOUND_OVERLAP for box in sure)]
        self._searches = {t.id: self._searches.get(t.id) or _Search(next_s=time_s + FIRST_WAIT_S) for t in missed}
        due = [t for t in missed if self._is_due(self._searches[t.id], time_s)]
        if not due:
            return detections
        track = max(due, key=lambda t: float((t.box[2] - t.box[0]) * (t.box[3] - t.box[1])))
        found = self._look_around(detector, frame, track)
        search = self._searches[track.id]
        if found is None:
            search.next_s = time_s + TRIES_EVERY_S[min(search.vain, len(TRIES_EVERY_S) - 1)] - 1e-3
            search.vain += 1
            return detections
        search.vain = 0
        box, score = found
        kept = [i for i in range(len(detections)) if i not in people or overlap(detections.boxes[i], box) < SAME_OVERLAP]
        return Detections(
            np.vstack([detections.boxes[kept], box[None]]).astype(np.float32),
            np.append(detections.scores[kept], score).astype(np.float32),
            (*(detections.labels[i] for i in kept), "person"),
        )

    def _is_due(self, search: _Search, time_s: float) -> bool:
        return search.vain < len(TRIES_EVERY_S) and time_s >= search.next_s

    def _look_around(self, detector: Detector, frame: ByteArray, track: Track) -> tuple[FloatArray, float] | None:
        """The lying person at a track's place: box in fractions of the frame, and score."""
        left, top, side = _cut_around(frame, track.box)
        if side < LEAST_CUT_PIXELS:
            return None
        height, width = frame.shape[:2]
        cut, search = frame[top : top + side, left : left + side], self._searches[track.id]
        least = self._min_score if search.turn is None else self._min_score * CARRY_SHARE
        for turn in sorted(_TURNS, key=lambda t: t != search.turn):
            self.looks += 1
            result = detector.detect([cv2.rotate(cut, turn)])[0]  # type: ignore[list-item]
            for turned, score, label in zip(result.boxes, result.scores, result.labels, strict=True):  # the surest first
                if label != "person" or score < least:
                    continue
                pixels = _turn_back(turned, turn) * np.float32(side) + np.array([left, top] * 2, np.float32)
                box = np.clip(pixels / np.array([width, height] * 2, np.float32), 0.0, 1.0).astype(np.float32)
                if _shape(box, frame) <= TALLEST_SHAPE and (_shape(track.box, frame) < UPRIGHT_SHAPE or _has_sunk(box, track.box)):
                    search.turn = turn
                    return box, float(score)
        return None


def _has_sunk(box: FloatArray, before: FloatArray) -> bool:
    return bool(box[1] >= before[1] + SUNK_SHARE * (before[3] - before[1]))


def overlap(a: FloatArray, b: FloatArray) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


def _cut_around(frame: ByteArray, box: FloatArray) -> tuple[int, int, int]:
    """Left, top and side in pixels of a square around a box, moved inside the frame."""
    height, width = frame.shape[:2]
    x1, y1, x2, y2 = box * np.array([width, height] * 2, np.float32)
    side = round(min(CUT_SIZES * float(max(x2 - x1, y2 - y1)), width, height))
    left = min(max(round(float(x1 + x2 - side) / 2), 0), width - side)
    top = min(max(round(float(y1 + y2 - side) / 2), 0), height - side)
    return left, top, side


def _turn_back(box: FloatArray, turn: int) -> FloatArray:
    """A box of a turned picture in fractions of the picture as it was."""
    x1, y1, x2, y2 = box
    if turn == cv2.ROTATE_90_CLOCKWISE:  # (x, y) -> (1 - y, x)
        return np.array([y1, 1 - x2, y2, 1 - x1], np.float32)
    return np.array([1 - y2, x1, 1 - y1, x2], np.float32)


def _shape(box: FloatArray, picture: ByteArray) -> float:
    """Height over width in pixels."""
    width = float(box[2] - box[0]) * picture.shape[1]
    return float(box[3] - box[1]) * picture.shape[0] / width if width > 0 else float("inf")
