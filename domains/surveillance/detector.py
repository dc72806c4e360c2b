"""Find people, vehicles and things in pictures.

Model: NanoDet-g (RangiLyu, 2020), 80 COCO classes, packaged weights, run by onnxruntime.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from core.errors import ConfigError, InputError, ModelError
from core.samples import ByteArray, FloatArray
from core.weights import locate
from domains.surveillance.coco import COCO
from domains.surveillance.config import DetectorSettings
from domains.surveillance.scene import Detections

SIDE = 416  # pixels; the whole frame is stretched to a square of this side...
ASPECTS = (1.0, 4 / 3)  # ...after a wider or taller one was padded to these: squeezed further, people are no longer found
MEAN_BGR = (103.53, 116.28, 123.675)
STD_BGR = (57.375, 57.12, 58.395)
MAPS = (52, 26, 13)  # cells along a side of each of the model's three maps
BINS = 11  # a side's distance is a distribution over 0 to 10 cells
OVERLAP = 0.5  # of two boxes of one class that overlap more, the surer stays
FAINT_SHARE = 0.75  # finds below `min_score` are given down to this share of it: they may carry a known track on, never begin one
MOST_DETECTIONS = 100


class Detector(Protocol):
    """Finds objects in pictures."""

    def detect(self, frames: Sequence[ByteArray]) -> list[Detections]:
        """Look at pictures, each on its own.

        Args:
            frames: BGR, each `[height, width, 3]`, 0 to 255, of any size.

        Returns:
            One value a frame, the surest first. Finds fainter than the settings' `min_score` may be among them.

        Raises:
            InputError: not a picture.
        """
        ...


def load_detector(settings: DetectorSettings, threads: int = 2) -> Detector:
    """The detector that the settings name.

    Raises:
        ConfigError: no such detector, or a label that it does not know.
        ModelError: its weights are missing or damaged.
    """
    if settings.name != "nanodet":
        raise ConfigError(f"no detector {settings.name!r}; surveillance.detector.name must be 'nanodet'")
    return NanoDetDetector(settings, threads)


class NanoDetDetector:
    """NanoDet-g.

    Args:
        settings: what to keep, and how sure it must be.
        threads: processor threads.
        folder: where `nanodet.onnx` is; by default the packaged weights.

    Raises:
        ConfigError: a label is not COCO's.
        ModelError: the weights are missing or damaged.
    """

    def __init__(self, settings: DetectorSettings, threads: int = 2, folder: Path | None = None) -> None:
        unknown = sorted(set(settings.labels) - set(COCO))
        if unknown:
            raise ConfigError(
                f"surveillance.detector.labels: no such objects: {', '.join(unknown)}; use COCO's words, such as person or car"
            )
        self._classes = np.array([COCO.index(label) for label in dict.fromkeys(settings.labels)], np.intp)
        self._least = settings.min_score * FAINT_SHARE
        self._session = _open_session((folder or locate("nanodet")) / "nanodet.onnx", threads)
        self._centres = {side: _cell_centres(side) for side in MAPS}

    def detect(self, frames: Sequence[ByteArray]) -> list[Detections]:
        """Look at pictures, each on its own; see `Detector.detect`."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: ByteArray) -> Detections:
        square, inside = _as_input(frame)
        names = [f"{kind}_{side}" for side in MAPS for kind in ("scores", "distances")]
        found = dict(zip(names, self._session.run(names, {"bgr": square}), strict=True))
        parts = [self._read_map(side, found[f"scores_{side}"][0], found[f"distances_{side}"][0]) for side in MAPS]
        boxes, scores, classes = (np.concatenate(column) for column in zip(*parts, strict=True))
        if not len(boxes):
            return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), ())
        kept = _suppress(boxes, scores, classes, self._least)
        left, top, width, height = inside
        fractions = (boxes[kept] - (left, top, left, top)) / (width, height, width, height)
        labels = tuple(COCO[self._classes[c]] for c in classes[kept])
        return Detections(np.clip(fractions, 0.0, 1.0).astype(np.float32), scores[kept], labels)

    def _read_map(self, side: int, scores: FloatArray, distances: FloatArray) -> tuple[FloatArray, FloatArray, Any]:
        """The sure cells of one map.

        Args:
            side: cells along a side.
            scores: `[cells, 80]`.
            distances: `[cells, 4 * BINS]`, logits for left, top, right, bottom.

        Returns:
            Boxes `[n, 4]` in pixels of the square, scores `[n]`, indices into the wanted classes `[n]`.
        """
        wanted = scores[:, self._classes]  # [cells, classes]
        kinds = wanted.argmax(1)
        best = wanted[np.arange(len(wanted)), kinds]
        sure = np.flatnonzero(best >= max(self._least, 1e-3))
        logits = distances[sure].reshape(-1, 4, BINS)
        weights = np.exp(logits - logits.max(2, keepdims=True))
        reach = weights @ np.arange(BINS, dtype=np.float32) / weights.sum(2) * (SIDE / side)  # [n, 4]
        centres = self._centres[side][sure]
        return np.hstack([centres - reach[:, :2], centres + reach[:, 2:]]), best[sure], kinds[sure]


def _suppress(boxes: FloatArray, scores: FloatArray, classes: Any, least: float) -> Any:
    """Indices of the boxes that no surer box of their class covers, the surest first."""
    corner_and_size = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    kept = cv2.dnn.NMSBoxesBatched(corner_and_size.tolist(), scores.tolist(), classes.tolist(), max(least, 1e-3) * 0.999, OVERLAP)
    indices = np.asarray(kept, np.intp).reshape(-1)
    return indices[np.argsort(-scores[indices], kind="stable")][:MOST_DETECTIONS]


def _as_input(frame: ByteArray) -> tuple[FloatArray, tuple[int, int, int, int]]:
    """A BGR picture as `[1, 3, 416, 416]`, normalised; and where in the square it lies: left, top, width, height."""
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape or frame.dtype != np.uint8:
        raise InputError(f"the detector needs BGR pictures [height, width, 3] of bytes, not {list(frame.shape)} of {frame.dtype}")
    aspect = frame.shape[1] / frame.shape[0]
    width = max(1, round(SIDE * min(1.0, aspect / ASPECTS[0])))
    height = max(1, round(SIDE * min(1.0, ASPECTS[1] / aspect)))
    left, top = (SIDE - width) // 2, (SIDE - height) // 2
    square = np.zeros((SIDE, SIDE, 3), np.float32)
    inside = square[top : top + height, left : left + width]
    inside += cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
    inside -= np.array(MEAN_BGR, np.float32)
    inside *= 1.0 / np.array(STD_BGR, np.float32)
    return np.ascontiguousarray(square.transpose(2, 0, 1)[None]), (left, top, width, height)


def _cell_centres(side: int) -> FloatArray:
    """Centres of a map's cells in pixels of the square, `[side * side, 2]`, row by row."""
    steps = (np.arange(side, dtype=np.float32) + 0.5) * (SIDE / side)
    x, y = np.meshgrid(steps, steps)
    return np.column_stack([x.ravel(), y.ravel()]).astype(np.float32)


def _open_session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads must not starve the other stages
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common base of their own
        raise ModelError(f"{path} cannot be read as a detector; run: trivium models pull nanodet") from error
