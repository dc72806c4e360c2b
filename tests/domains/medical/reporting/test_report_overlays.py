"""Overlays mark what the model looked at and hide nothing of the picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.samples import ByteArray
from domains.medical.reporting.overlay import BOX_RGB, overlay

GREY = np.full((400, 500, 3), 100, np.uint8)


def opened(content: bytes) -> ByteArray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_heat_colours_the_hottest_part_and_leaves_cold_parts_as_they_are() -> None:
    heat = np.zeros((7, 7), np.float32)
    heat[5, 1] = 1.0
    drawn = opened(overlay(GREY, heat=heat))
    hot, cold = drawn[int(400 * 5.5 / 7), int(500 * 1.5 / 7)], drawn[40, 450]
    assert hot[0] > 130 > 90 > hot[2]
    assert cold.tolist() == [100, 100, 100]


def test_negative_heat_is_no_heat() -> None:
    assert (opened(overlay(GREY, heat=np.full((7, 7), -1.0, np.float32)))[:400] == 100).all()


def test_a_box_lies_where_it_was_asked_for() -> None:
    drawn = opened(overlay(GREY, box=(0.2, 0.25, 0.6, 0.75)))
    marked = np.argwhere((drawn[:400] == BOX_RGB).all(axis=2))
    assert marked.min(axis=0).tolist() == pytest.approx([0.25 * 399, 0.2 * 499], abs=1)
    assert marked.max(axis=0).tolist() == pytest.approx([0.75 * 399, 0.6 * 499], abs=1)


def test_the_legend_stands_below_the_picture() -> None:
    drawn = opened(overlay(GREY, box=(0, 0, 1, 1), heat=np.ones((2, 2), np.float32), title="pleural effusion " * 20))
    assert drawn.shape[1] == 500
    assert drawn.shape[0] > 430
    assert (drawn[400:] > 150).any()


def test_a_small_picture_grows_until_a_legend_fits() -> None:
    assert opened(overlay(np.zeros((64, 32, 3), np.uint8), box=(0, 0, 1, 1))).shape[1] == 192


@pytest.mark.parametrize(
    "rgb", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 3))]
)
def test_what_is_no_picture_is_refused(rgb: ByteArray) -> None:
    with pytest.raises(InputError, match="needs a picture"):
        overlay(rgb)


def test_heat_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InputError, match="heat map"):
        overlay(GREY, heat=np.array([[np.nan, 1.0]], np.float32))
