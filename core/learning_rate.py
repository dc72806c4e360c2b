"""Learning-rate finder: the loss while the rate grows from far too small to far too large, and the rate it suggests.

Range test (Smith, 2017): a throw-away model is trained for some steps at exponentially growing rates; the suggestion is the
rate at which the smoothed loss falls most steeply, before it rises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from core.errors import InputError
from core.featuresets import FeatureSet
from core.fusion import FusionConfig, fusion_loss
from core.samples import FloatArray
from core.training import TrainingConfig, optimizer_of, prepared

LOWEST, HIGHEST, STEPS = 1e-6, 0.1, 60
SMOOTHING = 0.9
WARMING_UP = 6  # first steps, whose mean loss is over too few batches to have a slope
BLOWN_UP = 4.0  # times the best loss: nothing more can be learned from higher rates


@dataclass(frozen=True, slots=True)
class RateCurve:
    """What the finder saw.

    Attributes:
        rates, losses: `[steps]`, smoothed.
        suggestion: the rate of the steepest fall.
    """

    rates: FloatArray
    losses: FloatArray
    suggestion: float

    def to_json(self) -> Mapping[str, object]:
        """As plain values."""
        return {"suggestion": self.suggestion, "rates": self.rates.tolist(), "losses": self.losses.tolist()}


def find_learning_rate(samples: FeatureSet, config: FusionConfig, training: TrainingConfig | None = None) -> RateCurve:
    """Run the range test on training samples.

    Raises:
        InputError: fewer samples than a batch of two.
    """
    training = training or TrainingConfig()
    if len(samples) < 2:
        raise InputError("a learning rate cannot be found on fewer than two samples")
    model, targets, weights = prepared(samples, config, training)
    optimizer = optimizer_of(model, training)
    shares = [group["lr"] / training.learning_rate for group in optimizer.param_groups]
    model.train()
    rng = np.random.default_rng(training.seed)
    rates, losses, smoothed = [], [], 0.0
    for step in range(STEPS):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
        for group, share in zip(optimizer.param_groups, shares, strict=True):
            group["lr"] = rate * share
        rows = rng.choice(len(samples), min(training.batch_size, len(samples)), replace=False).tolist()
        features, present = samples.batch(rows, config.modalities)
        output = model(features, torch.tensor(present))
        loss = fusion_loss(model, output, torch.tensor(targets[rows]), weights)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        smoothed = SMOOTHING * smoothed + (1 - SMOOTHING) * float(loss.detach())
        rates.append(rate)
        losses.append(smoothed / (1 - SMOOTHING ** (step + 1)))
        if not math.isfinite(losses[-1]) or losses[-1] > BLOWN_UP * min(losses):
            break
    curve = np.asarray(losses, np.float32)
    end = max(WARMING_UP + int(np.nanargmin(curve[WARMING_UP:])) + 1, WARMING_UP + 3)
    slope = np.gradient(curve[WARMING_UP:end], np.log(rates[WARMING_UP:end]))
    return RateCurve(np.asarray(rates, np.float32), curve, float(rates[WARMING_UP + int(np.nanargmin(slope))]))
