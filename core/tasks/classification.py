"""Classification: one label of several is right. Cross-entropy over a softmax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.errors import InputError
from core.metrics import Measure, accuracy, auroc, balanced_accuracy, expected_calibration_error, macro_f1
from core.samples import FloatArray
from core.tasks.contract import Kind, Logits, balanced_weights, multi_hot, register


class Classification:
    """One label of several."""

    name = "classification"
    measures: Mapping[str, Measure] = {
        "accuracy": accuracy,
        "balanced_accuracy": balanced_accuracy,
        "macro_f1": macro_f1,
        "auroc": auroc,
        "ece": expected_calibration_error,
    }
    headline = "balanced_accuracy"
    kind: Kind = "one"

    def outputs(self, labels: int) -> int:
        return labels

    def targets(self, labels: Sequence[Sequence[str]], space: Sequence[str]) -> FloatArray:
        for row in labels:
            if len(row) != 1:
                raise InputError(f"classification needs exactly one label a sample, not {len(row)}: {list(row)[:5]}; use task multilabel")
        return multi_hot(labels, space)

    def weights(self, targets: FloatArray) -> FloatArray:
        return balanced_weights(targets)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
        labels = logits.shape[1]
        smoothed = targets * (1 - smoothing) + smoothing / labels
        loss = -(smoothed * functional.log_softmax(logits, dim=1)).sum(1)  # [rows]
        return loss if weights is None else loss * (targets * weights).sum(1)

    def probabilities(self, logits: Logits, temperatures: Logits | float = 1.0) -> FloatArray:
        scaled = torch.as_tensor(np.asarray(logits / temperatures, np.float64))
        return np.asarray(torch.softmax(scaled, dim=1).numpy(), np.float32)

    def worth(self, logits: Tensor, reference: Tensor) -> Tensor:
        return functional.log_softmax(logits, dim=1).gather(1, reference.argmax(1, keepdim=True))[:, 0]


CLASSIFICATION = register(Classification())
