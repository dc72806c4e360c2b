"""Two models on the same rows: is one better, or was it luck?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from core.errors import InputError
from core.label_learning.answers import row_losses
from core.label_learning.learned import LabelLearned
from core.metrics import Array, Estimate, bootstrap, paired_difference
from core.table.values import Table

DRAWS = 5000


@dataclass(frozen=True, slots=True)
class Comparison:
    """Outcome of a paired test.

    Attributes:
        measure: the headline of the task.
        first, second: its value for each model, with intervals over groups.
        difference: first minus second, with the interval of the paired bootstrap over groups.
        permutation_p: chance that mean losses differ this much if the models were alike; whole groups change sides.
        only_first_right, only_second_right: rows that one alone answers rightly; 0 where numbers are learned.
        mcnemar_p: exact McNemar test over those rows, which takes rows for independent; NaN where numbers or several labels are learned.
        rows, groups: how many.
    """

    measure: str
    first: Estimate
    second: Estimate
    difference: Estimate
    permutation_p: float
    only_first_right: int
    only_second_right: int
    mcnemar_p: float
    rows: int
    groups: int

    def __str__(self) -> str:
        d = self.difference
        sure = "no difference is shown" if d.low <= 0 <= d.high else f"the {'first' if d.value > 0 else 'second'} is better"
        return (
            f"{self.measure} {self.first.value:.3f} and {self.second.value:.3f}, difference {d.value:+.3f} ({d.low:+.3f} to {d.high:+.3f}) "
            f"on {self.rows} rows of {self.groups} groups, permutation p {self.permutation_p:.3g}: {sure}"
        )


def compare(first: LabelLearned, second: LabelLearned, table: Table) -> Comparison:
    """Test two models on the same labelled rows, none of which either was trained on.

    Raises:
        InputError: they learned different tasks or labels, or as `LabelLearned.evaluate`.
    """
    task = first.model.task
    if task.name != second.model.task.name or first.model.labels != second.model.labels:
        raise InputError(f"{first.name} and {second.name} learned different tasks or labels; they cannot be compared")
    one, two = first.answer(table), second.answer(table)
    if one.ids != two.ids:
        raise InputError(f"{table.name}: the two models use different rows of it; give rows with labels")
    measure = task.measures[task.headline]
    even = np.ones(len(one.ids), np.float32)
    gaps = row_losses(task, two.answers, one.targets, even) - row_losses(task, one.answers, one.targets, even)
    wins = losses = 0
    mcnemar = float("nan")
    if task.kind == "one":
        truth = one.targets.argmax(1)
        ours, theirs = one.answers.argmax(1) == truth, two.answers.argmax(1) == truth
        wins, losses = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
        mcnemar = float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
    return Comparison(
        task.headline,
        bootstrap(measure, one.answers, one.targets, one.groups),
        bootstrap(measure, two.answers, two.targets, two.groups),
        paired_difference(measure, one.answers, two.answers, one.targets, one.groups),
        sign_flip_p(gaps, one.groups),
        wins,
        losses,
        mcnemar,
        len(one.ids),
        len(set(one.groups)),
    )


def sign_flip_p(gaps: Array, groups: tuple[str, ...], *, seed: int = 0) -> float:
    """Chance of a sum of gaps at least this far from 0 if each group's gap could as well have had the other sign.

    Args:
        gaps: `[rows]`, paired differences.
        groups: of the rows.
        seed: of the draws.
    """
    _, index = np.unique(np.asarray(groups, str), return_inverse=True)
    sums = np.bincount(index, weights=gaps)
    signs = np.random.default_rng(seed).integers(0, 2, (DRAWS, len(sums)), np.int8) * 2 - 1
    drawn = np.abs(signs @ sums)
    return float((1 + (drawn >= abs(sums.sum()) - 1e-12).sum()) / (1 + DRAWS))
