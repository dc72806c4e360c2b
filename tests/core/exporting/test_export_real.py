"""Parity on real features: recipes in two languages with numbers and some pictures, the packaged backbone frozen and with LoRA."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from core.exporting import runtime
from core.exporting.whole import export_folder
from core.label_learning.learned import LabelLearned
from core.learning import train
from core.table import read_table
from core.table.values import Table

PARITY = 1e-3
TRAINED, ASKED = 72, 40
IGNORED = ("has_image", "fold", "split")


@pytest.fixture(scope="module")
def recipes(shared_data: Path) -> Table:
    kinds = {"id": "id", "image": "image", "title": "text", "ingredients": "text", **dict.fromkeys((*IGNORED, "intro", "steps"), "ignored")}
    return read_table(shared_data / "multimodal" / "recipes" / "items.csv", label="label", group="group", kinds=kinds)


@pytest.mark.slow
@pytest.mark.parametrize("tuning", ["frozen", "lora"])
def test_exported_model_says_the_same_of_real_rows(tuning: str, recipes: Table, packaged: Callable[[str], Path], tmp_path: Path) -> None:
    """Whatever quick ships: the fusion model, and probes where a picture is missing."""
    packaged("minilm")
    packaged("efficientnet-lite0")
    model = train(
        recipes.select(range(TRAINED)),
        "classification",
        tmp_path / "m",
        tuning=tuning,
        epochs=1,
        validation_fraction=0.4,
        say=lambda _: None,
    )
    assert isinstance(model, LabelLearned)
    asked = recipes.select(range(TRAINED, TRAINED + ASKED))
    assert 0 < sum(value is not None for value in asked.values("image")) < ASKED
    wanted = {answer["id"]: answer for answer in model.predict(asked)}
    members: tuple[Literal["fusion"] | None, ...] = (None, "fusion")
    for member in members:
        out = export_folder(tmp_path / "m", tmp_path / f"out-{member}", member=member, say=lambda _: None)
        answers = runtime.load(out).predict_table(asked)
        assert len(answers) == ASKED
        if member is None:
            for answer in answers:
                assert answer.probabilities == pytest.approx(wanted[answer.sample]["probabilities"], abs=PARITY)
    raw = model.model.members["fusion"]
    features = model.encode(asked)
    alone = runtime.load(tmp_path / "out-fusion")
    logits, _ = alone.logits(features.features)
    scaled = alone.link.probabilities(logits * alone.link.temperatures[0])
    assert scaled == pytest.approx(raw.ask(features), abs=PARITY)
