import numpy as np

from core.baselines import logistic_regression, majority
from core.features import Features
from core.featuresets import FeatureSet
from core.samples import Modality
from core.tasks import CLASSIFICATION, MULTILABEL


def numbered(seed: int, rows: int = 60) -> tuple[FeatureSet, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.arange(rows) % 2

    def row(i: int) -> Features | None:
        if i % 7 == 6:
            return None
        tokens = rng.normal(size=(1, 3, 4)).astype(np.float32)
        tokens[..., 0] += 5 * truth[i]
        return Features(tokens, np.ones((1, 3), np.bool_), (("glass breaks",) if truth[i] else ("all is quiet",),), "e")

    ids = tuple(map(str, range(rows)))
    rows_of = {Modality.AUDIO: tuple(map(row, range(rows)))}
    return FeatureSet(ids, rows_of, ((),) * rows, ids), np.eye(2, dtype=np.float32)[truth]


def test_majority_says_the_shares_of_training() -> None:
    targets = np.array([[1, 0], [1, 0], [0, 1], [1, 0]], np.float32)
    assert majority(targets, 2).tolist() == [[0.75, 0.25], [0.75, 0.25]]


def test_logistic_regression_learns_and_bears_missing_rows() -> None:
    (train, train_targets), (test, targets) = numbered(0), numbered(1)
    for task in (CLASSIFICATION, MULTILABEL):
        probabilities = logistic_regression(train, train_targets, test, task, [Modality.AUDIO])
        here = np.array([row is not None for row in test.rows[Modality.AUDIO]])
        assert (probabilities.argmax(1) == targets.argmax(1))[here].mean() > 0.95
        assert np.isfinite(probabilities).all()


def test_label_without_a_training_row_gets_no_probability() -> None:
    (train, targets), (test, _) = numbered(0), numbered(1)
    wide = np.pad(targets, ((0, 0), (0, 1)))
    probabilities = logistic_regression(train, wide, test, CLASSIFICATION, [Modality.AUDIO])
    assert (probabilities[:, 2] == 0).all()
