import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calibration import LEAST_ROWS, Calibration, calibrate, conformal_scores, conformal_threshold, fit_temperature
from core.samples import FloatArray
from core.tasks import CLASSIFICATION, MULTILABEL


def drawn(seed: int, rows: int, temperature: float, labels: int = 4) -> tuple[FloatArray, FloatArray]:
    """Logits `temperature` times too sure, with labels drawn from the true probabilities."""
    rng = np.random.default_rng(seed)
    true_logits = rng.normal(size=(rows, labels)) * 2
    probabilities = CLASSIFICATION.probabilities(true_logits).astype(np.float64)
    chosen = [rng.choice(labels, p=p / p.sum()) for p in probabilities]
    return true_logits * temperature, np.eye(labels, dtype=np.float32)[chosen]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_known_temperature_is_recovered(temperature: float) -> None:
    logits, targets = drawn(0, 4000, temperature)
    assert fit_temperature(logits, targets, CLASSIFICATION) == pytest.approx(temperature, rel=0.08)


def test_each_label_of_several_has_its_own_temperature() -> None:
    rng = np.random.default_rng(0)
    true_logits = rng.normal(size=(4000, 2)) * 2
    targets = (rng.random((4000, 2)) < MULTILABEL.probabilities(true_logits)).astype(np.float32)
    calibration = calibrate(true_logits * [3.0, 0.5], targets, MULTILABEL)
    np.testing.assert_allclose(calibration.temperatures, [3.0, 0.5], rtol=0.1)
    assert calibration.ece_after < calibration.ece_before


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["lac", "aps"]), st.sampled_from([0.05, 0.1, 0.3]))
def test_accepted_labels_cover_the_truth(seed: int, method: str, alpha: float) -> None:
    logits, targets = drawn(seed, 3000, 2.0)
    calibration = calibrate(logits[:1000], targets[:1000], CLASSIFICATION, alpha=alpha, method=method)  # type: ignore[arg-type]
    scores = conformal_scores(calibration.probabilities(logits[1000:], CLASSIFICATION), calibration.method)
    covered = (scores <= calibration.thresholds[0])[targets[1000:] > 0.5].mean()
    assert covered >= 1 - alpha - 0.04


def test_conformal_threshold_is_the_corrected_quantile() -> None:
    scores = np.arange(1, 20) / 20.0
    assert conformal_threshold(scores, 0.1) == pytest.approx(0.9)  # ceil(20 * 0.9) = the 18th of 19
    assert conformal_threshold(scores[:8], 0.1) == math.inf  # 9 rows are needed


def test_aps_never_abstains_on_the_most_probable_label() -> None:
    scores = conformal_scores(np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]]), "aps")
    np.testing.assert_allclose(scores, [[0.0, 0.6, 0.9], [0.8, 0.5, 0.0]], atol=1e-9)


def test_unsure_rows_are_abstained_on_and_sure_ones_stand() -> None:
    calibration = Calibration(thresholds=(0.4,))
    accepted = calibration.accepted(np.array([[0.97, 0.01, 0.01, 0.01], [0.25, 0.25, 0.25, 0.25]], np.float32))
    assert accepted.tolist() == [[True, False, False, False], [False] * 4]


def test_a_set_of_every_label_says_nothing() -> None:
    assert not Calibration(thresholds=(0.6,)).accepted(np.array([[0.5, 0.5]], np.float32)).any()


def test_few_rows_change_nothing_and_say_so() -> None:
    logits, targets = drawn(0, 5, 3.0)
    calibration = calibrate(logits, targets, CLASSIFICATION)
    assert calibration.temperatures == (1.0,)
    assert f"5 validation rows, {LEAST_ROWS} are needed" in calibration.notes[0]
    assert "abstains always" in calibration.notes[1]
    assert not calibration.accepted(calibration.probabilities(logits, CLASSIFICATION)).any()


def test_no_rows_at_all() -> None:
    calibration = calibrate(np.zeros((0, 3)), np.zeros((0, 3), np.float32), CLASSIFICATION)
    assert calibration.temperatures == (1.0,)
    assert calibration.rows == 0


@pytest.mark.parametrize("scale", [0.0, 1e6])
def test_extreme_logits_keep_the_temperature_finite(scale: float) -> None:
    logits, targets = drawn(0, 50, 1.0)
    assert 0.05 <= fit_temperature(logits * scale, targets, CLASSIFICATION) <= 20
    assert 0.05 <= fit_temperature(targets * 50.0, targets, CLASSIFICATION) <= 20


def test_label_never_seen_in_validation_is_never_accepted() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((100, 2)) < 0.5).astype(np.float32)
    targets[:, 1] = 0
    calibration = calibrate(rng.normal(size=(100, 2)), targets, MULTILABEL)
    assert not calibration.accepted(np.ones((1, 2), np.float32))[0, 1]
