"""`trivium predict`: an answer a row, on the screen or in a file that is there whole or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.commands import predict as command

Run = Callable[..., tuple[int, str, str]]


def refused(result: tuple[int, str, str]) -> str:
    code, out, err = result
    (line,) = [line for line in err.splitlines() if line.lower().startswith(("trivium: error:", "error:"))]
    assert (code, out) == (2, "")
    return line


def test_an_answer_a_row_as_json_lines(trivium: Run, shape_model: Path, drawings: Path) -> None:
    code, out, _ = trivium("predict", shape_model, drawings / "test.csv", "--json")
    answers = [json.loads(line) for line in out.splitlines()]

    assert code == 0
    assert [a["id"] for a in answers] == [f"d{i}" for i in range(36, 48)]
    assert all(a["label"] in ("circle", "square") for a in answers)
    assert all(abs(sum(a["probabilities"].values()) - 1) < 1e-4 for a in answers)


def test_rows_need_no_label_and_people_get_a_line_each(trivium: Run, shape_model: Path, drawings: Path, tmp_path: Path) -> None:
    import pandas as pd

    table = tmp_path / "t.csv"
    pd.read_csv(drawings / "test.csv").drop(columns=["shape", "maker"]).to_csv(table, index=False)
    code, out, _ = trivium("predict", shape_model, table, "--root", drawings)

    assert code == 0
    assert len(out.splitlines()) == 12
    assert out.startswith("id: d36; label: ")


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl", "ANSWERS.CSV"])
def test_files_say_what_the_screen_says(trivium: Run, shape_model: Path, drawings: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    code, shown, err = trivium("predict", shape_model, drawings / "test.csv", "--out", out)
    screen = [json.loads(line) for line in trivium("predict", shape_model, drawings / "test.csv", "--json")[1].splitlines()]

    assert (code, shown) == (0, "")
    assert "12 answers of shapes" in err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    if out.suffix == ".jsonl":
        assert [json.loads(line) for line in out.read_text().splitlines()] == screen
    else:
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["label"] for row in rows] == [a["label"] for a in screen]
        assert json.loads(rows[0]["probabilities"]) == screen[0]["probabilities"]


def test_bad_rows_are_told_by_line_and_the_others_answered(trivium: Run, shape_model: Path, drawings: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text((drawings / "test.csv").read_text() + "d98,too,few\nd99,nowhere.png,small figure,circle,m9\n")
    code, out, err = trivium("predict", shape_model, table, "--root", drawings, "--json")

    assert code == 0
    assert len(out.splitlines()) == 13
    assert "t.csv: line 14: " in err


@pytest.mark.parametrize("name", ["answers.csv", "answers.jsonl"])
def test_what_fails_midway_leaves_the_older_file_as_it_was(tmp_path: Path, name: str) -> None:
    def failing() -> Iterator[dict[str, Any]]:
        yield {"id": "1"}
        raise RuntimeError("power cut")

    out = tmp_path / name
    out.write_text("older answers")
    with pytest.raises(RuntimeError, match="power cut"):
        command._write(failing(), out)
    assert out.read_text() == "older answers"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_csv_has_a_column_for_every_key_and_no_number_that_is_none(tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    count = command._write(iter([{"id": "1"}, {"id": "2", "near": [{"similarity": float("nan")}], "value": float("inf")}]), out)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert count == 2
    assert rows == [{"id": "1", "near": "", "value": ""}, {"id": "2", "near": '[{"similarity": null}]', "value": ""}]


def test_a_place_that_cannot_be_written_is_said_before_anything_is_read(trivium: Run, shape_model: Path, drawings: Path) -> None:
    table = drawings / "test.csv"
    before = table.read_bytes()

    assert ".jsonl or a .csv" in refused(trivium("predict", shape_model, table, "--out", drawings / "answers.xlsx"))
    assert "no folder" in refused(trivium("predict", shape_model, table, "--out", drawings / "nowhere" / "answers.csv"))
    assert "the table itself" in refused(trivium("predict", shape_model, table, "--out", table))
    assert table.read_bytes() == before


def test_a_missing_column_writes_nothing(trivium: Run, shape_model: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,words\n1,small figure\n2,big figure\n")

    assert "no column 'picture'" in refused(trivium("predict", shape_model, tmp_path / "t.csv", "--out", tmp_path / "a.csv"))
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
