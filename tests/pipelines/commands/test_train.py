"""`trivium train`: what it shows, what it writes, and one line with exit code 2 for every kind of bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.learners import learners

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    rows = [f"{i},some words of row {i},{'ab'[i % 2]}" for i in range(12)]
    (tmp_path / "t.csv").write_text("\n".join(["id,words,label", *rows]) + "\n")
    return tmp_path / "t.csv"


def error_of(result: tuple[int, str, str]) -> str:
    """The only error line of a command that ended as bad input must."""
    code, out, err = result
    lines = [line for line in err.splitlines() if line.lower().startswith(("trivium: error:", "error:"))]
    assert code == 2
    assert len(lines) == 1, err
    assert out == ""
    assert "Traceback" not in err
    return lines[0]


def test_tasks_are_listed_with_their_settings(trivium: Run) -> None:
    code, out, _ = trivium("train", "--tasks", "--json")
    listed = {row["task"]: row["settings"] for row in json.loads(out)}

    assert code == 0
    assert set(listed) == {one.name for one in learners()}
    assert "epochs" in listed["classification"]
    assert "retrieval" in trivium("train", "--tasks")[1]


def test_columns_are_shown_and_nothing_is_trained(trivium: Run, drawings: Path, tmp_path: Path) -> None:
    words = ("train", drawings / "train.csv", "--label", "shape", "--columns", "--out", tmp_path / "m")
    code, out, err = trivium(*words, "--json")
    shown = json.loads(out)

    assert code == 0
    assert {c["column"]: c["kind"] for c in shown["columns"]} == {
        "id": "id",
        "picture": "image",
        "words": "text",
        "shape": "label",
        "maker": "category",
    }
    assert shown["rows"] == 36
    assert "train.csv: line 38: " in err
    assert "(row left out)" in err
    assert not (tmp_path / "m").exists()
    assert "because" in trivium(*words)[1]


def test_words_of_a_table_are_never_taken_for_markup(trivium: Run, tmp_path: Path) -> None:
    file = tmp_path / "[red]t[red].csv"
    file.write_text("[bold]name,label\n[/nothing] to close,a\n\x1b[31mred words,b\n")
    code, out, _ = trivium("train", file, "--label", "label", "--columns")

    assert code == 0
    assert "[bold]name" in out
    assert "[/nothing]" in out
    assert "[red]t[red].csv" in out
    assert "\x1b" not in out


def test_the_model_is_written_whole_with_its_figures(shape_model: Path) -> None:
    assert (shape_model / "hashes.json").is_file()
    assert json.loads((shape_model / "config.json").read_text())["learner"] == "classification"
    assert [path.name for path in shape_model.parent.iterdir()] == [shape_model.name]  # nothing half-written beside it


def test_training_prints_one_json_object_and_tells_bad_rows_by_line(trivium: Run, drawings: Path, tmp_path: Path) -> None:
    options = tmp_path / "options.yaml"
    options.write_text("epochs: 3\nbatch: 16\nqueue: 32\n")
    words = ("train", drawings / "train.csv", "--task", "retrieval", "--kind", "words=text", "--kind", "shape=ignored")
    code, out, err = trivium(*words, "--group", "maker", "--options", options, "--set", "epochs=2", "--out", tmp_path / "m", "--json")
    told = json.loads(out)

    assert code == 0
    assert told["model"] == str(tmp_path / "m")
    assert told["task"] == "retrieval"
    assert told["figures"]
    assert "train.csv: line 38: " in err
    assert json.loads((tmp_path / "m" / "config.json").read_text())["options"]["epochs"] == 2


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--label", "lable"], "no column 'lable'"),
        (["--label", "label", "--set", "epoch=3"], "did you mean 'epochs'"),
        (["--label", "label", "--set", "epochs=many"], "epochs"),
        (["--label", "label", "--set", "epochs"], "key=value"),
        (["--label", "label", "--task", "clasification"], "classification"),
        (["--label", "label", "--task", "retrieval", "--preset", "best"], "preset"),
        (["--label", "label", "--kind", "words=txt"], "choose one of"),
        (["--label", "label", "--kind", "word=text"], "no column 'word'"),
        (["--label", "label", "--kind", "words"], "column=kind"),
        (["--label", "label", "--group", "maker"], "no column 'maker'"),
        (["--label", "label", "--read-words"], "no column of pictures"),
        (["--label", "label", "--preset", "fast"], "quick"),
        (["--label", "label", "--validation", "nowhere.csv"], "nowhere.csv"),
        (["--label", "label", "--root", "nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(trivium: Run, small: Path, extra: list[str], said: str) -> None:
    out = small.parent / "model"
    line = error_of(trivium("train", small, "--out", out, *extra))

    assert said in line
    assert [path.name for path in small.parent.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("id,words,label\n", "only a header"),
        ("id,words,label\n1,some words\n2,other words\n", "no row can be used"),
        ("id,words,words\n1,a,b\n", "twice"),
        ("words,label\na,x\nb,x\nc,x\n", "label"),
        ("words,label\na,\nb,\nc,\n", "label"),
        ("id,words,label\n1,\0,b\n", "NUL"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_one_line(trivium: Run, tmp_path: Path, content: str, said: str) -> None:
    table = tmp_path / "t.csv"
    table.write_text(content)
    line = error_of(trivium("train", table, "--label", "label", "--out", tmp_path / "m"))

    assert said in line
    assert not (tmp_path / "m").exists()


def test_bad_settings_are_said_with_their_place(trivium: Run, small: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("epochs: 3\nseed: [1\n")
    line = error_of(trivium("train", small, "--label", "label", "--options", bad, "--out", tmp_path / "m"))

    assert "bad.yaml:3" in line or "bad.yaml:2" in line


def test_a_wrong_setting_is_said_before_a_long_table_is_read(trivium: Run, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.learning.TableRequest.as_it_is", lambda self: pytest.fail("the table was read"))
    words = ("train", small, "--label", "label", "--task", "classification", "--set", "epoch=3", "--out", small.parent / "m")
    assert "did you mean 'epochs'" in error_of(trivium(*words))


def test_what_is_there_is_never_written_over(trivium: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("keep me")
    for out in (tmp_path / "full", small):
        assert "exists already" in error_of(trivium("train", small, "--label", "label", "--out", out))
    assert (tmp_path / "full" / "letter.txt").read_text() == "keep me"
    assert small.read_text().startswith("id,words,label")


def test_what_is_missing_on_the_command_line_is_said(trivium: Run, small: Path) -> None:
    assert "TABLE" in error_of(trivium("train"))
    assert "--out" in error_of(trivium("train", small, "--label", "label"))
    assert "nowhere.csv" in error_of(trivium("train", "nowhere.csv", "--out", "m"))
