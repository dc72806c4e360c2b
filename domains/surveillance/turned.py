"""A second look for those who fell: detectors that learned from standing people seldom find a lying one.

Where a followed person is suddenly not found, the place is cut out, turned a quarter both ways, and looked at again: what
lies then stands. Only a known track asks for it, so it costs nothing while everybody is on their feet, and it can carry a
track on but never invent one.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from core.samples import ByteArray, FloatArray
from domains.surveillance.config import DetectorSettings
from domains.surveillance.detector import Detector
from domains.surveillance.scene import Detections, Track

CUT_SIZES = 1.5  # the cut is a square of so many of the person's longer sides
LEAST_CUT_PIXELS = 32
FOUND_OVERLAP = 0.15  # a sure person who overlaps the track this much is that person
SAME_OVERLAP = 0.5
TALLEST_SHAPE = 1.2  # what is found must be lying: not much higher than wide
_TURNS = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE)


class TurnedLook:
    """The second looks of one camera.

    Args:
        settings: `min_score` says which people count as found.

    Attributes:
        looks: turned pictures that the detector was asked about.
    """

    def __init__(self, settings: DetectorSettings) -> None:
        self._min_score = settings.min_score
        self._last_turn: int | None = None
        self.looks = 0

    def look(self, detector: Detector, frame: ByteArray, detections: Detections, tracks: Sequence[Track]) -> Detections:
        """The detections, and the lying person that a second look found.

        Args:
            detector: looks at the turned cut.
            frame: BGR `[height, width, 3]`.
            detections: what the first look found in it.
            tracks: where everybody was one look ago.
        """
        people = [i for i, label in enumerate(detections.labels) if label == "person"]
        sure = [detections.boxes[i] for i in people if detections.scores[i] >= self._min_score]
        missed = [t for t in tracks if t.label == "person" and all(overlap(t.box, box) < FOUND_OVERLAP for box in sure)]
        if not missed:
            return detections
        largest = max(missed, key=lambda t: float((t.box[2] - t.box[0]) * (t.box[3] - t.box[1])))
        found = self._look_around(detector, frame, largest.box)
        if found is None:
            return detections
        box, score = found
        kept = [i for i in range(len(detections)) if i not in people or overlap(detections.boxes[i], box) < SAME_OVERLAP]
        return Detections(
            np.vstack([detections.boxes[kept], box[None]]).astype(np.float32),
            np.append(detections.scores[kept], score).astype(np.float32),
            (*(detections.labels[i] for i in kept), "person"),
        )

    def _look_around(self, detector: Detector, frame: ByteArray, box: FloatArray) -> tuple[FloatArray, float] | None:
        left, top, side = _cut_around(frame, box)
        if side < LEAST_CUT_PIXELS:
            return None
        cut = frame[top : top + side, left : left + side]
        best: tuple[float, FloatArray, int] | None = None
        for turn in sorted(_TURNS, key=lambda t: t != self._last_turn):
            self.looks += 1
            result = detector.detect([cv2.rotate(cut, turn)])[0]  # type: ignore[list-item]
            for turned, score, label in zip(result.boxes, result.scores, result.labels, strict=True):
                upright = _turn_back(turned, turn)
                if label == "person" and _shape(upright, cut) <= TALLEST_SHAPE and (best is None or score > best[0]):
                    best = (float(score), upright, turn)
            if best is not None and best[0] >= self._min_score:
                break
        if best is None:
            return None
        score, upright, self._last_turn = best
        height, width = frame.shape[:2]
        at = upright * np.array([cut.shape[1], cut.shape[0]] * 2, np.float32) + np.array([left, top] * 2, np.float32)
        return np.clip(at / np.array([width, height] * 2, np.float32), 0.0, 1.0).astype(np.float32), score


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
