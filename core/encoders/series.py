"""Turn a regular sensor series into a token a stretch of a channel and a sentence on level, trend and extremes.

Nothing is learned: each stretch is told by its shape within its own series (mean, spread, ends, slope, change), by the shares of
eight bands of frequency, by how much of it is missing, and by the channel's level and spread on a signed logarithmic scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import linregress

from core.encoders.checks import payloads
from core.errors import InputError
from core.features import Features, stack
from core.samples import FloatArray, Modality, Observation, Series

VERSION = 1
PATCHES = 16
SHORTEST_PATCH = 4  # steps
BANDS = 8
CHANNELS = 16  # told apart; a channel after these is told as one of them
STATISTICS = 11
LEVELS = 4
MOST_TOKENS = 256
MOST_SAID = 8  # channels
CLEAR_TREND = 0.3  # of the spread, over the whole series


@dataclass(frozen=True, slots=True)
class _Channel:
    """One channel with its gaps filled by straight lines."""

    name: str
    values: npt.NDArray[np.float64]
    is_missing: npt.NDArray[np.float64]
    mean: float
    deviation: float


class SeriesEncoder:
    """Encodes series.

    Attributes:
        patches: stretches of a channel, at most.
    """

    modality = Modality.SERIES
    width = STATISTICS + BANDS + 2 + LEVELS + CHANNELS + 1

    def __init__(self, *, patches: int = PATCHES) -> None:
        self.patches = patches
        self.name = f"series-{VERSION}:{patches}"

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode series: tokens `[batch, channels x patches, width]`, all of the first channel first.

        Raises:
            InputError: an observation is of another modality, has no value at all, or one that is infinite.
        """
        return stack([self._encode_one(series) for series in payloads(observations, Series, self.name)])

    def describe(self, observation: Observation) -> str:
        """Length, level, extremes and trend of each channel."""
        (series,) = payloads([observation], Series, self.name)
        return _sentence(series, self._channels(series))

    def _channels(self, series: Series) -> list[_Channel]:
        if np.isinf(series.values).any():
            raise InputError(f"{self.name}: series hold a number that is not finite; NaN stands for a missing one")
        found = [c for i, name in enumerate(series.channels) if (c := _filled(name, series.values[:, i])) is not None]
        if not found:
            raise InputError(f"{self.name}: the series has no value")
        return found

    def _encode_one(self, series: Series) -> Features:
        channels = self._channels(series)
        order = {name: i for i, name in enumerate(series.channels)}
        count = max(1, min(self.patches, len(series.values) // SHORTEST_PATCH, MOST_TOKENS // len(channels)))
        bounds = np.linspace(0, len(series.values), count + 1).round().astype(int)
        tokens = np.zeros((len(channels) * count, self.width), np.float32)
        for index, channel in enumerate(channels):
            shape = (channel.values - channel.mean) / channel.deviation
            for patch in range(count):
                part = slice(int(bounds[patch]), int(bounds[patch + 1]))
                row = tokens[index * count + patch]
                row[: STATISTICS + BANDS + 2] = [*_statistics(shape[part], channel.is_missing[part]), *_bands(shape[part])]
                row[STATISTICS + BANDS + 2 :][:LEVELS] = [
                    _signed_log(channel.mean),
                    _signed_log(channel.deviation),
                    np.log10(max(series.rate_hz, 1e-9)) / 4,
                    np.log10(len(series.values)) / 4,
                ]
                row[STATISTICS + BANDS + 2 + LEVELS + order[channel.name] % CHANNELS] = 1.0
                row[-1] = (patch + 0.5) / count
        return Features(tokens[None], np.ones((1, len(tokens)), np.bool_), ((_sentence(series, channels),),), self.name)


def _filled(name: str, values: FloatArray) -> _Channel | None:
    gaps = np.isnan(values)
    if gaps.all():
        return None
    at = np.arange(len(values))
    filled = np.interp(at, at[~gaps], values[~gaps].astype(np.float64))
    known = filled[~gaps]
    deviation = float(known.std())
    least = 1e-6 * max(1e-6, float(np.abs(known).max()))  # rounding of float32 is no movement
    return _Channel(name, filled, gaps.astype(np.float64), float(known.mean()), deviation if deviation > least else 1.0)


def _statistics(part: npt.NDArray[np.float64], is_missing: npt.NDArray[np.float64]) -> list[float]:
    change = np.diff(part) if len(part) > 1 else np.zeros(1)
    slope = float(np.polyfit(np.linspace(-1, 1, len(part)), part, 1)[0]) if len(part) > 1 else 0.0
    spread = float(part.std())
    skew = float((((part - part.mean()) / spread) ** 3).mean()) if spread > 1e-9 else 0.0
    crossings = float((np.diff(np.signbit(part - part.mean())) != 0).mean()) if len(part) > 1 else 0.0
    ends = [float(part[0]), float(part[-1]), float(part.min()), float(part.max())]
    return [
        float(part.mean()),
        spread,
        *ends,
        slope,
        float(np.abs(change).mean()),
        np.clip(skew / 3, -2, 2),
        crossings,
        float(is_missing.mean()),
    ]


def _bands(part: npt.NDArray[np.float64]) -> list[float]:
    """Shares of eight bands of frequency up to half the rate, how spread they are, and where their middle is."""
    power = np.abs(np.fft.rfft((part - part.mean()) * np.hanning(len(part)))[1:]) ** 2 if len(part) > 2 else np.zeros(1)
    total = float(power.sum())
    if total < 1e-12:
        return [0.0] * (BANDS + 2)
    share = power / total
    edges = np.linspace(0, len(share), BANDS + 1)
    bands = [float(share[int(edges[i]) : max(int(edges[i]) + 1, int(edges[i + 1]))].sum()) for i in range(BANDS)]
    entropy = float(-(share * np.log(share + 1e-12)).sum() / np.log(len(share) + 1))
    return [*bands, entropy, float((share * np.linspace(0, 1, len(share))).sum())]


def _signed_log(value: float) -> float:
    return float(np.sign(value) * np.log10(1 + abs(value)) / 3)


def _sentence(series: Series, channels: Sequence[_Channel]) -> str:
    duration_s = len(series.values) / series.rate_hz
    said = [f"{len(series.values)} steps over {_time(duration_s)}"]
    for channel in channels[:MOST_SAID]:
        low, high = int(channel.values.argmin()), int(channel.values.argmax())
        if channel.values[high] - channel.values[low] <= 1e-9 * max(1.0, abs(channel.mean)):
            said.append(f"{channel.name} steady at {channel.mean:.4g}")
            continue
        part = f"{channel.name} mean {channel.mean:.4g}, lowest {channel.values[low]:.4g} at {_time(low / series.rate_hz)}"
        part += f", highest {channel.values[high]:.4g} at {_time(high / series.rate_hz)}, {_trend(channel)}"
        gaps = float(channel.is_missing.mean())
        said.append(part + (f", {gaps:.0%} missing".replace("%", " %") if gaps >= 0.005 else ""))
    if len(channels) > MOST_SAID:
        said.append(f"and {len(channels) - MOST_SAID} more channels")
    return "; ".join(said)


def _trend(channel: _Channel) -> str:
    at = np.linspace(0, 1, len(channel.values))
    fitted = linregress(at, channel.values) if len(at) > 1 else None
    steepness = float(fitted.slope) / channel.deviation if fitted is not None else 0.0
    if fitted is None or abs(steepness) < CLEAR_TREND or fitted.pvalue > 0.01:
        return "no trend"
    return "rising" if steepness > 0 else "falling"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"
