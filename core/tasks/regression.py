"""Regression: numbers are learned. Squared error in units of the training spread, so that no unit is louder than another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from core.errors import InputError
from core.metrics import Measure, mean_absolute_error, r2, root_mean_squared_error, spearman
from core.samples import FloatArray
from core.tasks.contract import Kind, Logits, register


class Regression:
    """One number a name of the label space; a sample's labels are its numbers, as text, in that order."""

    name = "regression"
    measures: Mapping[str, Measure] = {
        "r2": r2,
        "rmse": root_mean_squared_error,
        "mae": mean_absolute_error,
        "spearman": spearman,
    }
    headline = "r2"
    kind: Kind = "value"

    def outputs(self, labels: int) -> int:
        return labels

    def targets(self, labels: Sequence[Sequence[str]], space: Sequence[str]) -> FloatArray:
        values = np.zeros((len(labels), len(space)), np.float32)
        for row, given in enumerate(labels):
            if len(given) != len(space):
                raise InputError(
                    f"regression needs {len(space)} numbers a sample ({', '.join(space)}), not {len(given)}: {list(given)[:5]}"
                )
            for column, text in enumerate(given):
                try:
                    values[row, column] = float(text)
                except ValueError:
                    raise InputError(f"regression needs numbers, {space[column]!r} is {text[:40]!r}; use task classification") from None
                if not math.isfinite(values[row, column]):
                    raise InputError(f"regression needs finite numbers, {space[column]!r} is {text[:40]!r}; leave the row out")
        return values

    def weights(self, targets: FloatArray) -> FloatArray:
        spread = targets.std(0) if len(targets) else np.ones(targets.shape[1])
        return np.asarray(1 / np.maximum(spread, 1e-6) ** 2, np.float32)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:  # noqa: ARG002 - nothing to smooth
        error = (logits - targets) ** 2  # [rows, outputs]
        return (error if weights is None else error * weights).mean(1)

    def probabilities(self, logits: Logits, temperatures: Logits | float = 1.0) -> FloatArray:  # noqa: ARG002 - no temperature
        return np.asarray(logits, np.float32)

    def worth(self, logits: Tensor, reference: Tensor) -> Tensor:
        distance: Tensor = torch.linalg.vector_norm(logits - reference, dim=1)
        return -distance


REGRESSION = register(Regression())
