"""The Open Images detector: one published file is a list of labels followed by a TensorFlow Lite model; split them."""

from __future__ import annotations

from pathlib import Path

from core.errors import ModelError

LABEL_BYTES = 184
TFLITE_MARK = b"TFL3"  # at byte 4 of every TensorFlow Lite file


def convert(raw: Path, ready: Path) -> None:
    """Write `labels.txt` (a line a class, the first is the background) and `detector.tflite` into `ready`."""
    packed = next(raw.glob("*.data")).read_bytes()
    if packed[LABEL_BYTES + 4 : LABEL_BYTES + 8] != TFLITE_MARK:
        raise ModelError("the Open Images detector is not laid out as expected")
    (ready / "labels.txt").write_bytes(packed[:LABEL_BYTES])
    (ready / "detector.tflite").write_bytes(packed[LABEL_BYTES:])
