"""Made sounds that are nothing in particular: what the 'background' class is trained on.

Noises (white, pink, brown, band), mains hum, tones, sweeps, chords, clicks, silence with dither, and babble made of pulses through
formants. All are synthetic; the model card says so.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal

from core.encoders.sound.frontend import RATE_HZ
from core.samples import FloatArray

Random = np.random.Generator


def made_noise(random: Random, seconds: float) -> FloatArray:
    """One noise of a kind drawn at random, `[samples]`, with a peak of 0.5 (silence: below 0.001)."""
    kind = KINDS[int(random.integers(len(KINDS)))]
    return kind(random, round(seconds * RATE_HZ))


def coloured(random: Random, samples: int, slope: float) -> FloatArray:
    """Noise whose power falls with frequency to the power `slope`: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(random.standard_normal(samples))
    frequencies = np.maximum(np.fft.rfftfreq(samples, 1 / RATE_HZ), 20.0)
    return _peaked(np.fft.irfft(spectrum * frequencies ** (-slope / 2), samples))


def tone(random: Random, samples: int) -> FloatArray:
    """A steady, wavering or interrupted tone."""
    time_s = np.arange(samples) / RATE_HZ
    frequency = 10 ** random.uniform(2.0, 3.8)
    wave = np.sin(2 * np.pi * frequency * time_s + random.uniform(0, 6) * np.sin(2 * np.pi * random.uniform(0.5, 8) * time_s))
    if random.random() < 0.3:
        wave = wave * (signal.square(2 * np.pi * random.uniform(0.5, 4) * time_s) > 0)
    return _peaked(wave)


def babble(random: Random, samples: int) -> FloatArray:
    """Sound with the gait of speech: a voice's pulses and breath through formants that change a few times a second."""
    pieces, left, pitch = [], samples, random.uniform(80, 280)
    while left > 0:
        length = min(left, int(random.uniform(0.06, 0.28) * RATE_HZ))
        left -= length
        time_s = np.arange(length) / RATE_HZ
        glide = pitch * (1 + random.uniform(-0.15, 0.15) + random.uniform(-0.4, 0.4) * time_s)
        phase = np.cumsum(glide) / RATE_HZ
        voiced = random.random() < 0.75
        source = np.diff(np.floor(phase), prepend=0.0) if voiced else random.standard_normal(length) * 0.1
        source = source + random.standard_normal(length) * 0.004
        for low, high in ((250, 850), (850, 2300), (2300, 3300)):
            centre = random.uniform(low, high) if voiced else random.uniform(2500, 6500)
            b, a = signal.iirpeak(centre, centre / random.uniform(60, 180 if voiced else 1500), fs=RATE_HZ)
            source = source * 0.15 + signal.lfilter(b, a, source)
        source *= np.hanning(length) ** 0.5 * random.choice([0.0, 0.3, 1.0, 1.0, 0.7])
        pieces.append(source)
    return _peaked(np.concatenate(pieces))


def clicks(random: Random, samples: int) -> FloatArray:
    """Single clicks and knocks at odd moments, short or ringing."""
    wave = np.zeros(samples)
    for start in random.integers(0, samples, int(random.integers(1, 6))):
        length = min(samples - start, int(random.uniform(0.002, 0.08) * RATE_HZ))
        decay = np.exp(-np.arange(length) / (RATE_HZ * random.uniform(0.0005, 0.02)))
        ring = np.sin(2 * np.pi * random.uniform(80, 3000) * np.arange(length) / RATE_HZ)
        wave[start : start + length] += decay * (random.standard_normal(length) * random.random() + ring * random.random())
    return _peaked(wave + random.standard_normal(samples) * 10 ** random.uniform(-4, -2))


def _hum(random: Random, samples: int) -> FloatArray:
    time_s = np.arange(samples) / RATE_HZ
    mains = random.choice([50.0, 60.0]) * random.uniform(0.99, 1.01)
    wave = sum(random.random() / order * np.sin(2 * np.pi * (mains * order * time_s + random.random())) for order in range(1, 20))
    return _peaked(np.asarray(wave) + 0.05 * coloured(random, samples, 1.0))


def _sweep(random: Random, samples: int) -> FloatArray:
    low, high = sorted(10 ** random.uniform(2.0, 3.8, 2))
    begin, end = (low, high) if random.random() < 0.5 else (high, low)
    return _peaked(signal.chirp(np.arange(samples) / RATE_HZ, begin, samples / RATE_HZ, end))


def _chords(random: Random, samples: int) -> FloatArray:
    time_s = np.arange(samples) / RATE_HZ
    wave = np.zeros(samples)
    for begin in np.arange(0, samples / RATE_HZ, random.uniform(0.2, 0.8)):
        root = 110.0 * 2 ** (random.integers(0, 30) / 12)
        since = np.maximum(0.0, time_s - begin)
        fade = np.exp(-since * random.uniform(1, 6)) * (time_s >= begin)
        for step in (0, 4, 7):
            for order in range(1, 5):
                wave += fade * np.sin(2 * np.pi * root * 2 ** (step / 12) * order * since) / order**1.5
    return _peaked(wave)


def _band(random: Random, samples: int) -> FloatArray:
    low, high = sorted(10 ** random.uniform(2.0, 3.85, 2))
    sections = signal.butter(2, (low, max(high, low * 1.5)), "bandpass", fs=RATE_HZ, output="sos") if high < 7_000 else None
    noise = random.standard_normal(samples)
    slow = 1 + random.uniform(0, 0.8) * np.sin(2 * np.pi * random.uniform(0.1, 3) * np.arange(samples) / RATE_HZ)
    return _peaked((noise if sections is None else signal.sosfilt(sections, noise)) * slow)


def _silence(random: Random, samples: int) -> FloatArray:
    dither = random.standard_normal(samples) * 10 ** random.uniform(-6, -3.2)
    return dither.astype(np.float32)


def _colours(random: Random, samples: int) -> FloatArray:
    return coloured(random, samples, random.uniform(-0.2, 2.2))


KINDS: tuple[Callable[[Random, int], FloatArray], ...] = (
    _colours, _colours, _colours, _hum, tone, tone, _sweep, _chords, clicks, clicks, _band, _silence, babble, babble, babble,
)  # fmt: skip


def _peaked(wave: np.ndarray) -> FloatArray:
    peak = float(np.abs(wave).max()) if len(wave) else 0.0
    return (wave * (0.5 / peak) if peak > 0 else wave).astype(np.float32)
