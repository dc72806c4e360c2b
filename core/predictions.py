"""Prediction: what the fusion model says of a sample, calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.samples import FloatArray, Modality


@dataclass(frozen=True, slots=True)
class Prediction:
    """One sample's outcome.

    Attributes:
        sample: the sample's id.
        probabilities: label to calibrated probability, 0 to 1.
        accepted: the labels that the conformal threshold lets stand; empty means abstained ('not sure').
        contributions: how much each modality moved the joint answer; sums to 1 over the modalities that were present.
        embedding: `[width]`, the joint embedding.
        checkpoint: which checkpoint said so.
        values: name to number, where numbers are learned; probabilities are empty then.
        intervals: name to the lower and upper end that hold the true number with the calibrated confidence.
    """

    sample: str
    probabilities: Mapping[str, float]
    accepted: tuple[str, ...]
    contributions: Mapping[Modality, float]
    embedding: FloatArray
    checkpoint: str
    values: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def is_abstained(self) -> bool:
        return not self.accepted

    @property
    def best(self) -> str:
        """The most probable label."""
        return max(self.probabilities, key=lambda label: self.probabilities[label])
