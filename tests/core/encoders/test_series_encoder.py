"""Sensor series: gaps, extremes and trends in tokens and in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.encoders.contract import Encoder
from core.encoders.series import SeriesEncoder
from core.errors import InputError
from core.samples import Observation, Series, Text


def observation(values: object, rate_hz: float = 1.0) -> Observation:
    array = np.array(values, np.float32)
    array = array[:, None] if array.ndim == 1 else array
    return Observation(Series(array, rate_hz, tuple(f"c{i} mV" for i in range(array.shape[1]))), "s")


def test_a_rising_series_with_a_gap_is_said_so() -> None:
    values = np.arange(100, dtype=np.float32)
    values[40:50] = np.nan
    said = SeriesEncoder().describe(observation(values))
    assert said == "100 steps over 100 s; c0 mV mean 50.06, lowest 0 at 0 s, highest 99 at 99 s, rising, 10 % missing"


def test_flat_noise_has_no_trend_and_a_constant_is_steady() -> None:
    noise = np.random.default_rng(0).normal(size=400)
    assert "no trend" in SeriesEncoder().describe(observation(noise))
    assert "steady at 3" in SeriesEncoder().describe(observation(np.full(50, 3.0)))


def test_tokens_tell_slow_from_fast_and_are_deterministic() -> None:
    encoder = SeriesEncoder()
    at = np.arange(320)
    slow, fast = (encoder.encode([observation(np.sin(2 * np.pi * f * at))]).tokens[0] for f in (0.05, 0.45))
    low_band, high_band = slice(11, 13), slice(17, 19)
    assert slow.shape == (16, encoder.width)
    assert slow[:, low_band].sum(1).min() > 0.8 > fast[:, low_band].sum(1).max()
    assert fast[:, high_band].sum(1).min() > 0.8
    np.testing.assert_array_equal(slow, encoder.encode([observation(np.sin(2 * np.pi * 0.05 * at))]).tokens[0])


def test_channels_of_different_lengths_are_padded_and_masked() -> None:
    features = SeriesEncoder().encode([observation(np.zeros((64, 2)) + np.arange(64)[:, None]), observation([1.0, 2.0])])
    assert features.mask.sum(1).tolist() == [32, 1]


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-(2.0**127), 2.0**127, width=32)), min_size=1, max_size=40))
def test_any_series_gives_finite_tokens_or_one_clear_line(values: list[float]) -> None:
    encoder = SeriesEncoder()
    assert isinstance(encoder, Encoder)
    if np.isnan(values).all():
        with pytest.raises(InputError, match="no value"):
            encoder.encode([observation(values)])
        return
    features = encoder.encode([observation(values)])
    assert np.isfinite(features.tokens).all()
    assert features.width == encoder.width


def test_infinite_empty_and_other_observations_are_refused() -> None:
    for bad in (observation([1.0, np.inf]), observation(np.zeros((0, 1))), Observation(Text(("a",)), "s")):
        with pytest.raises(InputError):
            SeriesEncoder().encode([bad])
