"""From a decoded video frame to luma and colour, with privacy masks applied to both.

Luma is a view of the decoder's own Y plane where the pixel format has one, so looking at it costs nothing.
"""

from __future__ import annotations

import threading

import av
import cv2
import numpy as np

from core.samples import ByteArray
from domains.surveillance.privacy import PrivacyMask

_EIGHT_BIT_LUMA = frozenset(
    {
        "yuv420p",
        "yuvj420p",
        "yuv422p",
        "yuvj422p",
        "yuv444p",
        "yuvj444p",
        "yuv440p",
        "yuvj440p",
        "yuv411p",
        "yuvj411p",
        "nv12",
        "nv21",
        "gray",
    }
)
_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


def luma_of(frame: av.VideoFrame, masks: PrivacyMask | None = None) -> ByteArray:
    """The brightness of a frame.

    Args:
        frame: decoded, any pixel format.
        masks: blacked out; a copy is made only for these.

    Returns:
        `[height, width]`, read-only.
    """
    shown = frame if frame.format.name in _EIGHT_BIT_LUMA else frame.reformat(format="gray")
    plane = shown.planes[0]
    rows: ByteArray = np.frombuffer(memoryview(plane), np.uint8, count=plane.line_size * shown.height)
    luma = rows.reshape(shown.height, plane.line_size)
    luma = _upright(luma[:, : shown.width], frame)
    if masks is not None:
        luma = masks.blacken(luma)
    luma.flags.writeable = False
    return luma


def bgr_of(frame: av.VideoFrame, masks: PrivacyMask | None = None) -> ByteArray:
    """A frame in colour.

    Returns:
        `[height, width, 3]`, blue green red, read-only.
    """
    bgr: ByteArray = _upright(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), frame)
    if masks is not None:
        bgr = masks.blacken(bgr)
    bgr.flags.writeable = False
    return bgr


class Colour:
    """Converts a frame to BGR when first asked, from any thread; then gives the same array."""

    __slots__ = ("_bgr", "_frame", "_lock", "_masks")

    def __init__(self, frame: av.VideoFrame, masks: PrivacyMask | None) -> None:
        self._frame: av.VideoFrame | None = frame
        self._masks = masks
        self._bgr: ByteArray | None = None
        self._lock = threading.Lock()

    def __call__(self) -> ByteArray:
        with self._lock:
            if self._bgr is None:
                assert self._frame is not None
                self._bgr = bgr_of(self._frame, self._masks)
                self._frame = None
            return self._bgr


def _upright(picture: ByteArray, frame: av.VideoFrame) -> ByteArray:
    turn = _TURNS.get(frame.rotation % 360)
    if turn is None:
        return picture
    return np.asarray(cv2.rotate(np.ascontiguousarray(picture), turn), np.uint8)
