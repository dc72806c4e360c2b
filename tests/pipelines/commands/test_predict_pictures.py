"""`trivium train --task drawing`, then `predict`: its pictures are files beside the answers, there whole or not at all."""

from __future__ import annotations

import base64
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from core.table import ColumnKind, read_table
from pipelines.cli import main
from pipelines.commands import predict as command

Run = Callable[..., tuple[int, str, str]]
BARELY = ("training_steps=3", "classifier_steps=3", "width=32", "depth=1", "steps=2", "side_px=16")


@pytest.fixture(scope="module")
def drawer(drawings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "drawer"
    settings = [word for setting in BARELY for word in ("--set", setting)]
    words = ["train", drawings / "train.csv", "--task", "drawing", "--group", "maker", "--kind", "words=ignored", *settings, "--out", out]
    assert main([str(word) for word in words]) == 0
    return out


def test_pictures_are_files_and_the_answers_a_table_that_names_them(trivium: Run, drawer: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked.csv"
    asked.write_text("id,shape\n../../x,circle\nb,square\n")
    code, shown, err = trivium("predict", drawer, asked, "--out", tmp_path / "drawn.csv")

    assert (code, shown) == (0, "")
    assert "2 answers of drawer" in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["asked.csv", "drawn-pictures", "drawn.csv"]
    with (tmp_path / "drawn.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["drawn-pictures/000001.png", "drawn-pictures/000002.png"]  # never a path from data
    assert all(cv2.imread(str(tmp_path / row["image"])).shape == (16, 16, 3) for row in rows)
    assert read_table(tmp_path / "drawn.csv").of(ColumnKind.IMAGE) == ("image",)


def test_the_screen_is_spared_the_pictures_and_json_has_them(trivium: Run, drawer: Path, drawings: Path) -> None:
    _, out, _ = trivium("predict", drawer, drawings / "test.csv")
    assert "image: a picture, which --out writes; asked: shape: circle" in out
    assert "base64" not in out
    _, out, _ = trivium("predict", drawer, drawings / "test.csv", "--json")
    assert '"image": "data:image/png;base64,' in out.splitlines()[0]


def test_figures_come_by_the_command_with_chance_beside_control(trivium: Run, drawer: Path, drawings: Path) -> None:
    code, out, _ = trivium("evaluate", drawer, drawings / "test.csv", "--group", "maker", "--json")
    assert code == 0
    assert all(f'"{name}"' in out for name in ("control", "shuffled", "unconditional", "true_pictures"))


def test_a_folder_that_is_there_is_never_written_into(trivium: Run, drawer: Path, drawings: Path, tmp_path: Path) -> None:
    (tmp_path / "drawn-pictures").mkdir()
    code, _, err = trivium("predict", drawer, drawings / "test.csv", "--out", tmp_path / "drawn.csv")
    assert code == 2
    assert "drawn-pictures is there already" in err
    assert [p.name for p in tmp_path.rglob("*")] == ["drawn-pictures"]


def test_what_fails_midway_leaves_no_picture(tmp_path: Path) -> None:
    def failing() -> Iterator[dict[str, Any]]:
        yield {"id": "1", "image": command.PICTURE + base64.b64encode(b"png").decode()}
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        command._write(failing(), tmp_path / "drawn.csv")
    assert not list(tmp_path.iterdir())
