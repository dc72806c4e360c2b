"""Tagging that rereads the crop: trained from a table, kept with its reader, the same in a new process, whole or refused."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from core.errors import InputError, ModelError
from core.learners.contract import load
from core.learners.token_classification import LEARNER, TokenClassificationOptions
from core.model_folder import HASHES, sha256
from core.table import Column, ColumnKind, Table, read_table
from core.tokens.words import text_of

NAMES = ("Martin", "Dufour", "Lebrun", "Simon")
STREETS = ("Valois", "Bac", "Ferme", "Seine")
ROOT = Path(__file__).resolve().parents[3]
TAGS = ("B-PER", "O", "B-LOC", "I-LOC", "O", "B-CARDINAL")
ASKED = """
import json, sys
from pathlib import Path
from core.learners.contract import load
from core.table import read_table
print(json.dumps(list(load(Path(sys.argv[1])).predict(read_table(Path(sys.argv[2]), kinds={"ocr": "text", "crop": "image"})))))
"""


@pytest.fixture(scope="module")
def few(tiny_bert: str, packaged: Callable[[str], Path]) -> TokenClassificationOptions:
    packaged("rapidocr")
    return TokenClassificationOptions(backbone=tiny_bert, reread=True, reader_epochs=2, epochs=2, batch=8, rate=3e-3, head_rate=1e-2)


def lines(root: Path, rows: int, first: int = 0) -> Table:
    """Printed lines with their crops, and what a bad optical reader gave: `u` for `n`, `1` for `l`."""
    made: list[dict[str, Any]] = []
    for i in range(first, first + rows):
        words = (NAMES[i % 4], ",", "rue", STREETS[(i // 4) % 4], ",", str(i % 9 + 1))
        text = text_of(words)
        picture = np.full((40, 330), 230, np.uint8)
        cv2.putText(picture, text, (5, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 20, 1)
        cv2.imwrite(str(root / f"{i}.png"), picture)
        read = text.replace("n", "u").replace("l", "1")
        made.append({"words": words, "tags": TAGS, "ocr": read, "crop": f"{i}.png", "book": f"b{i % 5}"})
    kinds = {"words": "tokens", "tags": "tags", "ocr": "text", "crop": "image", "book": "group"}
    columns = tuple(Column(name, ColumnKind(kind)) for name, kind in kinds.items())
    return Table("lines", columns, tuple(made), tuple(f"l{i}" for i in range(first, first + rows)), tuple(range(2, rows + 2)), root)


def without(table: Table, *names: str) -> Table:
    """The rows without some values."""
    rows = tuple({**row, **dict.fromkeys(names)} for row in table.rows)
    return Table(table.name, table.columns, rows, table.ids, table.lines, table.root)


@pytest.fixture(scope="module")
def trained(few: TokenClassificationOptions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lines")
    LEARNER.fit(lines(root, 20), root / "model", few, say=lambda _: None)
    lines(root, 4, 40)
    rows = [f'l{i},"what is here",{i}.png' for i in range(40, 44)]
    (root / "new.csv").write_text("\n".join(["id,ocr,crop", *rows, "l50,by text alone,"]) + "\n")
    return root


def test_new_process_gives_the_same_answers(trained: Path) -> None:
    words = [sys.executable, "-c", ASKED, str(trained / "model"), str(trained / "new.csv")]
    answers = json.loads(subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    here = load(trained / "model").predict(read_table(trained / "new.csv", kinds={"ocr": "text", "crop": "image"}))
    assert answers == list(here)
    assert [a["id"] for a in answers] == ["l40", "l41", "l42", "l43", "l50"]
    assert all(len(a["tokens"]) == len(a["tags"]) for a in answers)
    assert answers[-1]["text"] == "by text alone"


def test_row_without_picture_or_with_a_broken_one_is_tagged_by_its_text(trained: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = lines(trained, 2, 60)
    (trained / "60.png").write_bytes(b"no picture")
    rows = ({**table.rows[0]}, {**table.rows[1], "crop": "../61.png"})
    broken = Table(table.name, table.columns, rows, table.ids, table.lines, table.root)
    model = load(trained / "model")
    by_text, by_broken = (list(model.predict(one)) for one in (without(table, "crop"), broken))
    assert by_text == by_broken
    assert [a["text"] for a in by_text] == [row["ocr"] for row in table.rows]
    assert "lines, line 2: 60.png cannot be read as a picture" in caplog.text
    assert "lines, line 3: " in caplog.text


def test_row_without_anything_has_no_entities(trained: Path) -> None:
    (answer,) = load(trained / "model").predict(without(lines(trained, 1, 62), "crop", "ocr"))
    assert (answer["text"], answer["tokens"], answer["entities"]) == ("", [], [])


def test_evaluation_gives_both_figures_and_their_difference(trained: Path) -> None:
    figures = load(trained / "model").evaluate(lines(trained, 6, 70))
    assert list(figures)[:3] == ["strict_f1", "strict_f1_text_alone", "gain_by_picture"]
    assert figures["gain_by_picture"].value == pytest.approx(figures["strict_f1"].value - figures["strict_f1_text_alone"].value)
    blind = load(trained / "model").evaluate(without(lines(trained, 6, 70), "crop"))
    assert blind["strict_f1"] == blind["strict_f1_text_alone"]
    with pytest.raises(InputError, match="used in training"):
        load(trained / "model").evaluate(lines(trained, 4))


def test_model_without_its_reader_is_refused(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(trained / "model", folder)
    (folder / "reader.safetensors").unlink()
    with pytest.raises(ModelError, match=r"reader\.safetensors is missing"):
        load(folder)
    hashes = json.loads((folder / HASHES).read_text())
    del hashes["reader.safetensors"]
    (folder / HASHES).write_text(json.dumps(hashes))
    with pytest.raises(ModelError, match="holds no reader") as refused:
        load(folder)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        {"alphabet": []},
        {"alphabet": ["ab"]},
        {"alphabet": ["a", "a"]},
        {"margin": -1},
        {"margin": "x"},
        {"lines": "other"},
        {"alphabet": 3},
    ],
)
def test_what_is_said_of_the_reader_must_fit(trained: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    folder = tmp_path / "model"
    shutil.copytree(trained / "model", folder)
    config = json.loads((folder / "config.json").read_text())
    config["reader"] |= change
    (folder / "config.json").write_text(json.dumps(config))
    hashes = json.loads((folder / HASHES).read_text()) | {"config.json": sha256(folder / "config.json")}
    (folder / HASHES).write_text(json.dumps(hashes))
    with pytest.raises(ModelError, match="model"):
        load(folder)


def test_plain_tagger_asked_about_pictures_says_what_it_lacks(trained: Path, few: TokenClassificationOptions, tmp_path: Path) -> None:
    plain = few.model_copy(update={"reread": False, "epochs": 1})
    LEARNER.fit(lines(trained, 10), tmp_path / "plain", plain, say=lambda _: None)
    table = lines(trained, 2, 80)
    columns = tuple(c for c in table.columns if c.name in ("ocr", "crop"))
    with pytest.raises(InputError, match="holds no reader"):
        list(load(tmp_path / "plain").predict(Table("new", columns, table.rows, table.ids, table.lines, table.root)))


def test_what_cannot_be_reread_is_refused(trained: Path, few: TokenClassificationOptions, tmp_path: Path) -> None:
    table = lines(trained, 10)
    bare = Table("bare", table.columns[:2], table.rows, table.ids, table.lines, table.root)
    with pytest.raises(InputError, match="needs a column of pictures"):
        LEARNER.fit(bare, tmp_path / "m", few, say=lambda _: None)
    with pytest.raises(InputError, match="no row has a picture"):
        LEARNER.fit(without(table, "crop"), tmp_path / "m", few, say=lambda _: None)
    with pytest.raises(ValidationError, match="leave image at none"):
        TokenClassificationOptions(reread=True, image="line")
    assert not (tmp_path / "m").exists()


def test_line_of_pages_is_refused(trained: Path) -> None:
    table = lines(trained, 1, 90)
    rows = ({**table.rows[0], "ocr": "a " * 3000},)
    with pytest.raises(InputError, match=r"line 2: 6000 characters"):
        list(load(trained / "model").predict(Table("long", table.columns, rows, table.ids, table.lines, table.root)))
