"""The task of token classification, from table to answers and back from its folder."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from core.errors import InputError, ModelError
from core.learners.contract import learner, load
from core.learners.token_classification import LEARNER, TokenClassificationOptions
from core.table import Column, ColumnKind, Table
from core.weights import locate

NAMES = ("Martin", "Dufour", "Lefèvre", "Bréon", "王伟", "Simon")
STREETS = ("Valois", "Bac", "Ferme", "Rameau", "Seine", "Foin")


@pytest.fixture
def few(tiny_bert: str) -> TokenClassificationOptions:
    """A tiny backbone of random weights: letters and places carry it."""
    return TokenClassificationOptions(backbone=tiny_bert, epochs=10, batch=4, rate=3e-3, head_rate=1e-2, patience=10)


def table(root: Path, rows: int = 24, prefix: str = "r", with_picture: bool = False) -> Table:
    made = []
    for i in range(rows):
        words = (NAMES[i % 6], ",", "rue", "de", STREETS[(i // 2) % 6], ",", str(i))
        made.append({"words": words, "tags": ("B-PER", "O", "B-LOC", "I-LOC", "I-LOC", "O", "O"), "crop": None, "book": f"b{i % 4}"})
        if with_picture and i % 2:
            picture = np.full((40, 300), 230, np.uint8)
            cv2.putText(picture, " ".join(words), (5, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 20, 1)
            cv2.imwrite(str(root / f"{i}.png"), picture)
            made[-1]["crop"] = f"{i}.png"
    columns = [("words", ColumnKind.TOKENS), ("tags", ColumnKind.TAGS), ("crop", ColumnKind.IMAGE), ("book", ColumnKind.GROUP)]
    ids = tuple(f"{prefix}{i}" for i in range(rows))
    return Table("t", tuple(Column(*c) for c in columns), tuple(made), ids, tuple(range(2, rows + 2)), root)


def test_learns_and_answers_the_same_from_its_folder(tmp_path: Path, few: TokenClassificationOptions) -> None:
    outcome = LEARNER.fit(table(tmp_path), tmp_path / "model", few, say=lambda _: None)
    other = table(tmp_path, 8, "new")
    one, two = (list(load(outcome.folder).predict(other)) for _ in range(2))
    assert one == two
    first = one[0]["entities"][0]
    assert first.pop("probability") > 0.5
    assert first == {"text": "Martin", "type": "PER", "start": 0, "end": 1}
    assert next(iter(load(outcome.folder).evaluate(other))) == "strict_f1"
    assert load(outcome.folder).evaluate(other)["strict_f1"].value > 0.8
    with pytest.raises(InputError, match="used in training"):
        load(outcome.folder).evaluate(table(tmp_path))
    (outcome.folder / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="damaged"):
        load(outcome.folder)


@pytest.mark.parametrize("tuning", ["frozen", "lora"])
def test_pictures_may_be_missing(tmp_path: Path, few: TokenClassificationOptions, tuning: str) -> None:
    try:
        locate("rapidocr")
    except ModelError as error:
        pytest.skip(str(error))
    options = few.model_copy(update={"image": "line", "epochs": 1, "tuning": tuning, "use_crf": False})
    LEARNER.fit(table(tmp_path, with_picture=True), tmp_path / "model", options, say=lambda _: None)
    answers = list(LEARNER.load(tmp_path / "model").predict(table(tmp_path, 4, "n")))
    assert [len(a["tags"]) for a in answers] == [7] * 4


def test_each_word_needs_a_tag_and_the_line_is_named(tmp_path: Path, few: TokenClassificationOptions) -> None:
    good = table(tmp_path)
    bad = Table(good.name, good.columns, ({**good.rows[0], "tags": ("O",)}, *good.rows[1:]), good.ids, good.lines, good.root)
    with pytest.raises(InputError, match="line 2: 7 words and 1 tags"):
        LEARNER.fit(bad, tmp_path / "model", few, validation=table(tmp_path, 4, "v"))
    with pytest.raises(InputError, match="no rows"):
        LEARNER.fit(good.select([]), tmp_path / "model", few)
    assert not (tmp_path / "model").exists()


def test_is_found_by_name_and_refuses_unknown_options() -> None:
    assert learner("token_classification") is LEARNER
    with pytest.raises(ValidationError):
        TokenClassificationOptions(epoch=3)  # type: ignore[call-arg]
