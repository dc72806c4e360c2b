"""Answers `[rows, labels]`: how wrong they are, row by row, and back from probabilities to logits."""

from __future__ import annotations

import numpy as np

from core.exporting.answers import LEAST, logits_of
from core.metrics import Array
from core.samples import FloatArray
from core.tasks import Task


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
    steps = "softmax" if task.outputs(answers.shape[1]) == answers.shape[1] else "steps"
    return np.asarray(logits_of("sigmoid" if task.kind == "several" else steps, answers))
