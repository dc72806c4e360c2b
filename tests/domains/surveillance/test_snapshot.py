"""Snapshots can be looked at: they decode, carry their boxes, and stay within a size."""

from __future__ import annotations

import cv2
import numpy as np

from core.alerts import Box
from domains.surveillance.snapshot import snapshot_jpeg


def decoded(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def test_a_box_is_drawn_where_it_lies_and_the_caption_is_below_the_picture() -> None:
    frame = np.full((240, 320, 3), 128, np.uint8)

    picture = decoded(snapshot_jpeg(frame, [Box(0.25, 0.25, 0.75, 0.75, "person", 0.9, 7)], "hall  person"))

    assert picture.shape[1] == 320
    assert picture.shape[0] > 240
    left_edge = picture[120, 80].astype(int)
    assert left_edge[2] > left_edge[0] + 60  # a person's box is red
    assert np.abs(picture[120, 160].astype(int) - 128).max() < 12  # the inside is left as it was


def test_the_frame_itself_is_not_changed() -> None:
    frame = np.full((64, 64, 3), 10, np.uint8)

    snapshot_jpeg(frame, [Box(0.1, 0.1, 0.9, 0.9, "car")], "yard")

    assert (frame == 10).all()


def test_a_huge_and_a_tiny_frame_are_both_drawn() -> None:
    assert decoded(snapshot_jpeg(np.zeros((4320, 7680, 3), np.uint8), [], "8K")).shape[1] == 1920
    assert decoded(snapshot_jpeg(np.zeros((1, 1, 3), np.uint8), [Box(0, 0, 1, 1, "person")], "a caption that does not fit")).shape[1] == 1
