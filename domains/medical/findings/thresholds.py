"""Two thresholds a finding, with room for 'not sure' between them.

Split conformal in both directions (Vovk, Gammerman and Shafer, 2005, chapter 4): of new studies that have a finding at most a
share alpha lies below `absent_below`, of those that do not have it at most alpha lies at or above `present_from`. Where the two
overlap, every cut between them keeps both promises and the middle is taken. Where there are too few examples for a promise,
there is none, and the answer on that side is always 'not sure'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.samples import FloatArray
from domains.medical.report import Status

NEVER = 1.0 + 1e-9  # no probability reaches it


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Of one finding.

    Attributes:
        present_from: from this probability on it is called present; above 1 means never.
        absent_below: below this probability it is called absent; 0 means never.
        positives, negatives: examples that they rest on.
    """

    present_from: float = NEVER
    absent_below: float = 0.0
    positives: int = 0
    negatives: int = 0

    def status(self, probability: float) -> Status:
        """What is said of a probability."""
        if probability >= self.present_from:
            return Status.PRESENT
        return Status.ABSENT if probability < self.absent_below else Status.ABSTAINED


def fit_thresholds(probabilities: FloatArray, truth: FloatArray, *, alpha: float) -> Thresholds:
    """From answers to examples that the model has not seen.

    Args:
        probabilities: `[rows]`, calibrated.
        truth: `[rows]`, 0 or 1; NaN where it is not known.
        alpha: share that may be wrong in each direction, 0 to 1.
    """
    positive, negative = np.sort(probabilities[truth > 0.5]), np.sort(probabilities[truth < 0.5])
    missed = math.floor((len(positive) + 1) * alpha)  # how many of them may lie below
    absent_below = float(positive[missed - 1]) if missed >= 1 else 0.0
    kept = math.ceil((len(negative) + 1) * (1 - alpha))
    present_from = float(np.nextafter(negative[kept - 1], 2)) if kept <= len(negative) else NEVER
    if absent_below > present_from:
        absent_below = present_from = (absent_below + present_from) / 2
    return Thresholds(present_from, absent_below, len(positive), len(negative))
