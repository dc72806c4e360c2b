"""What a member of a model must provide: whatever answers rows, and can be put into a folder and taken out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from core.label_learning.rows import Rows
from core.samples import FloatArray
from core.tasks import Task


@dataclass(frozen=True, slots=True)
class Lesson:
    """What members learn from.

    Attributes:
        task: of `core.tasks`.
        labels: the label space.
        rows: training rows.
        targets: `[rows, labels]`.
        weights: `[rows]`, of samples, and of rare labels where those shall count more.
    """

    task: Task
    labels: tuple[str, ...]
    rows: Rows
    targets: FloatArray
    weights: FloatArray

    def select(self, places: Sequence[int]) -> Lesson:
        """The rows at these places."""
        chosen = list(places)
        return Lesson(self.task, self.labels, self.rows.select(chosen), self.targets[chosen], self.weights[chosen])


class Member(Protocol):
    """One model.

    Attributes:
        name: unique in the model it belongs to.
    """

    @property
    def name(self) -> str: ...

    def ask(self, rows: Rows) -> FloatArray:
        """Probabilities or numbers, `[rows, labels]`; rows may lack any modality."""
        ...

    def save(self, folder: Path) -> dict[str, Any]:
        """Write into an existing empty folder; returns what `config.json` must say to load it."""
        ...


def lesson_weights(task: Task, targets: FloatArray, sample_weights: Sequence[float], *, class_weights: bool) -> FloatArray:
    """Weights of rows, `[rows]`, mean 1: those given, times those of rare labels where one label is right."""
    weights = np.asarray(sample_weights, np.float64) if sample_weights else np.ones(len(targets))
    if class_weights and task.kind == "one":
        weights = weights * task.weights(targets)[targets.argmax(1)]
    return np.asarray(weights / max(weights.mean(), 1e-12), np.float32)
