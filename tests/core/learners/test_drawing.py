"""Drawing from a table: what is asked is drawn, the same by the same seed, and what cannot be drawn is one line."""

import base64
import io
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.drawing.learned import DrawingLearned, another_row
from core.errors import ConfigError, InputError, ModelError
from core.learners import learner, load
from core.learners._options import options_of
from core.model_folder import save_whole
from core.table import Table, read_table, recast

COLOURS = {"red": (0, 0, 255), "green": (0, 200, 0), "blue": (255, 60, 0)}
TINY = {
    "side_px": 16,
    "width": 32,
    "depth": 2,
    "batch": 32,
    "rate": 5e-3,
    "training_steps": 200,
    "classifier_steps": 60,
    "steps": 4,
}
BARELY = TINY | {"training_steps": 2, "classifier_steps": 2}


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One large square in a table of 60: its colour, whether it is right or left, and a maker."""
    folder = tmp_path_factory.mktemp("squares")
    lines = ["id,picture,colour,right,maker"]
    for index in range(60):
        colour, right = list(COLOURS)[index % 3], index % 2
        picture = np.full((32, 32, 3), 255, np.uint8)
        picture[4:28, 16 * right + 2 : 16 * right + 14] = COLOURS[colour]
        cv2.imwrite(str(folder / f"{index}.png"), picture)
        lines.append(f"s{index},{index}.png,{colour},{right},m{index // 2}")
    (folder / "squares.csv").write_text("\n".join(lines) + "\n")
    return folder / "squares.csv"


@pytest.fixture(scope="module")
def table(squares: Path) -> Table:
    return read_table(squares, kinds={"colour": "category", "right": "number"}, group="maker")


@pytest.fixture(scope="module")
def folder(table: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = learner("drawing")
    out = tmp_path_factory.mktemp("models") / "drawer"
    chosen.fit(table.select(range(48)), out, options_of(chosen, TINY), say=lambda _: None)
    return out


@pytest.fixture(scope="module")
def drawer(folder: Path) -> DrawingLearned:
    found = load(folder)
    assert isinstance(found, DrawingLearned)
    return found


def test_what_is_asked_is_drawn_far_above_chance(drawer: DrawingLearned, table: Table) -> None:
    figures = drawer.evaluate(table.select(range(48, 60)))
    assert next(iter(figures)) == "control"
    assert figures["true_pictures"].value > 0.9
    assert figures["control"].value > 0.7  # 24 answers, so one is 0.04; what the model must show is the next line
    assert figures["shuffled"].high < figures["control"].low
    assert figures["unconditional"].value < figures["control"].value
    assert {"control/colour", "shuffled/right", "unconditional/colour", "true_pictures/right"} <= set(figures)


def test_colours_are_those_asked_for_by_the_pixels_too(drawer: DrawingLearned, table: Table) -> None:
    asked = table.select([0, 1, 2])  # red, green, blue
    drawn = drawer.draw(asked).astype(int)
    ink = [picture[picture.min(2) < 128].mean(0) for picture in drawn]
    assert [int(colour.argmax()) for colour in ink] == [0, 1, 2]


def test_another_process_draws_the_same(drawer: DrawingLearned, folder: Path, squares: Path, table: Table) -> None:
    code = (
        "import sys, hashlib; from core import load, read_table\n"
        f"t = read_table({str(squares)!r}, kinds={{'colour': 'category', 'right': 'number'}}, group='maker').select(range(48, 52))\n"
        f"print(hashlib.sha256(load({str(folder)!r}).draw(t).tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    import hashlib

    assert done.stdout.strip() == hashlib.sha256(drawer.draw(table.select(range(48, 52))).tobytes()).hexdigest()


def test_a_row_draws_the_same_whatever_stands_around_it_and_another_seed_another(drawer: DrawingLearned, table: Table) -> None:
    together, alone = drawer.draw(table.select(range(50, 54)))[2], drawer.draw(table.select([52]))[0]
    assert np.abs(together.astype(int) - alone.astype(int)).max() <= 1  # sums of floats in another order
    other = drawer.draw(table.select([52]), seed=5)[0]
    assert np.abs(other.astype(int) - alone.astype(int)).max() > 3


def test_a_picture_says_that_a_model_drew_it(drawer: DrawingLearned, table: Table) -> None:
    (answer,) = drawer.predict(recast(table.select([52]), {"picture": "ignored"}))
    assert answer["id"] == "s52"
    assert answer["asked"] == "colour: green, right: 0"
    assert "drawn by a model" in answer["note"]
    with Image.open(io.BytesIO(base64.b64decode(answer["image"].partition(",")[2]))) as picture:
        assert (picture.format, picture.size) == ("PNG", (16, 16))
        assert picture.info["Comment"] == "drawn by a model"
        assert picture.info["Description"] == "colour: green, right: 0"


def test_the_card_says_how_small_it_is_on_what_and_that_pictures_are_synthetic(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    assert "synthetic" in card
    assert "parameters (width 32, 2 blocks)" in card
    assert "pictures of squares.csv, 16 x 16" in card
    assert "control" in card


def test_no_group_is_on_both_sides_and_rows_of_training_are_refused(drawer: DrawingLearned, table: Table, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="48 rows were used in training"):
        drawer.evaluate(table)
    chosen = learner("drawing")
    with pytest.raises(InputError, match="the group 'm15' is in training and in test"):
        chosen.fit(table.select(range(31)), tmp_path / "m", options_of(chosen, BARELY), validation=table.select(range(31, 40)))
    assert not list(tmp_path.iterdir())


def test_rows_without_a_picture_that_can_be_read_are_told_and_left_out(squares: Path, tmp_path: Path) -> None:
    shutil.copytree(squares.parent, tmp_path / "t")
    (tmp_path / "t" / "7.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    table = read_table(tmp_path / "t" / "squares.csv", kinds={"colour": "category", "picture": "image"}, group="maker")
    chosen, said = learner("drawing"), list[str]()
    chosen.fit(table.select(range(20)), tmp_path / "m", options_of(chosen, BARELY), say=said.append)
    assert [line for line in said if "line 9, column 'picture'" in line and "row left out" in line]


@pytest.mark.parametrize(
    ("kinds", "rows", "said"),
    [
        ({"picture": "ignored"}, 20, "one image column is needed"),
        ({"colour": "ignored", "right": "ignored"}, 20, "nothing to draw from"),
        ({}, 1, "1 rows are too few"),
        ({"maker": "group"}, 0, "0 rows are too few"),
    ],
)
def test_what_cannot_be_learned_from_is_one_line_and_nothing_is_written(
    table: Table, tmp_path: Path, kinds: dict[str, str], rows: int, said: str
) -> None:
    chosen = learner("drawing")
    with pytest.raises(InputError, match=said) as caught:
        chosen.fit(recast(table, kinds).select(range(rows)), tmp_path / "m", options_of(chosen, BARELY), say=lambda _: None)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_rows_none_of_whose_pictures_is_there_are_refused(table: Table, tmp_path: Path) -> None:
    from dataclasses import replace

    chosen = learner("drawing")
    with pytest.raises(InputError, match="0 rows with a picture to train on"):
        chosen.fit(replace(table, root=tmp_path), tmp_path / "m", options_of(chosen, BARELY), say=lambda _: None)


@pytest.mark.parametrize("name", ["drawer.safetensors", "classifier.safetensors"])
def test_truncated_weights_are_refused_even_with_their_own_hash(folder: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / name).write_bytes((copy / name).read_bytes()[:-100])
    with pytest.raises(ModelError, match="damaged or was changed"):
        load(copy)
    with pytest.raises(ModelError, match="not a safetensors file"):
        load(_rehashed(copy, tmp_path / "rehashed"))


def test_a_folder_of_another_task_or_of_other_files_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "config.json").write_text((folder / "config.json").read_text().replace('"learner": "drawing"', '"learner": "captioning"'))
    with pytest.raises(ModelError, match="another task than drawing"):
        learner("drawing").load(_rehashed(copy, tmp_path / "other"))
    (copy / "config.json").write_text((folder / "config.json").read_text().replace('"width": 32', '"width": 40'))
    with pytest.raises(ModelError, match=r"drawer\.safetensors does not fit"):
        load(_rehashed(copy, tmp_path / "wider"))
    shutil.copy(folder / "config.json", copy)
    (copy / "more.bin").write_bytes(b"1")
    with pytest.raises(ModelError, match="must hold exactly"):
        load(_rehashed(copy, tmp_path / "more"))


def test_settings_that_do_not_fit_are_said(table: Table, tmp_path: Path) -> None:
    chosen = learner("drawing")
    for values, said in (
        ({"patch_px": 5}, "patch_px must divide side_px"),
        ({"side_px": 96, "patch_px": 1}, "at most 1024 tokens"),
        ({"backend": "diffusers"}, "model names the weights"),
        ({"model": "hf:owner/model"}, "model names the weights"),
        ({"guidence": 2}, "did you mean 'guidance'"),
    ):
        with pytest.raises(ConfigError, match=said):
            options_of(chosen, values)
    options = options_of(chosen, {"backend": "diffusers", "model": str(tmp_path)})
    with pytest.raises(ModelError, match=r"pip install diffusers|no diffusers pipeline"):
        chosen.fit(table, tmp_path / "m", options, say=lambda _: None)


@given(st.lists(st.integers(0, 6).map(str), min_size=2, max_size=40))
def test_another_row_is_of_another_group_where_that_can_be(groups: list[str]) -> None:
    other = another_row(tuple(groups), 0)
    assert sorted(other) == list(range(len(groups)))
    if max(groups.count(g) for g in groups) <= len(groups) // 2:
        assert all(groups[i] != groups[j] for i, j in enumerate(other))


def _rehashed(folder: Path, out: Path) -> Path:
    def write(part: Path) -> None:
        for path in folder.iterdir():
            if path.name != "hashes.json":
                shutil.copy(path, part)

    return save_whole(out, write)
