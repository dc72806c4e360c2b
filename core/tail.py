"""How often a value this large comes: the empirical distribution, and beyond its end a generalised Pareto tail.

Below the threshold the answer is the conformal p-value (Vovk, Gammerman & Shafer, 2005). Above it, peaks over threshold
(Pickands, 1975; on streams Siffer et al., 2017), fitted by probability-weighted moments (Hosking & Wallis, 1987), with the
shape drawn towards a heavy tail and the scale widened while there are few peaks, so that little footage gives few alerts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.samples import FloatArray

PEAK_SHARE = 0.1
LEAST_PEAKS = 10
PRIOR_SHAPE, PRIOR_WEIGHT = 0.2, 10.0
WIDEST_SHAPE = 0.5


@dataclass(frozen=True, slots=True)
class Tail:
    """A fitted distribution of scores, larger meaning stranger.

    Attributes:
        values: `[n]`, ascending.
        threshold: where the tail begins.
        share: how much of the distribution lies in the tail.
        scale, shape: of the generalised Pareto distribution of what exceeds the threshold.
    """

    values: FloatArray
    threshold: float
    share: float
    scale: float
    shape: float

    def exceedance(self, value: float) -> float:
        """Probability that the next usual value is at least this large, 0 to 1."""
        if value <= self.threshold:
            larger = len(self.values) - int(np.searchsorted(self.values, value, side="left"))
            return (larger + 1.0) / (len(self.values) + 1.0)
        return float(self.share * (1.0 + self.shape * (value - self.threshold) / self.scale) ** (-1.0 / self.shape))

    def level(self, exceedance: float) -> float:
        """The value that is reached with a probability; the threshold at least."""
        if exceedance >= self.share:
            return self.threshold
        return float(self.threshold + self.scale / self.shape * ((exceedance / self.share) ** -self.shape - 1.0))


def fit_tail(values: FloatArray, least_scale: float) -> Tail:
    """Fit the tail of usual scores.

    Args:
        values: `[n]`, any order; may be empty.
        least_scale: what the scale of the tail is at least, in the unit of the values.
    """
    ordered = np.sort(values.astype(np.float32))
    count = len(ordered)
    peaks_wanted = max(LEAST_PEAKS, math.ceil(PEAK_SHARE * count))
    threshold = float(ordered[-peaks_wanted - 1]) if count > peaks_wanted else float(ordered[0]) if count else 0.0
    peaks = ordered[ordered > threshold].astype(np.float64) - threshold
    scale, shape = _moments(peaks)
    shape = (shape * len(peaks) + PRIOR_SHAPE * PRIOR_WEIGHT) / (len(peaks) + PRIOR_WEIGHT)
    widened = 1.0 + 2.0 / math.sqrt(max(len(peaks), 1))
    return Tail(ordered, threshold, (len(peaks) + 1) / (count + 1), max(scale, least_scale) * widened, shape)


def _moments(peaks: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float]:
    """Scale and shape by probability-weighted moments, the shape held between 0 and `WIDEST_SHAPE`."""
    if not len(peaks):
        return 0.0, PRIOR_SHAPE
    mean = float(peaks.mean())
    rank = (np.arange(len(peaks)) + 0.65) / len(peaks)  # plotting positions, ascending
    weighted = float((peaks * (1.0 - rank)).mean())
    spread = mean - 2.0 * weighted
    shape = 2.0 - mean / spread if spread > 1e-12 else 0.0
    shape = min(max(shape, 0.0), WIDEST_SHAPE)
    return mean * (1.0 - shape), shape
