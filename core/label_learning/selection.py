"""Choosing among members by their out-of-fold answers: one alone, or a mean of several, apart for each set of modalities.

Greedy selection with replacement (Caruana et al., 2004) gives the weights of a mean. It is done once for every set of
modalities that a row may have, on rows that were shown no more than that set: so a model that reads pictures alone is there
when only the picture is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from core.label_learning.answers import row_losses
from core.label_learning.members import Lesson
from core.samples import FloatArray, Modality

Pattern = frozenset[Modality]
Weights = Mapping[str, float]
Answers = Mapping[str, FloatArray]
ROUNDS = 20
LEAST_WEIGHT = 0.08  # less is not worth the time of asking
LEAST_ROWS = 20
MOST_FOR_ALL_SETS = 5
MOST_FOR_ALL_PROBES = 4


def patterns_of(modalities: Sequence[Modality]) -> tuple[Pattern, ...]:
    """Sets of modalities that are looked at: all of them, or of many modalities everything, all but one, and each alone."""
    return _sets(modalities, MOST_FOR_ALL_SETS)


def probed(modalities: Sequence[Modality]) -> tuple[Pattern, ...]:
    """Sets of modalities that have a linear probe of their own, all of them first."""
    return _sets(modalities, MOST_FOR_ALL_PROBES)


def _sets(modalities: Sequence[Modality], most_for_all: int) -> tuple[Pattern, ...]:
    whole = frozenset(modalities)
    if len(whole) <= most_for_all:
        return tuple(frozenset(c) for size in range(len(whole), 0, -1) for c in combinations(modalities, size))
    found = [whole, *(whole - {m} for m in modalities), *(frozenset({m}) for m in modalities)]
    return tuple(dict.fromkeys(found))


def greedy(lesson: Lesson, answers: Answers, places: FloatArray | Sequence[int]) -> dict[str, float]:
    """Weights of members, which sum to 1: each round takes the member that lowers the loss of the mean most.

    Args:
        lesson: targets and weights.
        answers: `[rows, labels]` of each member.
        places: rows that count.
    """
    rows = np.asarray(places, np.int64)
    targets, weights = lesson.targets[rows], lesson.weights[rows]
    seen = {name: one[rows].astype(np.float64) for name, one in answers.items()}
    total, taken = np.zeros_like(targets, np.float64), dict.fromkeys(seen, 0)
    best_loss, best = np.inf, dict(taken)
    for size in range(1, ROUNDS + 1):
        losses = {name: float(row_losses(lesson.task, (total + one) / size, targets, weights).mean()) for name, one in seen.items()}
        name = min(losses, key=lambda key: losses[key])
        total, taken = total + seen[name], {**taken, name: taken[name] + 1}
        if losses[name] < best_loss - 1e-9:
            best_loss, best = losses[name], dict(taken)
    shares = {name: count / sum(best.values()) for name, count in best.items() if count}
    kept = {name: share for name, share in shares.items() if share >= LEAST_WEIGHT}
    return {name: share / sum(kept.values()) for name, share in kept.items()}


def weigh(lesson: Lesson, by_pattern: Mapping[Pattern, Answers], places: Sequence[int]) -> dict[Pattern, dict[str, float]]:
    """Weights for each set of modalities, on those of the rows that have all of it and were shown nothing else."""
    natural = lesson.rows.patterns
    whole = next(iter(by_pattern))
    found: dict[Pattern, dict[str, float]] = {}
    for pattern, answers in by_pattern.items():
        rows = [i for i in places if pattern <= natural[i]]
        if len(rows) < LEAST_ROWS:
            rows = list(places) if pattern == whole else []
        found[pattern] = greedy(lesson, answers, rows) if rows else _of_those(found[whole], answers)
    return found


def _of_those(weights: Weights, answers: Answers) -> dict[str, float]:
    """The weights of members that answer here at all; where none of them does, the first that does."""
    kept = {name: weight for name, weight in weights.items() if name in answers}
    total = sum(kept.values())
    return {name: weight / total for name, weight in kept.items()} if kept else {next(iter(answers)): 1.0}


def mix(answers: Answers, weights: Weights) -> FloatArray:
    """The weighted mean, `[rows, labels]`."""
    return np.asarray(sum(answers[name].astype(np.float64) * weight for name, weight in weights.items()), np.float32)


def mixed(natural: Sequence[Pattern], by_pattern: Mapping[Pattern, Answers], weights: Mapping[Pattern, Weights]) -> FloatArray:
    """Every row by the weights of the modalities that it has."""
    whole = next(iter(by_pattern))
    found = np.array(mix(by_pattern[whole], weights[whole]))
    for pattern, chosen in weights.items():
        rows = [i for i, here in enumerate(natural) if here == pattern]
        if pattern != whole and rows:
            found[rows] = mix({name: by_pattern[whole][name][rows] for name in chosen}, chosen)
    return found


def cross_fitted(lesson: Lesson, by_pattern: Mapping[Pattern, Answers], folds: Sequence[Sequence[int]]) -> FloatArray:
    """What the mean says of each fold with weights chosen on the other folds: an honest figure for a mean that was chosen."""
    natural = lesson.rows.patterns
    found = np.zeros_like(lesson.targets)
    for fold in folds:
        held = set(fold)
        weights = weigh(lesson, by_pattern, [i for i in range(len(natural)) if i not in held])
        found[list(fold)] = mixed(natural, by_pattern, weights)[list(fold)]
    return found
