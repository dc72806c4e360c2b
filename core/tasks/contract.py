"""What a task must provide, and finding one by its name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from core.errors import ConfigError, InputError
from core.metrics import Measure
from core.samples import FloatArray

Logits = npt.NDArray[np.floating]
Kind = Literal["one", "several", "value"]


class Task(Protocol):
    """What is learned.

    Attributes:
        name: as in configurations, and the name of its module.
        measures: name to figure of merit, a function of probabilities and targets, both `[rows, labels]`.
        headline: the measure that is shown first; more is better.
        kind: exactly one label is right, any number of labels may be, or numbers are learned.
    """

    name: str
    measures: Mapping[str, Measure]
    headline: str
    kind: Kind

    def outputs(self, labels: int) -> int:
        """How many numbers a head gives for that many labels."""
        ...

    def targets(self, labels: Sequence[Sequence[str]], space: Sequence[str]) -> FloatArray:
        """Labels by row to `[rows, labels]`.

        Raises:
            InputError: a row's labels do not fit the task or the label space.
        """
        ...

    def weights(self, targets: FloatArray) -> FloatArray:
        """Weight of each label in the loss, `[labels]`, that makes rare labels count (for numbers: makes units not count)."""
        ...

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
        """Loss of each row: logits `[rows, outputs]`, targets `[rows, labels]`, weights `[labels]`, to `[rows]`."""
        ...

    def probabilities(self, logits: Logits, temperatures: Logits | float = 1.0) -> FloatArray:
        """Logits `[rows, outputs]` to probabilities `[rows, labels]` (for numbers: to the numbers); temperatures `[]` or `[labels]`."""
        ...

    def worth(self, logits: Tensor, reference: Tensor) -> Tensor:
        """How well logits `[rows, outputs]` carry the reference's answer, `[rows]`: its log-probability, or less the distance."""
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
        for module in _modules():
            importlib.import_module(module)
    if name not in _TASKS:
        raise ConfigError(f"there is no task {name!r}; choose one of: {', '.join(sorted(_TASKS))}")
    return _TASKS[name]


def multi_hot(labels: Sequence[Sequence[str]], space: Sequence[str]) -> FloatArray:
    """Labels by row to `[rows, labels]` of zeros and ones.

    Raises:
        InputError: a label that is not in the space.
    """
    index = {label: column for column, label in enumerate(space)}
    targets = np.zeros((len(labels), len(space)), np.float32)
    for row, names in enumerate(labels):
        for name in names:
            if name not in index:
                raise InputError(f"the label {name!r} is not among those that were trained: {', '.join(space)}")
            targets[row, index[name]] = 1.0
    return targets


def balanced_weights(targets: FloatArray) -> FloatArray:
    """Weights `[labels]` in inverse proportion to how often each occurs, 0 for those that never do; mean 1 over the rows."""
    counts = targets.sum(0)  # [labels]
    rows, seen = counts.sum(), np.count_nonzero(counts)
    return np.asarray(np.where(counts > 0, rows / (max(seen, 1) * np.maximum(counts, 1)), 0.0), np.float32)


def _modules() -> list[str]:
    import core.tasks as package

    return [f"core.tasks.{m.name}" for m in pkgutil.iter_modules(package.__path__) if m.name != "contract"]
