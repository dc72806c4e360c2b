"""Cut and change recordings into training patches, so that the network hears the sound and not the recording.

Patches are cut only where the sound is: the digital silence that pads short events in ESC-10 never carries a label. What is quiet
(30 dB below the loudest part) is an example of 'background' instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.encoders.sound.frontend import PATCH_SAMPLES, RATE_HZ
from core.encoders.sound.noises import made_noise
from core.samples import FloatArray

STEP_SAMPLES = 800  # 50 ms: how finely a recording's loud parts are told from its quiet ones
LOUD_DB = 20.0
QUIET_DB = 30.0
POOL_SECONDS = 3.0
HISS_SAMPLES = 20 * RATE_HZ


@dataclass(frozen=True, slots=True)
class Recording:
    """One labelled recording.

    Attributes:
        waveform: `[samples]` at 16 kHz.
        label: index of its class.
        group: what must not be split between training and validation: takes of one original.
    """

    waveform: FloatArray
    label: int
    group: str


@dataclass(frozen=True, slots=True)
class Strength:
    """How much is changed.

    Attributes:
        gain_db: lowest and highest gain.
        speed: lowest and highest factor of tape speed (pitch and tempo together).
        mix_chance: how often a made noise lies under a sound.
        mix_snr_db: lowest and highest level of the sound over that noise.
        mixup: Beta's parameter for mixing two patches with their labels; 0 for none.
        time_mask_frames, band_mask: SpecAugment's widest stripes.
        response_db: standard deviation of a made frequency response, at five knots over the bands.
    """

    gain_db: tuple[float, float] = (-20.0, 6.0)
    speed: tuple[float, float] = (0.8, 1.25)
    mix_chance: float = 0.4
    mix_snr_db: tuple[float, float] = (3.0, 30.0)
    mixup: float = 0.4
    time_mask_frames: int = 20
    band_mask: int = 10
    response_db: float = 5.0


NONE = Strength(gain_db=(0.0, 0.0), speed=(1.0, 1.0), mix_chance=0.0, mixup=0.0, time_mask_frames=0, band_mask=0, response_db=0.0)


@dataclass(frozen=True, slots=True)
class Places:
    """Where in a recording patches may begin.

    Attributes:
        loud: sample numbers from which a patch holds the sound.
        quiet: sample numbers from which it holds none of it.
    """

    loud: tuple[int, ...]
    quiet: tuple[int, ...]


def places(waveform: FloatArray) -> Places:
    """Find the loud and the quiet places, every 50 ms."""
    steps = max(1, len(waveform) // STEP_SAMPLES)
    power = np.square(waveform[: steps * STEP_SAMPLES], dtype=np.float64).reshape(steps, -1).mean(1)
    level = 10 * np.log10(power + 1e-12)
    top = level.max()
    span = PATCH_SAMPLES // STEP_SAMPLES
    starts = range(0, max(1, steps - span + 1))
    loudest = np.array([level[i : i + span].max() for i in starts])
    loud = tuple(int(i) * STEP_SAMPLES for i in starts if loudest[i] > top - LOUD_DB)
    quiet = tuple(int(i) * STEP_SAMPLES for i in starts if loudest[i] < top - QUIET_DB)
    return Places(loud, quiet)


def trimmed(waveform: FloatArray) -> FloatArray:
    """The waveform without the digital silence at its begin and end; at least one sample is left."""
    sounding = np.flatnonzero(np.abs(waveform) > 1e-4)
    return waveform[sounding[0] : sounding[-1] + 1] if len(sounding) else waveform[:1]


class PatchMaker:
    """Draws training patches; the same seed draws the same ones."""

    def __init__(self, recordings: Sequence[Recording], background: int, strength: Strength, seed: int, pool: int) -> None:
        self.recordings = recordings
        self.background = background
        self.strength = strength
        self.random = np.random.default_rng(seed)
        self.places = [places(r.waveform) for r in recordings]
        self.hiss = self.random.standard_normal(HISS_SAMPLES, dtype=np.float32)
        self.noises = [made_noise(self.random, POOL_SECONDS) for _ in range(pool)]

    def epoch(self, per_recording: int, background_share: float) -> tuple[FloatArray, np.ndarray]:
        """Waveforms `[patches, samples]` and labels `[patches]` of one pass, shuffled."""
        waves = [self._event(i) for i in range(len(self.recordings)) for _ in range(per_recording)]
        labels = [r.label for r in self.recordings for _ in range(per_recording)]
        for _ in range(round(background_share * len(waves))):
            waves.append(self._background())
            labels.append(self.background)
        order = self.random.permutation(len(waves))
        return np.stack(waves)[order], np.array(labels)[order]

    def _event(self, index: int) -> FloatArray:
        recording = self.recordings[index]
        start = int(self.random.choice(self.places[index].loud)) + int(self.random.integers(0, STEP_SAMPLES))
        wave = self._cut(recording.waveform, start)
        if self.random.random() < self.strength.mix_chance:
            wave = self._mixed(wave, self._noise())
        return self._finished(wave)

    def _background(self) -> FloatArray:
        index = int(self.random.integers(len(self.recordings)))
        quiet = self.places[index].quiet
        if not quiet or self.random.random() < 0.7:
            return self._finished(self._noise())
        wave = self._cut(self.recordings[index].waveform, int(self.random.choice(quiet)))
        return self._finished(wave * 10 ** (self.random.uniform(0, 30) / 20))

    def _cut(self, waveform: FloatArray, start: int) -> FloatArray:
        low, high = self.strength.speed
        speed = self.random.uniform(low, high)
        piece = waveform[start : start + int(PATCH_SAMPLES * speed) + 2]
        if speed != 1.0 and len(piece) > 1:
            at = np.arange(0, len(piece) - 1, speed)
            before = at.astype(np.int64)
            share = (at - before).astype(np.float32)
            piece = piece[before] * (1 - share) + piece[before + 1] * share
        piece = piece[:PATCH_SAMPLES]
        return np.pad(piece, (0, PATCH_SAMPLES - len(piece)))

    def _noise(self) -> FloatArray:
        noise = self.noises[int(self.random.integers(len(self.noises)))]
        start = int(self.random.integers(0, len(noise) - PATCH_SAMPLES))
        return noise[start : start + PATCH_SAMPLES]

    def _mixed(self, wave: FloatArray, noise: FloatArray) -> FloatArray:
        ratio = 10 ** (self.random.uniform(*self.strength.mix_snr_db) / 20)
        scale = np.sqrt(np.mean(wave**2) + 1e-12) / (np.sqrt(np.mean(noise**2)) + 1e-9) / ratio
        return np.asarray(wave + noise * min(float(scale), 10.0), np.float32)

    def _finished(self, wave: FloatArray) -> FloatArray:
        if self.strength is NONE:
            return wave
        gain = 10 ** (self.random.uniform(*self.strength.gain_db) / 20)
        floor = 10 ** (self.random.uniform(-90, -55) / 20)
        start = int(self.random.integers(0, len(self.hiss) - PATCH_SAMPLES))
        hiss = self.hiss[start : start + PATCH_SAMPLES]
        return np.asarray(np.clip(wave * np.float32(gain) + hiss * np.float32(floor), -1, 1), np.float32)
