"""Chinese text is read by the multilingual encoder of itself, from training to the exported model; English is not."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from core.exporting import runtime
from core.exporting.whole import export_folder
from core.label_learning.learned import LabelLearned
from core.label_learning.options import LabelOptions
from core.label_learning.scripts import kept_text_encoder, text_encoder_of
from core.learning import load, train
from core.table import from_pandas
from core.table.values import Table
from core.trained import load_fusion

TOPICS = ("sports", "politics", "health")
EACH = 30


def _topics(shared_data: Path, language: str, part: str) -> Table:
    import pandas as pd

    file = shared_data / "text" / "sib200_zh" / language / f"{part}.tsv"
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [r for r in csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE) if r[1] in TOPICS]
    kept = [r for topic in TOPICS for r in [row for row in rows if row[1] == topic][:EACH]]
    frame = pd.DataFrame({"id": [f"{part}{r[0]}" for r in kept], "words": [r[2] for r in kept], "topic": [r[1] for r in kept]})
    return from_pandas(frame, label="topic", kinds={"id": "id", "words": "text"})


def _silent(_: str) -> None:
    pass


def test_encoder_is_chosen_by_the_letters_or_by_name(shared_data: Path, packaged: Callable[[str], Path]) -> None:
    packaged("multilingual")
    chinese, english = (_topics(shared_data, language, "test") for language in ("zho_Hans", "eng_Latn"))
    said: list[str] = []
    assert text_encoder_of(chinese, LabelOptions(), said.append) == "multilingual"
    assert "text_encoder=minilm" in said[0]
    assert text_encoder_of(english, LabelOptions(), said.append) == "minilm"
    assert text_encoder_of(chinese, LabelOptions(text_encoder="minilm"), said.append) == "minilm"
    assert text_encoder_of(english, LabelOptions(text_encoder="multilingual"), said.append) == "multilingual"
    assert len(said) == 1


@pytest.mark.slow
def test_chinese_topics_are_learned_asked_again_and_exported(
    shared_data: Path, tiny_bert: str, packaged: Callable[[str], Path], tmp_path: Path
) -> None:
    """The backbone knows no Chinese: what is learned comes by the encoder."""
    packaged("multilingual")
    rows, rest = _topics(shared_data, "zho_Hans", "train"), _topics(shared_data, "zho_Hans", "test")
    model = train(rows, "classification", tmp_path / "m", backbone=tiny_bert, epochs=12, threads=1, learning_rate=3e-3, say=_silent)
    assert isinstance(model, LabelLearned)
    assert model.model.options.text_encoder == "multilingual"
    assert model.evaluate(rest)["accuracy"].value > 0.7
    again = load(tmp_path / "m")
    wanted = {a["id"]: a["probabilities"] for a in again.predict(rest)}
    assert load_fusion(tmp_path / "m").encode(rest).rows.keys() == {"text"}
    answers = runtime.load(export_folder(tmp_path / "m", tmp_path / "out", say=_silent)).predict_table(rest)
    assert len(answers) == len(rest)
    for answer in answers:
        assert answer.probabilities == pytest.approx(wanted[answer.sample], abs=1e-3)


def test_model_from_before_the_choice_is_read_as_it_was_trained() -> None:
    older = {name: value for name, value in LabelOptions().model_dump().items() if name != "text_encoder"}
    assert kept_text_encoder(LabelOptions.model_validate(older)) == "minilm"
