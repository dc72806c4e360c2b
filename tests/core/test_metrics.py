import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from core.metrics import accuracy, auroc, balanced_accuracy, bootstrap, expected_calibration_error, macro_f1, paired_difference
from core.samples import FloatArray


def drawn(seed: int, rows: int = 60, labels: int = 3) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(labels), rows).astype(np.float32)
    return probabilities, np.eye(labels, dtype=np.float32)[rng.integers(0, labels, rows)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(12, 80))
def test_figures_are_those_of_scikit_learn(seed: int, rows: int) -> None:
    probabilities, targets = drawn(seed, rows)
    truth, predicted = targets.argmax(1), probabilities.argmax(1)
    assert accuracy(probabilities, targets) == pytest.approx(sk.accuracy_score(truth, predicted))
    if len(set(truth)) == 3:
        assert balanced_accuracy(probabilities, targets) == pytest.approx(sk.balanced_accuracy_score(truth, predicted))
        assert auroc(probabilities, targets) == pytest.approx(sk.roc_auc_score(targets, probabilities, average="macro"))
    assert macro_f1(probabilities, targets) == pytest.approx(sk.f1_score(truth, predicted, average="macro"))


def test_macro_f1_of_several_labels_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    probabilities, targets = rng.random((50, 4)).astype(np.float32), (rng.random((50, 4)) > 0.6).astype(np.float32)
    assert macro_f1(probabilities, targets, exclusive=False) == pytest.approx(sk.f1_score(targets, probabilities >= 0.5, average="macro"))


def test_auroc_without_both_kinds_is_not_a_number() -> None:
    assert np.isnan(auroc(np.array([[0.2], [0.3]], np.float32), np.array([[1.0], [1.0]], np.float32)))


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.65, 0.35]], np.float32)
    targets = np.array([[1, 0], [0, 1], [1, 0], [1, 0]], np.float32)
    assert expected_calibration_error(probabilities, targets) == pytest.approx((0.45 + 0.35) / 2, abs=1e-6)


def test_interval_covers_groups_not_rows() -> None:
    """Ten copies of each row add nothing: by group the interval stays, by row it would shrink."""
    probabilities, targets = drawn(0, 40)
    groups = [str(i) for i in range(40)]
    once = bootstrap(accuracy, probabilities, targets, groups)
    copied = bootstrap(accuracy, np.tile(probabilities, (10, 1)), np.tile(targets, (10, 1)), groups * 10)
    by_row = bootstrap(accuracy, np.tile(probabilities, (10, 1)), np.tile(targets, (10, 1)), [str(i) for i in range(400)])
    assert copied.high - copied.low == pytest.approx(once.high - once.low, abs=0.05)
    assert by_row.high - by_row.low < 0.5 * (once.high - once.low)
    assert once.low < once.value < once.high


def test_one_group_has_no_interval() -> None:
    probabilities, targets = drawn(0)
    estimate = bootstrap(accuracy, probabilities, targets, ["a"] * 60)
    assert estimate.low == estimate.high == estimate.value


def test_paired_difference_is_tighter_than_two_intervals() -> None:
    probabilities, targets = drawn(1, 200)
    better = 0.5 * probabilities + 0.5 * np.where(np.arange(200)[:, None] % 4 == 0, targets, probabilities)
    groups = [str(i) for i in range(200)]
    gain = paired_difference(accuracy, better, probabilities, targets, groups)
    assert gain.low > 0
    alone = bootstrap(accuracy, better, targets, groups)
    assert gain.high - gain.low < alone.high - alone.low
    same = paired_difference(accuracy, better, better, targets, groups)
    assert (same.value, same.low, same.high) == (0, 0, 0)
