"""Words in pictures: read, in order, whatever way they lie, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from core.encoders.reading import PictureReader, WrittenLine, as_words
from core.encoders.text_lines import LONG_SIDE_PX, MARGIN_PX, STEP_PX, boxes_of, fit_to_detector, reading_order
from core.errors import ModelError
from core.samples import ByteArray, Image


@pytest.fixture(scope="module")
def reader(packaged: Callable[[str], Path]) -> PictureReader:
    packaged("rapidocr")
    return PictureReader(threads=1)


def drawn(*lines: tuple[int, int, str], size: tuple[int, int] = (640, 240)) -> ByteArray:
    picture = Pictures.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    for x, y, text in lines:
        pen.text((x, y), text, fill="black", font=ImageFont.load_default(size=32))
    return np.asarray(picture, np.uint8)


def read(reader: PictureReader, rgb: ByteArray) -> list[str]:
    return [line.text for line in reader.read(Image(np.ascontiguousarray(rgb)))]


def test_lines_are_read_from_above_and_each_row_from_the_left(reader: PictureReader) -> None:
    rgb = drawn((20, 150, "Emergency exit"), (380, 22, "closed"), (20, 20, "North door"))
    lines = reader.read(Image(rgb))

    assert [line.text.replace(" ", "") for line in lines] == ["Northdoor", "closed", "Emergencyexit"]  # blanks are read least surely
    assert [line.row for line in lines] == [0, 0, 1]
    assert all(line.score > 0.8 for line in lines)
    assert all(0 <= v <= 1 for line in lines for corner in line.corners for v in corner)


def test_a_picture_on_its_head_is_read(reader: PictureReader) -> None:
    (line,) = read(reader, np.rot90(drawn((20, 60, "Emergency exit only")), 2))
    assert line.replace(" ", "") == "Emergencyexitonly"


def test_a_line_of_a_directory_of_1820_is_read(reader: PictureReader, shared_data: Path) -> None:
    crop = shared_data / "text" / "paris_directories" / "crops" / "p01_0460.jpg"
    if not crop.is_file():
        pytest.skip(f"{crop} is not there")
    words = " ".join(read(reader, np.asarray(Pictures.open(crop).convert("RGB"), np.uint8)))

    assert "quincaillier" in words


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (2000, 3), (64, 64)])
def test_pictures_without_words_give_none_whatever_their_shape(reader: PictureReader, size: tuple[int, int]) -> None:
    assert read(reader, np.full((*size, 3), 200, np.uint8)) == []


@settings(deadline=None, max_examples=40)
@given(height=st.integers(1, 3000), width=st.integers(1, 3000))
def test_what_the_detector_reads_is_bounded(height: int, width: int) -> None:
    values, _, _ = fit_to_detector(np.zeros((height, width, 3), np.uint8))

    assert values.shape[0:2] == (1, 3)
    assert all(side % STEP_PX == 0 and 0 < side <= LONG_SIDE_PX + 2 * MARGIN_PX + STEP_PX for side in values.shape[2:])


def test_a_box_is_grown_around_what_the_map_shows() -> None:
    shown = np.zeros((128, 256), np.float32)
    shown[50:70, 40:200] = 0.9
    (box,) = boxes_of(shown)

    assert box[:, 0].min() < 40
    assert box[:, 0].max() > 200
    assert list(np.argsort(box.sum(1))[[0, -1]]) == [0, 2]  # upper left first, lower right third
    assert len(boxes_of(np.full((64, 64), 0.2, np.float32))) == 0


def test_rows_are_told_apart_by_their_height() -> None:
    def box(x: float, y: float) -> list[list[float]]:
        return [[x, y], [x + 50, y], [x + 50, y + 20], [x, y + 20]]

    assert reading_order(np.array([box(100, 3), box(0, 40), box(0, 0)], np.float32)) == [[2, 0], [1]]


def test_lines_become_running_text() -> None:
    def said(*texts: str) -> str:
        return as_words([WrittenLine(text, 1.0, (), row) for row, text in enumerate(texts)])

    assert said("quincail-", "lier, rue") == "quincaillier, rue"
    assert said("Rue de", "Paris") == "Rue de Paris"
    assert said("土耳其三面", "环海") == "土耳其三面环海"
    assert said("1820-", "1830") == "1820- 1830"
    assert said() == ""


def test_a_folder_without_the_files_says_what_to_pull(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="trivium models pull rapidocr"):
        PictureReader(str(tmp_path))
