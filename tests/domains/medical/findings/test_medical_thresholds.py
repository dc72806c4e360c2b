"""Two thresholds a finding keep their promise in both directions, and promise nothing without examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.medical.findings.thresholds import NEVER, Thresholds, fit_thresholds
from domains.medical.report import Status


def test_at_most_the_promised_share_is_wrong_on_new_studies() -> None:
    rng = np.random.default_rng(0)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        truth = (rng.random(count) < 0.3).astype(np.float32)
        return np.clip(rng.normal(0.35 + 0.3 * truth, 0.15), 0, 1).astype(np.float32), truth

    wrong_present, wrong_absent = [], []
    for _ in range(50):
        cut = fit_thresholds(*draw(300), alpha=0.1)
        answers, truth = draw(2000)
        wrong_present.append((answers[truth < 0.5] >= cut.present_from).mean())
        wrong_absent.append((answers[truth > 0.5] < cut.absent_below).mean())

    assert np.mean(wrong_present) <= 0.105
    assert np.mean(wrong_absent) <= 0.105
    assert np.mean(wrong_present) >= 0.07  # not by saying nothing
    assert np.mean(wrong_absent) >= 0.07


def test_between_the_thresholds_it_is_not_sure() -> None:
    cut = Thresholds(present_from=0.7, absent_below=0.2)

    assert [cut.status(p) for p in (0.7, 0.69, 0.2, 0.19)] == [Status.PRESENT, Status.ABSTAINED, Status.ABSTAINED, Status.ABSENT]


@pytest.mark.parametrize(("positives", "negatives"), [(0, 0), (8, 200), (200, 8)])
def test_too_few_examples_are_no_promise(positives: int, negatives: int) -> None:
    rng = np.random.default_rng(1)
    truth = np.array([1.0] * positives + [0.0] * negatives, np.float32)
    cut = fit_thresholds(rng.random(len(truth)).astype(np.float32), truth, alpha=0.1)

    assert (cut.absent_below == 0) == (positives < 9)
    assert (cut.present_from == NEVER) == (negatives < 9)
    if negatives < 9:
        assert cut.status(1.0) is not Status.PRESENT


def test_where_classes_lie_apart_one_cut_answers_everything() -> None:
    answers = np.concatenate([np.linspace(0.0, 0.2, 50), np.linspace(0.8, 1.0, 50)]).astype(np.float32)
    cut = fit_thresholds(answers, np.repeat([0, 1], 50).astype(np.float32), alpha=0.1)

    assert cut.present_from == cut.absent_below
    assert {cut.status(float(p)) for p in answers[:40]} == {Status.ABSENT}
    assert {cut.status(float(p)) for p in answers[60:]} == {Status.PRESENT}


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), max_size=60), st.floats(0.01, 0.49))
def test_absent_never_reaches_above_present(rows: list[tuple[float, bool]], alpha: float) -> None:
    cut = fit_thresholds(np.array([p for p, _ in rows], np.float32), np.array([t for _, t in rows], np.float32), alpha=alpha)

    assert 0 <= cut.absent_below <= cut.present_from <= NEVER
    wrong = sum(t and p < cut.absent_below for p, t in rows), sum(not t and p > cut.present_from for p, t in rows)
    assert wrong[0] <= alpha * (cut.positives + 1) + 1
    assert wrong[1] <= alpha * (cut.negatives + 1) + 1
