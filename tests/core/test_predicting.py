import numpy as np
import pytest
import torch

from core.calibration import Calibration
from core.cards import Card
from core.checkpoints import Checkpoint
from core.features import Features
from core.featuresets import FeatureSet
from core.fusion import FusionConfig, ModalityInput, build_model, trained_state
from core.predicting import BATCH, Predictor, joint_logits
from core.samples import Modality
from core.splits import Split

VIDEO, AUDIO = Modality.VIDEO, Modality.AUDIO


@pytest.fixture(scope="module")
def checkpoint(tiny_bert: str) -> Checkpoint:
    inputs = {m: ModalityInput(encoder=f"{m}", width=4, max_words=8) for m in (VIDEO, AUDIO)}
    torch.manual_seed(0)
    model = build_model(FusionConfig(inputs=inputs, labels=("fall", "dog", "other"), backbone=tiny_bert))
    calibration = Calibration((2.0,), (0.7,), rows=50)
    return Checkpoint(model.settings, trained_state(model), model.backbone.identity, calibration, Split(("a",)), Card(title="test"))


def video(rows: int) -> Features:
    tokens = np.random.default_rng(0).normal(size=(rows, 3, 4)).astype(np.float32)
    return Features(tokens, np.ones((rows, 3), np.bool_), (("a person",),) * rows, "video")


def row(name: str, features: Features) -> Features:
    return Features(features.tokens.copy(), features.mask.copy(), features.sentences, name)


def test_prediction_is_calibrated_explained_and_named(checkpoint: Checkpoint) -> None:
    predictor = Predictor(checkpoint)
    given = {VIDEO: video(2), AUDIO: row("audio", video(2))}
    first, second = predictor.predict(given, ids=("x", "y"))
    assert (first.sample, second.sample) == ("x", "y")
    assert sum(first.probabilities.values()) == pytest.approx(1.0, abs=1e-6)
    assert set(first.contributions) == {VIDEO, AUDIO}
    assert sum(first.contributions.values()) == pytest.approx(1.0)
    assert first.checkpoint == checkpoint.name
    assert first.embedding.shape == (32,)
    assert set(first.accepted) <= {label for label, p in first.probabilities.items() if p >= 0.3 - 1e-6}
    logits = joint_logits(checkpoint.build(), FeatureSet(("x",), {m: (f.row(0),) for m, f in given.items()}, ((),), ("x",)))
    expected = np.exp(logits[0] / 2) / np.exp(logits[0] / 2).sum()
    np.testing.assert_allclose(list(first.probabilities.values()), expected, rtol=1e-5)


def test_absent_modality_has_no_contribution_and_a_blank_sample_still_an_answer(checkpoint: Checkpoint) -> None:
    one = video(1).row(0)
    samples = FeatureSet(("seen", "blank"), {VIDEO: (one, None)}, ((), ()), ("seen", "blank"))
    seen, blank = Predictor(checkpoint).predict(samples)
    assert seen.contributions == {VIDEO: pytest.approx(1.0)}
    assert blank.contributions == {}
    nothing = FeatureSet(("blank",), {}, ((),), ("blank",))
    alone = Predictor(checkpoint).predict(nothing)[0]
    assert np.isfinite(alone.embedding).all()
    assert alone.probabilities == pytest.approx(blank.probabilities)


def test_more_rows_than_a_batch_come_back_in_order(checkpoint: Checkpoint) -> None:
    predictor = Predictor(checkpoint, method=None)
    many = video(BATCH + 3)
    together = predictor.predict({VIDEO: many})
    assert [p.sample for p in together] == [str(i) for i in range(BATCH + 3)]
    last = predictor.predict({VIDEO: many.row(BATCH + 2)})[0]
    assert last.probabilities == pytest.approx(together[-1].probabilities, abs=1e-5)
    assert together[0].contributions == {}
