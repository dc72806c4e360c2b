"""Pictures a person looks at: a frame with its boxes, as JPEG."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from core.alerts import Box
from core.errors import InputError
from core.samples import ByteArray

COLOURS_BGR = {"person": (60, 60, 235), "car": (235, 160, 40), "truck": (235, 160, 40), "bus": (235, 160, 40), "motorcycle": (235, 160, 40)}
OTHER_BGR = (60, 200, 90)
MAX_WIDTH = 1920


def snapshot_jpeg(bgr: ByteArray, boxes: Sequence[Box], caption: str, quality: int = 85) -> bytes:
    """A frame with its boxes and a caption underneath.

    Args:
        bgr: `[height, width, 3]`.
        boxes: what to draw.
        caption: one line; letters that the built-in font lacks are shown as '?'.
        quality: JPEG quality, 1 to 100.

    Raises:
        InputError: the picture cannot be encoded.
    """
    picture = _fit(bgr)
    height, width = picture.shape[:2]
    stroke = max(1, round(width / 400))
    scale = max(0.4, width / 1400)
    for box in boxes:
        colour = COLOURS_BGR.get(box.label, OTHER_BGR)
        left, top = round(box.x1 * width), round(box.y1 * height)
        right, bottom = round(box.x2 * width), round(box.y2 * height)
        cv2.rectangle(picture, (left, top), (right, bottom), colour, stroke, cv2.LINE_AA)
        name = box.label if box.track_id is None else f"{box.label} {box.track_id}"
        _label(picture, name, (left, max(top, round(22 * scale))), colour, scale, stroke)
    picture = _captioned(picture, caption, scale)
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise InputError(f"a snapshot of {width}x{height} could not be encoded as JPEG")
    return bytes(data)


def _fit(bgr: ByteArray) -> ByteArray:
    height, width = bgr.shape[:2]
    if width <= MAX_WIDTH:
        return bgr.copy()
    size = (MAX_WIDTH, max(1, round(height * MAX_WIDTH / width)))
    return cv2.resize(bgr, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _label(picture: ByteArray, text: str, corner: tuple[int, int], colour: tuple[int, int, int], scale: float, stroke: int) -> None:
    (wide, tall), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    x, y = corner
    cv2.rectangle(picture, (x, y - tall - below - 2), (x + wide + 4, y), colour, cv2.FILLED)
    cv2.putText(picture, text, (x + 2, y - below), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), stroke, cv2.LINE_AA)


def _captioned(picture: ByteArray, caption: str, scale: float) -> ByteArray:
    """The picture with a dark strip below that holds the caption, wrapped to its width."""
    width = picture.shape[1]
    letters = max(8, int(width / (cv2.getTextSize("n" * 20, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0] / 20)) - 2)
    words, rows = caption.split(), [""]
    for word in words:
        if rows[-1] and len(rows[-1]) + 1 + len(word) > letters:
            rows.append("")
        rows[-1] = f"{rows[-1]} {word}".strip()
    step = round(34 * scale)
    strip = np.full((step * len(rows) + step // 2, width, 3), 28, np.uint8)
    for index, row in enumerate(rows):
        at = (round(8 * scale) + 2, step * (index + 1) - step // 4)
        cv2.putText(strip, row, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (240, 240, 240), 1, cv2.LINE_AA)
    return np.vstack([picture, strip])
