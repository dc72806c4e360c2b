"""Answers `[rows, labels]`: how wrong they are, row by row, and back from probabilities to logits."""

from __future__ import annotations

import numpy as np

from core.metrics import Array
from core.samples import FloatArray
from core.tasks import Task

LEAST = 1e-6


def row_losses(task: Task, answers: Array, targets: Array, weights: Array) -> Array:
    """Loss of each row, `[rows]`: log loss, mean log loss over the labels, or squared error in units of the targets' spread.

    Args:
        task: what is learned.
        answers: probabilities, or numbers.
        targets: of the same shape.
        weights: `[rows]`.
    """
    if task.kind == "value":
        spread = np.maximum(targets.var(0), 1e-12)
        return np.asarray((((answers - targets) ** 2) / spread).mean(1) * weights)
    sure = np.clip(answers.astype(np.float64), LEAST, 1 - LEAST)
    if task.kind == "one":
        return np.asarray(-np.log(sure[np.arange(len(sure)), targets.argmax(1)]) * weights)
    return np.asarray(-(targets * np.log(sure) + (1 - targets) * np.log1p(-sure)).mean(1) * weights)


def to_logits(task: Task, answers: FloatArray) -> FloatArray:
    """What `task.probabilities` turns into these answers again."""
    if task.kind == "value":
        return answers
    sure = np.clip(answers.astype(np.float64), LEAST, 1 - LEAST)
    if task.kind == "several":
        return np.asarray(np.log(sure) - np.log1p(-sure))
    if task.outputs(answers.shape[1]) == answers.shape[1]:
        return np.asarray(np.log(sure))
    above = np.clip(1 - np.cumsum(sure / sure.sum(1, keepdims=True), axis=1)[:, :-1], LEAST, 1.0)  # [rows, steps], P(y > k)
    before = np.concatenate([np.ones((len(above), 1)), above[:, :-1]], axis=1)
    given = np.clip(above / before, LEAST, 1 - LEAST)
    return np.asarray(np.log(given) - np.log1p(-given))
