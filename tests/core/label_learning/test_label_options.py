"""Every setting of a label model arrives where it is used, and every setting that is searched is one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.features import Features
from core.featuresets import FeatureSet
from core.fusion import build_model
from core.label_learning.fusion_member import configure, training_of
from core.label_learning.options import LabelOptions
from core.samples import Modality
from core.training import optimizer_of
from core.tuning import SPACES

TRAINING: dict[str, Any] = {
    "seed": 3,
    "batch_size": 8,
    "optimizer": "sgd",
    "weight_decay": 0.37,
    "learning_rate": 2e-3,
    "validation_fraction": 0.4,
    "class_weights": False,
    "alpha": 0.2,
    "threads": 1,
}
FUSION: dict[str, Any] = {
    "tuning": "lora",
    "dropout": 0.11,
    "label_smoothing": 0.13,
    "modality_dropout": 0.17,
    "learn_weights": True,
    "balance_gradients": True,
}


def _features() -> FeatureSet:
    row = Features(np.ones((1, 2, 5), np.float32), np.ones((1, 2), np.bool_), ((),), "e")
    return FeatureSet(("a",), {Modality.IMAGE: (row,), Modality.AUDIO: (row,)}, (("x",),), ("a",))


@pytest.mark.parametrize("name", TRAINING)
def test_setting_of_training_arrives(name: str) -> None:
    given, usual = training_of(LabelOptions(**{name: TRAINING[name]})), training_of(LabelOptions())
    assert getattr(given, name) == TRAINING[name]
    assert getattr(usual, name) != TRAINING[name]


@pytest.mark.parametrize("name", FUSION)
def test_setting_of_the_model_arrives(name: str, tiny_bert: str) -> None:
    options = LabelOptions(backbone=tiny_bert, **{name: FUSION[name]})
    assert getattr(configure(_features(), "classification", ("x", "y"), options), name) == FUSION[name]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "adafactor"])
def test_matrices_decay_as_told_and_vectors_do_not(optimizer: str, tiny_bert: str) -> None:
    options = LabelOptions.model_validate({"backbone": tiny_bert, "optimizer": optimizer, "weight_decay": 0.37})
    model = build_model(configure(_features(), "classification", ("x", "y"), options))
    groups = optimizer_of(model, training_of(options)).param_groups
    assert {group["weight_decay"] for group in groups} == {0.0, 0.37}
    assert all(p.ndim > 1 for group in groups if group["weight_decay"] for p in group["params"])


@pytest.mark.parametrize("task_name", SPACES)
def test_what_is_searched_is_a_setting(task_name: str) -> None:
    low = {name: getattr(space, "low", None) or getattr(space, "choices", (0.0,))[0] for name, space in SPACES[task_name].items()}
    assert LabelOptions.model_validate(low)
    assert {"weight_decay", "dropout", "label_smoothing", "learning_rate"} <= set(low)
