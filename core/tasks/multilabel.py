"""Multilabel: any number of labels is right, none too. Binary cross-entropy for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.metrics import Measure, auroc, expected_calibration_error, macro_f1
from core.samples import FloatArray
from core.tasks.contract import Kind, Logits, multi_hot, register


class Multilabel:
    """Any number of labels."""

    name = "multilabel"
    measures: Mapping[str, Measure] = {
        "macro_f1": partial(macro_f1, exclusive=False),
        "auroc": auroc,
        "ece": partial(expected_calibration_error, exclusive=False),
    }
    headline = "macro_f1"
    kind: Kind = "several"
    most_weight = 20.0

    def outputs(self, labels: int) -> int:
        return labels

    def targets(self, labels: Sequence[Sequence[str]], space: Sequence[str]) -> FloatArray:
        return multi_hot(labels, space)

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

    def worth(self, logits: Tensor, reference: Tensor) -> Tensor:
        return functional.logsigmoid(logits).gather(1, reference.argmax(1, keepdim=True))[:, 0]


MULTILABEL = register(Multilabel())
