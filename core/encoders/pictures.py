"""Cut and shrink pictures to the square that a network takes; memory stays bounded whatever their size and shape."""

from __future__ import annotations

import cv2
import numpy as np

from core.samples import ByteArray, FloatArray

CENTRE_FRACTION = 224 / 256  # of the short side: the crop that ImageNet networks were measured with
DARK_BELOW = 40.0
BRIGHT_ABOVE = 215.0


def centre_square(rgb: ByteArray, side_px: int) -> ByteArray:
    """The middle of a picture, `[side, side, 3]`; cut before it is resized, so that a very long picture costs nothing."""
    height, width = rgb.shape[:2]
    cut = max(1, round(min(height, width) * CENTRE_FRACTION))
    top, left = (height - cut) // 2, (width - cut) // 2
    return resize(rgb[top : top + cut, left : left + cut], side_px)


def region_square(rgb: ByteArray, region: FloatArray, margin: float, side_px: int) -> ByteArray:
    """A region with a margin, made square where the picture allows, `[side, side, 3]`.

    Args:
        region: x1 y1 x2 y2 in 0 to 1.
        margin: added on each side, as a fraction of the region's longer side.
    """
    height, width = rgb.shape[:2]
    x1, y1, x2, y2 = (float(v) for v in np.clip(region, 0.0, 1.0))
    side = max((x2 - x1) * width, (y2 - y1) * height) * (1 + 2 * margin)
    centre_x, centre_y = (x1 + x2) / 2 * width, (y1 + y2) / 2 * height
    left, right = _span(centre_x, side, width)
    top, bottom = _span(centre_y, side, height)
    return resize(rgb[top:bottom, left:right], side_px)


def resize(rgb: ByteArray, side_px: int) -> ByteArray:
    """Stretch to `[side, side, 3]`."""
    shrinks = rgb.shape[0] * rgb.shape[1] > side_px * side_px
    squeezed = cv2.resize(np.ascontiguousarray(rgb), (side_px, side_px), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(squeezed, np.uint8)


def shrink(rgb: ByteArray, max_side_px: int) -> ByteArray:
    """The picture itself, or a smaller one of the same shape whose longer side is `max_side_px`."""
    height, width = rgb.shape[:2]
    scale = max_side_px / max(height, width)
    if scale >= 1:
        return rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(np.ascontiguousarray(rgb), size, interpolation=cv2.INTER_AREA), np.uint8)


def brightness_word(rgb: ByteArray) -> str:
    """`dark `, `bright ` or nothing, to be put before a noun."""
    mean = float(rgb.mean())
    return "dark " if mean < DARK_BELOW else "bright " if mean > BRIGHT_ABOVE else ""


def _span(centre: float, length: float, limit: int) -> tuple[int, int]:
    """Begin and end of a span around `centre`, moved inside 0..limit, at least one pixel long."""
    length = min(length, float(limit))
    begin = min(max(centre - length / 2, 0.0), limit - length)
    first = min(round(begin), limit - 1)
    return first, min(max(first + 1, round(begin + length)), limit)
