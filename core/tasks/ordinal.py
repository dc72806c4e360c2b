"""Ordinal: one label of several that stand in an order, so that near misses cost less than far ones.

The head answers, for each step of the order, whether the sample is above it given that it is above the step before
(CORN: Shi, Cao and Raschka, 2021): P(y > k) is the product of the conditional answers down to k, so it never rises with k.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.errors import InputError
from core.metrics import Measure, accuracy, balanced_accuracy, expected_calibration_error, mean_rank_error, quadratic_kappa
from core.samples import FloatArray
from core.tasks.contract import Kind, Logits, balanced_weights, multi_hot, register

LEAST = 1e-9  # keeps logarithms finite


class Ordinal:
    """One label of an ordered few; the label space is the order, lowest first."""

    name = "ordinal"
    measures: Mapping[str, Measure] = {
        "quadratic_kappa": quadratic_kappa,
        "mean_rank_error": mean_rank_error,
        "accuracy": accuracy,
        "balanced_accuracy": balanced_accuracy,
        "ece": expected_calibration_error,
    }
    headline = "quadratic_kappa"
    kind: Kind = "one"

    def outputs(self, labels: int) -> int:
        return labels - 1

    def targets(self, labels: Sequence[Sequence[str]], space: Sequence[str]) -> FloatArray:
        for row in labels:
            if len(row) != 1:
                raise InputError(f"an ordinal task needs exactly one label a sample, not {len(row)}: {list(row)[:5]}")
        return multi_hot(labels, space)

    def weights(self, targets: FloatArray) -> FloatArray:
        return balanced_weights(targets)

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
        rank = targets.argmax(1, keepdim=True)  # [rows, 1]
        steps = torch.arange(logits.shape[1], device=logits.device)[None]  # [1, steps]
        is_asked = (steps <= rank).to(logits.dtype)  # a step counts for samples that are above the one before
        above = (rank > steps).to(logits.dtype) * (1 - smoothing) + smoothing / 2
        each = functional.binary_cross_entropy_with_logits(logits, above, reduction="none") * is_asked
        loss = each.sum(1)
        return loss if weights is None else loss * (targets * weights).sum(1)

    def probabilities(self, logits: Logits, temperatures: Logits | float = 1.0) -> FloatArray:
        scaled = torch.as_tensor(np.asarray(logits / temperatures, np.float64))
        return np.asarray(_labels(scaled).numpy(), np.float32)

    def worth(self, logits: Tensor, reference: Tensor) -> Tensor:
        answer = _labels(reference.double()).argmax(1, keepdim=True)
        return _labels(logits.double()).clamp(min=LEAST).log().gather(1, answer)[:, 0]


def _labels(logits: Tensor) -> Tensor:
    """Conditional logits `[rows, labels - 1]` to probabilities `[rows, labels]`."""
    above = torch.sigmoid(logits).cumprod(1)  # [rows, steps], P(y > k)
    whole, none = above.new_ones(len(above), 1), above.new_zeros(len(above), 1)
    return torch.cat([whole, above], dim=1) - torch.cat([above, none], dim=1)


ORDINAL = register(Ordinal())
