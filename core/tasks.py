"""Tasks: what is learned from labels. Each brings targets, weights, loss, probabilities and its figures of merit.

Targets are `[rows, labels]` for every task: one-hot where one label is right, multi-hot where several may be. A task is
added by writing a class and registering it; no other task and no other file changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from core.errors import ConfigError, InputError
from core.metrics import Measure, accuracy, auroc, balanced_accuracy, expected_calibration_error, macro_f1
from core.samples import FloatArray

Logits = npt.NDArray[np.floating]


class Task(Protocol):
    """What is learned.

    Attributes:
        name: as in configurations.
        measures: name to figure of merit, a function of probabilities and targets, both `[rows, labels]`.
        headline: the measure that is shown first.
        is_exclusive: exactly one label is right.
    """

    name: str
    measures: Mapping[str, Measure]
    headline: str
    is_exclusive: bool

    def targets(self, labels: Sequence[Sequence[str]], space: Sequence[str]) -> FloatArray:
        """Labels by row to `[rows, labels]`.

        Raises:
            InputError: a row's labels do not fit the task or the label space.
        """
        ...

    def weights(self, targets: FloatArray) -> FloatArray:
        """Weight of each label in the loss, `[labels]`, that makes rare labels count."""
        ...

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
        """Loss of each row: logits and targets `[rows, labels]`, weights `[labels]`, to `[rows]`."""
        ...

    def probabilities(self, logits: Logits, temperatures: Logits | float = 1.0) -> FloatArray:
        """Logits `[rows, labels]` to probabilities of the same shape; temperatures `[]` or `[labels]`."""
        ...


_TASKS: dict[str, Task] = {}


def register(task: Task) -> Task:
    """Make a task known by its name."""
    if task.name in _TASKS:
        raise ConfigError(f"two tasks are named {task.name!r}; rename one")
    _TASKS[task.name] = task
    return task


def task(name: str) -> Task:
    """The task of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in _TASKS:
        raise ConfigError(f"there is no task {name!r}; choose one of: {', '.join(sorted(_TASKS))}")
    return _TASKS[name]


class Classification:
    """One label of several is right. Cross-entropy over a softmax."""

    name = "classification"
    measures: Mapping[str, Measure] = {
        "accuracy": accuracy,
        "balanced_accuracy": balanced_accuracy,
        "macro_f1": macro_f1,
        "auroc": auroc,
        "ece": expected_calibration_error,
    }
    headline = "balanced_accuracy"
    is_exclusive = True

    def targets(self, labels: Sequence[Sequence[str]], space: Sequence[str]) -> FloatArray:
        for row in labels:
            if len(row) != 1:
                raise InputError(f"classification needs exactly one label a sample, not {len(row)}: {list(row)[:5]}; use task multilabel")
        return _multi_hot(labels, space)

    def weights(self, targets: FloatArray) -> FloatArray:
        counts = targets.sum(0)  # [labels]
        rows, seen = counts.sum(), np.count_nonzero(counts)
        balanced = np.where(counts > 0, rows / (max(seen, 1) * np.maximum(counts, 1)), 0.0)
        return np.asarray(balanced, np.float32)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
        labels = logits.shape[1]
        smoothed = targets * (1 - smoothing) + smoothing / labels
        loss = -(smoothed * functional.log_softmax(logits, dim=1)).sum(1)  # [rows]
        return loss if weights is None else loss * (targets * weights).sum(1)

    def probabilities(self, logits: Logits, temperatures: Logits | float = 1.0) -> FloatArray:
        scaled = torch.as_tensor(np.asarray(logits / temperatures, np.float64))
        return np.asarray(torch.softmax(scaled, dim=1).numpy(), np.float32)


class Multilabel:
    """Any number of labels is right, none too. Binary cross-entropy for each label."""

    name = "multilabel"
    measures: Mapping[str, Measure] = {
        "macro_f1": partial(macro_f1, exclusive=False),
        "auroc": auroc,
        "ece": partial(expected_calibration_error, exclusive=False),
    }
    headline = "macro_f1"
    is_exclusive = False
    most_weight = 20.0

    def targets(self, labels: Sequence[Sequence[str]], space: Sequence[str]) -> FloatArray:
        return _multi_hot(labels, space)

    def weights(self, targets: FloatArray) -> FloatArray:
        positive = targets.sum(0)  # [labels]
        negative = len(targets) - positive
        return np.asarray(np.clip(negative / np.maximum(positive, 1), 1 / self.most_weight, self.most_weight), np.float32)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
        smoothed = targets * (1 - smoothing) + smoothing / 2
        each = functional.binary_cross_entropy_with_logits(logits, smoothed, pos_weight=weights, reduction="none")  # [rows, labels]
        return each.mean(1)

    def probabilities(self, logits: Logits, temperatures: Logits | float = 1.0) -> FloatArray:
        scaled = torch.as_tensor(np.asarray(logits / temperatures, np.float64))
        return np.asarray(torch.sigmoid(scaled).numpy(), np.float32)


def _multi_hot(labels: Sequence[Sequence[str]], space: Sequence[str]) -> FloatArray:
    index = {label: column for column, label in enumerate(space)}
    targets = np.zeros((len(labels), len(space)), np.float32)
    for row, names in enumerate(labels):
        for name in names:
            if name not in index:
                raise InputError(f"the label {name!r} is not among those that were trained: {', '.join(space)}")
            targets[row, index[name]] = 1.0
    return targets


CLASSIFICATION = register(Classification())
MULTILABEL = register(Multilabel())
