"""Figures of merit with intervals: each a function of probabilities and targets, both `[rows, labels]`.

Intervals are percentile bootstrap intervals over groups, not rows: rows of one group (a room, a patient, a maker) are alike,
and drawing them one by one would make every interval too narrow. The measures are written over whole arrays because a
bootstrap calls them a thousand times; the tests hold them to scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from core.samples import FloatArray

Array = npt.NDArray[Any]
Measure = Callable[[FloatArray, FloatArray], float]

BINS = 10
REPEATS = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value: on all rows.
        low, high: bounds of the 95 % bootstrap interval; equal to `value` where there is only one group.
    """

    value: float
    low: float
    high: float


def accuracy(probabilities: FloatArray, targets: FloatArray) -> float:
    """Share of rows whose most probable label is right."""
    return float((probabilities.argmax(1) == targets.argmax(1)).mean())


def balanced_accuracy(probabilities: FloatArray, targets: FloatArray) -> float:
    """Mean over the labels that occur of the share of their rows that are found."""
    truth, right = targets.argmax(1), probabilities.argmax(1) == targets.argmax(1)
    count = np.bincount(truth, minlength=targets.shape[1])
    found = np.bincount(truth, weights=right, minlength=targets.shape[1])
    return float((found[count > 0] / count[count > 0]).mean())


def macro_f1(probabilities: FloatArray, targets: FloatArray, *, exclusive: bool = True) -> float:
    """Mean F1 over the labels that occur or are predicted.

    A label is predicted where it is the most probable, or, if several may be right (not `exclusive`), from 0.5 on.
    """
    predicted = np.eye(targets.shape[1], dtype=bool)[probabilities.argmax(1)] if exclusive else probabilities >= 0.5
    hits = (predicted & (targets > 0.5)).sum(0)  # [labels]
    size = predicted.sum(0) + (targets > 0.5).sum(0)  # [labels]
    return float((2 * hits[size > 0] / size[size > 0]).mean()) if (size > 0).any() else 0.0


def auroc(probabilities: FloatArray, targets: FloatArray) -> float:
    """Mean over labels of the area under the ROC curve, each label against the rest; NaN where no label has both kinds of rows."""
    positive = (targets > 0.5).sum(0)  # [labels]
    negative = len(targets) - positive
    ranks = (rankdata(probabilities, axis=0) * (targets > 0.5)).sum(0)  # [labels]
    both = (positive > 0) & (negative > 0)
    if not both.any():
        return float("nan")
    wins = ranks[both] - positive[both] * (positive[both] + 1) / 2
    return float((wins / (positive[both] * negative[both])).mean())


def quadratic_kappa(probabilities: FloatArray, targets: FloatArray) -> float:
    """Agreement beyond chance over ordered labels, far misses counting by the square of their distance (Cohen, 1968)."""
    said, truth, size = probabilities.argmax(1), targets.argmax(1), targets.shape[1]
    seen = np.bincount(truth * size + said, minlength=size * size).reshape(size, size) / max(len(truth), 1)
    chance = np.outer(seen.sum(1), seen.sum(0))
    cost = np.subtract.outer(np.arange(size), np.arange(size)) ** 2
    expected = float((cost * chance).sum())
    return 1 - float((cost * seen).sum()) / expected if expected > 0 else float("nan")


def mean_rank_error(probabilities: FloatArray, targets: FloatArray) -> float:
    """Mean distance, in places of the order, between the most probable label and the right one; less is better."""
    return float(np.abs(probabilities.argmax(1) - targets.argmax(1)).mean())


def r2(values: FloatArray, targets: FloatArray) -> float:
    """Share of the variance that is explained, mean over the numbers learned; NaN where the truth does not vary."""
    spread = ((targets - targets.mean(0)) ** 2).sum(0)
    left = ((values - targets) ** 2).sum(0)
    return float((1 - left[spread > 0] / spread[spread > 0]).mean()) if (spread > 0).any() else float("nan")


def root_mean_squared_error(values: FloatArray, targets: FloatArray) -> float:
    """In the target's unit; less is better."""
    return float(np.sqrt(((values - targets).astype(np.float64) ** 2).mean()))


def mean_absolute_error(values: FloatArray, targets: FloatArray) -> float:
    """In the target's unit; less is better."""
    return float(np.abs((values - targets).astype(np.float64)).mean())


def spearman(values: FloatArray, targets: FloatArray) -> float:
    """Rank correlation, mean over the numbers learned; NaN where either does not vary."""
    first, second = (rankdata(side, axis=0) for side in (values, targets))
    first, second = first - first.mean(0), second - second.mean(0)
    scale = np.sqrt((first**2).sum(0) * (second**2).sum(0))
    return float(((first * second).sum(0)[scale > 0] / scale[scale > 0]).mean()) if (scale > 0).any() else float("nan")


def expected_calibration_error(probabilities: FloatArray, targets: FloatArray, *, exclusive: bool = True) -> float:
    """Mean gap between confidence and truth over ten bins of confidence (Naeini et al., 2015)."""
    return reliability(probabilities, targets, exclusive=exclusive).gap


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often what is said with some confidence is true.

    Attributes:
        confidence, truth, share: `[bins]`, mean confidence, share that was true, share of all; NaN, NaN, 0 for an empty bin.
    """

    confidence: FloatArray
    truth: FloatArray
    share: FloatArray

    @property
    def gap(self) -> float:
        """The expected calibration error."""
        filled = self.share > 0
        return float((self.share[filled] * np.abs(self.confidence[filled] - self.truth[filled])).sum())


def reliability(probabilities: FloatArray, targets: FloatArray, *, exclusive: bool = True, bins: int = BINS) -> Reliability:
    """Bins of equal width over the confidence in the best label, or in every label if several may be right."""
    if exclusive:
        confidence = probabilities.max(1)
        truth = (probabilities.argmax(1) == targets.argmax(1)).astype(float)
    else:
        confidence, truth = probabilities.ravel(), (targets > 0.5).ravel().astype(float)
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    size = np.bincount(index, minlength=bins).astype(float)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(index, weights=confidence, minlength=bins) / size
        true = np.bincount(index, weights=truth, minlength=bins) / size
    return Reliability(mean.astype(np.float32), true.astype(np.float32), (size / max(size.sum(), 1)).astype(np.float32))


def bootstrap(
    measure: Measure, probabilities: FloatArray, targets: FloatArray, groups: Sequence[str], *, repeats: int = REPEATS, seed: int = 0
) -> Estimate:
    """A figure with the 95 % interval over draws of whole groups.

    Args:
        measure: the figure.
        probabilities: `[rows, labels]`.
        targets: `[rows, labels]`.
        groups: the group of each row.
        repeats: draws.
        seed: of the draws; equal seeds draw the same groups, so that two models can be compared draw by draw.
    """
    value = measure(probabilities, targets)
    drawn = np.array([measure(probabilities[rows], targets[rows]) for rows in _draws(groups, repeats, seed)])
    return _estimate(value, drawn)


def paired_difference(
    measure: Measure,
    first: FloatArray,
    second: FloatArray,
    targets: FloatArray,
    groups: Sequence[str],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Estimate:
    """How much better the first model is than the second on the same rows, with the interval of the difference."""
    value = measure(first, targets) - measure(second, targets)
    draws = _draws(groups, repeats, seed)
    drawn = np.array([measure(first[rows], targets[rows]) - measure(second[rows], targets[rows]) for rows in draws])
    return _estimate(value, drawn)


def _draws(groups: Sequence[str], repeats: int, seed: int) -> list[Array]:
    """For each draw the rows of as many groups as there are, drawn with replacement."""
    _, index = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    members = [np.flatnonzero(index == group) for group in range(index.max() + 1)]
    if len(members) < 2:
        return []
    rng = np.random.default_rng(seed)
    return [np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))]) for _ in range(repeats)]


def _estimate(value: float, drawn: Array) -> Estimate:
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Estimate(value, value, value)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))
