"""Projectors for long runs, adapters, balance, optimisers, weights: what the engine offers beyond its defaults."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.balance import modulation, scores_of
from core.checkpoints import load_checkpoint, save_checkpoint
from core.features import Features
from core.featuresets import FeatureSet
from core.fusion import FusionConfig, ModalityInput, build_model
from core.learning_rate import find_learning_rate
from core.predicting import joint_logits
from core.resampler import Resampler
from core.samples import Modality
from core.training import TrainingConfig, fit, inputs_of

WIDTH = 6


def _samples(rows: int, *, seed: int = 0, tokens: int = 5, weights: tuple[float, ...] = ()) -> FeatureSet:
    """Two labels; the image tells them apart well, the sound somewhat."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows)

    def run(label: int, clear: float, name: str) -> Features:
        made = rng.normal(size=(1, tokens, WIDTH)).astype(np.float32)
        made[..., 0] += clear * (2 * label - 1)
        return Features(made, np.ones((1, tokens), np.bool_), ((),), name)

    images = tuple(run(label, 2.0, "image/1") for label in labels)
    sounds = tuple(run(label, 0.4, "audio/1") for label in labels)
    names = tuple(map(str, range(rows)))
    return FeatureSet(names, {Modality.IMAGE: images, Modality.AUDIO: sounds}, tuple((str(v),) for v in labels), names, weights)


def _config(samples: FeatureSet, backbone: str, **settings: object) -> FusionConfig:
    base = {"labels": ("0", "1"), "backbone": backbone, "dropout": 0.0, "modality_dropout": 0.0}
    return FusionConfig.model_validate({"inputs": inputs_of(samples, max_words=8), **base, **settings})


@pytest.mark.parametrize("tuning", ["frozen", "lora", "dora", "full"])
@pytest.mark.parametrize("projector", ["linear", "mlp", "resampler"])
@pytest.mark.parametrize("kind", ["tiny_bert", "tiny_llama"])
def test_every_tuning_and_projector_saves_and_loads_to_the_same_logits(
    request: pytest.FixtureRequest, tmp_path: Path, tuning: str, projector: str, kind: str
) -> None:
    samples = _samples(12)
    backbone = request.getfixturevalue(kind)
    config = _config(samples, backbone, tuning=tuning, inputs=inputs_of(samples, projector=projector, max_tokens=3, max_words=8))
    checkpoint = fit(samples, config, TrainingConfig(epochs=1, batch_size=6, validation_fraction=0))
    before = joint_logits(checkpoint.build(), samples)
    after = joint_logits(load_checkpoint(save_checkpoint(checkpoint, tmp_path / "model")).build(), samples)
    np.testing.assert_array_equal(before, after)
    assert np.isfinite(before).all()


def test_a_resampler_gives_the_same_tokens_whatever_the_padding_and_always_as_many() -> None:
    torch.manual_seed(0)
    resampler = Resampler(WIDTH, 16, 1.0, 0.0, queries=4).eval()
    tokens, times = torch.randn(1, 7, WIDTH), torch.linspace(0, 1, 7)[None]
    short, found, _ = resampler.resample(tokens, torch.ones(1, 7, dtype=torch.bool), times)
    padded = torch.cat([tokens, torch.full((1, 20, WIDTH), 9.0)], dim=1)
    mask = torch.arange(27)[None] < 7
    long, _, _ = resampler.resample(padded, mask, torch.cat([times, torch.zeros(1, 20)], dim=1))
    assert short.shape == (1, 4, 16)
    assert found.all()
    torch.testing.assert_close(short, long)
    nothing, none, _ = resampler.resample(padded, torch.zeros_like(mask), torch.zeros(1, 27))
    assert torch.isfinite(nothing).all()
    assert not none.any()


def test_dora_trains_magnitudes_beside_the_adapters(tiny_bert: str) -> None:
    model = build_model(_config(_samples(4), tiny_bert, tuning="dora"))
    assert any("magnitude" in name for name, p in model.named_parameters() if p.requires_grad)


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=5))
def test_only_a_modality_that_is_ahead_is_held_back(scores: list[float]) -> None:
    given_scores = torch.tensor(scores)
    factors = modulation(given_scores, torch.ones(len(scores), dtype=torch.bool))
    assert ((factors > 0) & (factors <= 1)).all()
    assert float(factors[int(given_scores.argmin())]) == 1.0
    order = given_scores.argsort()
    assert (factors[order].diff() <= 1e-6).all()


def test_a_modality_that_is_alone_is_never_held_back() -> None:
    factors = modulation(torch.tensor([0.9, 0.1]), torch.tensor([True, False]))
    assert factors.tolist() == [1.0, 1.0]


def test_scores_are_means_over_the_rows_that_have_the_modality() -> None:
    losses, present = torch.tensor([[0.0, 5.0], [0.0, 0.0]]), torch.tensor([[True, False], [True, True]])
    assert scores_of(losses, present).tolist() == pytest.approx([1.0, 1.0])


def test_balance_changes_what_the_leading_modality_learns(tiny_bert: str) -> None:
    samples = _samples(24)
    training = TrainingConfig(epochs=2, batch_size=8, validation_fraction=0)
    plain = fit(samples, _config(samples, tiny_bert), training)
    balanced = fit(samples, _config(samples, tiny_bert, balance_gradients=True), training)
    image = [k for k in plain.weights if k.startswith("projectors.image.layers")]
    assert any(not torch.equal(plain.weights[k], balanced.weights[k]) for k in image)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "adafactor"])
def test_every_optimizer_learns(tiny_bert: str, optimizer: str) -> None:
    samples = _samples(64)
    rate = {"adamw": 5e-3, "sgd": 5e-2, "adafactor": 5e-2}[optimizer]
    how = {"epochs": 12, "batch_size": 16, "optimizer": optimizer, "learning_rate": rate, "validation_fraction": 0}
    training = TrainingConfig.model_validate(how)
    logits = joint_logits(fit(samples, _config(samples, tiny_bert), training).build(), samples)
    right = logits.argmax(1) == [int(row[0]) for row in samples.labels]
    assert right.mean() > 0.9


def test_a_sample_without_weight_teaches_nothing(tiny_bert: str) -> None:
    rows = 64
    lied = [i % 2 == 0 for i in range(rows)]
    samples = _samples(rows)
    labels = tuple(("1" if row[0] == "0" else "0",) if lie else row for row, lie in zip(samples.labels, lied, strict=True))
    weighted = FeatureSet(samples.ids, samples.rows, labels, samples.groups, tuple(0.0 if lie else 1.0 for lie in lied))
    training = TrainingConfig(epochs=8, batch_size=16, learning_rate=5e-3, validation_fraction=0, class_weights=False)
    logits = joint_logits(fit(weighted, _config(samples, tiny_bert), training).build(), samples)
    assert (logits.argmax(1) == [int(row[0]) for row in samples.labels]).mean() > 0.9


def test_the_same_seed_gives_the_same_weights(tiny_bert: str) -> None:
    samples = _samples(24)
    training = TrainingConfig(epochs=2, batch_size=8, validation_fraction=0)
    first, second = (fit(samples, _config(samples, tiny_bert), training) for _ in range(2))
    assert first.name == second.name


def test_a_learning_rate_is_suggested_where_the_loss_falls(tiny_bert: str) -> None:
    samples = _samples(64)
    curve = find_learning_rate(samples, _config(samples, tiny_bert), TrainingConfig(batch_size=16))
    assert 1e-6 < curve.suggestion < 0.1
    at = int(np.argmin(np.abs(curve.rates - curve.suggestion)))
    assert curve.losses[at] <= curve.losses[0] * 1.05


def test_long_runs_cost_the_backbone_no_more_with_a_resampler(tiny_bert: str) -> None:
    config = FusionConfig(
        inputs={Modality.IMAGE: ModalityInput(encoder="image/1", width=WIDTH, max_tokens=4, projector="resampler")},
        labels=("0", "1"),
        backbone=tiny_bert,
    )
    model = build_model(config)
    long = Features(np.random.default_rng(0).normal(size=(1, 900, WIDTH)).astype(np.float32), np.ones((1, 900), np.bool_), ((),), "image/1")
    segments, found = model.segments({Modality.IMAGE: long})
    words = 2  # "image:"
    assert segments[0].embeds.shape[1] == 4 + words
    assert found.all()
