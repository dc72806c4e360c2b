"""`trivium evaluate`: figures with intervals on unseen rows, and one line for what cannot be measured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


def refused(result: tuple[int, str, str]) -> str:
    code, out, err = result
    (line,) = [line for line in err.splitlines() if line.lower().startswith(("trivium: error:", "error:"))]
    assert (code, out) == (2, "")
    return line


def test_figures_have_intervals(trivium: Run, shape_model: Path, drawings: Path) -> None:
    code, out, _ = trivium("evaluate", shape_model, drawings / "test.csv", "--json")
    told = json.loads(out)

    assert code == 0
    assert (told["model"], told["task"], told["rows"]) == ("shapes", "classification", 12)
    assert told["figures"]
    assert all(e["low"] <= e["value"] <= e["high"] for e in told["figures"].values())


def test_people_get_a_table(trivium: Run, shape_model: Path, drawings: Path) -> None:
    code, out, _ = trivium("evaluate", shape_model, drawings / "test.csv", "--label", "shape", "--group", "maker")

    assert code == 0
    assert "95 % interval" in out
    assert "shapes on 12 rows of test.csv" in out


def test_rows_of_training_are_refused(trivium: Run, shape_model: Path, drawings: Path) -> None:
    assert "used in training" in refused(trivium("evaluate", shape_model, drawings / "train.csv"))


@pytest.mark.parametrize(
    ("drop", "said"), [("shape", "no column 'shape'"), ("picture", "no column 'picture'"), ("words", "no column 'words'")]
)
def test_a_column_that_is_missing_is_named(trivium: Run, shape_model: Path, drawings: Path, tmp_path: Path, drop: str, said: str) -> None:
    import pandas as pd

    table = tmp_path / "t.csv"
    pd.read_csv(drawings / "test.csv").drop(columns=drop).to_csv(table, index=False)

    assert said in refused(trivium("evaluate", shape_model, table, "--root", drawings))


def test_a_label_that_was_never_trained_is_named(trivium: Run, shape_model: Path, drawings: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text((drawings / "test.csv").read_text().replace(",circle,", ",triangle,"))

    assert "triangle" in refused(trivium("evaluate", shape_model, table, "--root", drawings))


def test_a_folder_that_is_no_model_or_was_changed_is_one_line(trivium: Run, shape_model: Path, drawings: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    changed = shutil.copytree(shape_model, tmp_path / "changed")
    (changed / "config.json").write_text((changed / "config.json").read_text() + " ")

    assert "empty" in refused(trivium("evaluate", tmp_path / "empty", drawings / "test.csv"))
    assert "changed" in refused(trivium("evaluate", changed, drawings / "test.csv"))
    assert "nowhere" in refused(trivium("evaluate", tmp_path / "nowhere", drawings / "test.csv"))
