"""The front end: its numbers, its cuts, its rates, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.encoders.sound import frontend
from core.errors import InputError
from core.samples import FloatArray


def tone(seconds: float, hertz: float = 1_000.0, rate_hz: int = 16_000, peak: float = 0.5) -> FloatArray:
    return (peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def noise(seconds: float, seed: int = 0) -> FloatArray:
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * 16_000))).astype(np.float32)


def test_log_mel_is_the_reference_of_transformers() -> None:
    from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

    wave = noise(2.0)
    bank = mel_filter_bank(257, 64, 60.0, 7_800.0, 16_000, norm=None, mel_scale="htk")
    power = spectrogram(
        wave,
        window_function(400, "hann", periodic=True),
        400,
        160,
        fft_length=512,
        power=2.0,
        center=False,
        mel_filters=bank,
        mel_floor=0.0,
    )
    assert np.abs(frontend.log_mel(wave) - np.log(power.T + 1e-5)).max() < 1e-3


def test_full_scale_tone_has_the_power_that_its_window_gives_it() -> None:
    mel = frontend.log_mel(tone(1.0, hertz=1_000.0, peak=1.0))  # bin 32 exactly: (200 / 2) squared, spread over the window's three bins
    assert mel.max() == pytest.approx(np.log(1e4), abs=0.6)
    assert len(set(mel[10:80].argmax(1))) == 1


def test_silence_lies_on_the_floor() -> None:
    assert np.allclose(frontend.log_mel(np.zeros(16_000, np.float32)), np.log(1e-5))


@pytest.mark.parametrize(("samples", "count"), [(1, 1), (15_600, 1), (23_599, 1), (23_600, 2), (80_000, 9)])
def test_patches_start_every_half_second_and_only_whole_ones_count(samples: int, count: int) -> None:
    wave = np.full(samples, 0.1, np.float32)
    assert frontend.patches(frontend.log_mel(wave)).shape == (count, 96, 64)
    assert frontend.patch_count(samples) == len(frontend.patch_levels_dbfs(wave)) == count


def test_a_patch_is_the_same_alone_and_inside_a_longer_sound() -> None:
    wave = noise(5.0)
    whole = frontend.patches(frontend.log_mel(wave))
    alone = frontend.patches(frontend.log_mel(wave[3 * 8_000 : 3 * 8_000 + 15_600]))
    assert np.array_equal(whole[3], alone[0])


def test_long_sound_is_cut_into_minutes_without_a_seam() -> None:
    wave = noise(61.0)
    whole = frontend.log_mel(wave)
    assert np.array_equal(whole[5_990:6_010], frontend.log_mel(wave[5_990 * 160 : 6_009 * 160 + 400 + 16_000])[:20])


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 48_000, 192_000])
def test_resampled_tone_keeps_its_pitch_length_and_level(rate_hz: int) -> None:
    sound = frontend.resample(tone(2.0, rate_hz=rate_hz), rate_hz)
    assert len(sound) == 32_000
    middle = sound[4_000:28_000]
    assert np.abs(np.fft.rfft(middle)).argmax() * 16_000 / len(middle) == pytest.approx(1_000, abs=1)
    assert frontend.level_dbfs(middle) == pytest.approx(frontend.level_dbfs(tone(1.0)), abs=0.2)


@pytest.mark.parametrize("rate_hz", [0, -1, 999, 10**9])
def test_rates_that_no_sound_has_are_refused(rate_hz: int) -> None:
    with pytest.raises(InputError, match="Hz cannot be read"):
        frontend.resample(tone(0.1), rate_hz)


@pytest.mark.parametrize(
    "bad", [np.zeros(0, np.float32), np.array([np.nan], np.float32), np.array([0.0, np.inf], np.float32), np.zeros((2, 5), np.float32)]
)
def test_sound_that_cannot_be_used_is_refused(bad: FloatArray) -> None:
    with pytest.raises(InputError):
        frontend.checked(bad)


def test_levels_are_dbfs() -> None:
    assert frontend.level_dbfs(tone(1.0, peak=1.0)) == pytest.approx(-3.01, abs=0.01)
    assert frontend.level_dbfs(np.zeros(100, np.float32)) == -np.inf


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60_000), st.floats(-1e6, 1e6))
def test_any_finite_sound_gives_finite_patches(samples: int, value: float) -> None:
    mel = frontend.log_mel(np.full(samples, value, np.float32))
    assert np.isfinite(frontend.patches(mel)).all()
