"""A small picture of a moment, to be shown beside another one: a JPEG of at most a few kilobytes."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np

from core.errors import InputError
from core.normality_pictures import PICTURE_BYTES
from core.samples import ByteArray

WIDTHS_PX = (256, 160, 96)
QUALITIES = (70, 45, 25)


def thumbnail_jpeg(bgr: ByteArray) -> bytes:
    """A picture as a JPEG of at most `core.normality_pictures.PICTURE_BYTES`, first at less quality, then at less width.

    Args:
        bgr: `[height, width, 3]`.

    Raises:
        InputError: it does not become small enough.
    """
    for width, quality in product(WIDTHS_PX, QUALITIES):
        small = _shrunk(bgr, width)
        done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done and len(data) <= PICTURE_BYTES:
            return bytes(data)
    raise InputError(f"a picture of {bgr.shape[1]}x{bgr.shape[0]} does not become a thumbnail of {PICTURE_BYTES} bytes")


def _shrunk(bgr: ByteArray, longest_px: int) -> ByteArray:
    height, width = bgr.shape[:2]
    scale = min(1.0, longest_px / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8) if scale < 1.0 else bgr
