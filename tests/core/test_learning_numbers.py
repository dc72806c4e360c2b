"""Numbers and ordered labels through the whole fusion model."""

from pathlib import Path

import numpy as np
import pytest

from core.checkpoints import load_checkpoint, save_checkpoint
from core.evaluation import evaluate
from core.features import Features
from core.featuresets import FeatureSet
from core.fusion import FusionConfig
from core.predicting import Predictor
from core.samples import Modality
from core.training import TrainingConfig, fit, inputs_of


def _samples(labels: list[str], values: np.ndarray) -> FeatureSet:
    """One token a row that carries the number."""
    rng = np.random.default_rng(0)
    rows = tuple(
        Features(np.array([[[v, *rng.normal(size=3)]]], np.float32), np.ones((1, 1), np.bool_), ((),), "numbers/1") for v in values
    )
    names = tuple(f"{i}" for i in range(len(labels)))
    return FeatureSet(names, {Modality.TABULAR: rows}, tuple((label,) for label in labels), names)


def test_a_number_is_learned_in_its_own_unit_with_an_interval_that_holds(tiny_bert: str, tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(size=160)
    prices = 5000 + 800 * values
    samples = _samples([f"{p:.3f}" for p in prices], values)
    train, test = samples.select(range(120)), samples.select(range(120, 160))
    config = FusionConfig(
        inputs=inputs_of(train), labels=("price",), task="regression", backbone=tiny_bert, dropout=0.0, modality_dropout=0.0
    )
    checkpoint = fit(train, config, TrainingConfig(epochs=30, patience=0, learning_rate=5e-3))
    folder = save_checkpoint(checkpoint, tmp_path / "price")
    found = evaluate(load_checkpoint(folder), test, train=train, repeats=50)
    assert found.headline == "r2"
    assert found.rows[0].figures["r2"].value > 0.8
    predictions = Predictor.load(folder).predict(test)
    truth = prices[120:]
    assert np.abs([p.values["price"] for p in predictions] - truth).mean() < 400
    inside = [p.intervals["price"][0] <= t <= p.intervals["price"][1] for p, t in zip(predictions, truth, strict=True)]
    assert np.mean(inside) >= 0.75  # 0.9 is promised on average; 40 rows scatter
    assert not predictions[0].probabilities
    assert not predictions[0].is_abstained


def test_an_order_of_labels_is_learned(tiny_bert: str) -> None:
    values = np.random.default_rng(4).normal(size=200)
    names = np.array(["low", "mid", "high"])[np.digitize(values, [-0.5, 0.5])]
    samples = _samples(list(names), values)
    train, test = samples.select(range(150)), samples.select(range(150, 200))
    config = FusionConfig(
        inputs=inputs_of(train), labels=("low", "mid", "high"), task="ordinal", backbone=tiny_bert, dropout=0.0, modality_dropout=0.0
    )
    checkpoint = fit(train, config, TrainingConfig(epochs=30, patience=0, learning_rate=5e-3))
    found = evaluate(checkpoint, test, repeats=50)
    assert found.rows[0].figures["quadratic_kappa"].value == pytest.approx(0.9, abs=0.15)
    assert sum(Predictor(checkpoint).predict(test.select([0]))[0].probabilities.values()) == pytest.approx(1, abs=1e-5)
