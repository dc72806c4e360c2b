"""Log-mel front end: mono sound in, patches of 0.975 s every 0.5 s out.

Frames are 25 ms (400 samples, periodic Hann window) every 10 ms at 16 kHz, power spectra of 512 points, 64 triangular bands on the HTK
mel scale. A patch is 96 frames; patches start every 0.5 s, so that a live stream and a recording are cut at the same places.
Runs on numpy and scipy alone: live use need not import torch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, sparse

from core.errors import InputError
from core.samples import FloatArray

RATE_HZ = 16_000
WINDOW_SAMPLES = 400
FRAME_HOP_SAMPLES = 160
FFT_POINTS = 512
BANDS = 64
LOWEST_HZ = 60.0
HIGHEST_HZ = 7_800.0
FLOOR = 1e-5

PATCH_FRAMES = 96
PATCH_SAMPLES = (PATCH_FRAMES - 1) * FRAME_HOP_SAMPLES + WINDOW_SAMPLES  # 15 600
PATCH_S = PATCH_SAMPLES / RATE_HZ
HOP_FRAMES = 50
HOP_SAMPLES = HOP_FRAMES * FRAME_HOP_SAMPLES  # 8 000
HOP_S = HOP_SAMPLES / RATE_HZ

MAX_SOUND_S = 3_600.0
MAX_RATE_HZ = 768_000
SILENCE_DBFS = -120.0


def checked(waveform: npt.NDArray[Any], what: str = "sound") -> FloatArray:
    """The waveform as float32 `[samples]`, if it can be used at all.

    Raises:
        InputError: it is empty, not one channel, not finite, or longer than an hour.
    """
    if waveform.ndim != 1:
        raise InputError(f"{what}: sound must be one channel [samples], not {list(waveform.shape)}; mix it down first")
    if not len(waveform):
        raise InputError(f"{what}: the sound is empty; give at least one sample")
    if len(waveform) > MAX_SOUND_S * MAX_RATE_HZ:
        raise InputError(f"{what}: {len(waveform)} samples are too many; cut the sound into pieces of at most an hour")
    samples = np.ascontiguousarray(waveform, np.float32)
    if not np.isfinite(samples).all():
        raise InputError(f"{what}: the sound holds values that are not finite; decode it again")
    return samples


def resample(waveform: FloatArray, rate_hz: int, to_hz: int = RATE_HZ) -> FloatArray:
    """Mono sound at another rate, by FFmpeg's resampler.

    Args:
        waveform: `[samples]`, finite.
        rate_hz: its rate, 1 000 to 768 000.
        to_hz: the rate wanted.

    Raises:
        InputError: a rate that no sound has.
    """
    if not 1_000 <= rate_hz <= MAX_RATE_HZ:
        raise InputError(f"a sound at {rate_hz} Hz cannot be read; rates from 1000 to {MAX_RATE_HZ} Hz can")
    if rate_hz == to_hz:
        return waveform
    import av

    converter = av.AudioResampler(format="fltp", layout="mono", rate=to_hz)
    pieces: list[FloatArray] = []
    for begin in range(0, len(waveform), rate_hz):  # a second at a time
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(waveform[None, begin : begin + rate_hz], np.float32), "fltp", "mono")
        frame.sample_rate = rate_hz
        frame.pts = begin
        pieces.extend(out.to_ndarray()[0] for out in converter.resample(frame))
    pieces.extend(out.to_ndarray()[0] for out in converter.resample(None))
    wanted = max(1, round(len(waveform) * to_hz / rate_hz))
    joined = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    return np.pad(joined, (0, max(0, wanted - len(joined))))[:wanted].astype(np.float32)


@lru_cache(maxsize=1)
def mel_bank() -> FloatArray:
    """The filter bank, `[257, 64]`: peaks of 1, even on the HTK mel scale."""
    from transformers.audio_utils import mel_filter_bank

    bank = mel_filter_bank(FFT_POINTS // 2 + 1, BANDS, LOWEST_HZ, HIGHEST_HZ, RATE_HZ, norm=None, mel_scale="htk")
    return np.asarray(bank, np.float32)


def log_mel(waveform: FloatArray) -> FloatArray:
    """Natural logarithm of mel power, `[frames, 64]`; a frame every 10 ms, none beyond the last whole window.

    Sound shorter than one patch is padded with silence at its end.
    """
    return log_spectra(waveform, _sparse_bank(), FLOOR, is_power=True)


def log_spectra(waveform: FloatArray, bank: sparse.csr_array, floor: float, is_power: bool) -> FloatArray:
    """Logarithm of a filter bank's output, `[frames, bands]`.

    Args:
        waveform: `[samples]` at 16 kHz.
        bank: `[bands, 257]`; sparse, so that there are few sums and none of BLAS's threads, which wait on each other in live use.
        floor: added before the logarithm.
        is_power: sum powers, not magnitudes.
    """
    if len(waveform) < PATCH_SAMPLES:
        waveform = np.pad(waveform, (0, PATCH_SAMPLES - len(waveform)))
    frames = np.lib.stride_tricks.sliding_window_view(waveform, WINDOW_SAMPLES)[::FRAME_HOP_SAMPLES]
    pieces = []
    for begin in range(0, len(frames), 6_000):  # a minute at a time bounds the memory
        spectrum = fft.rfft(frames[begin : begin + 6_000] * _hann(), FFT_POINTS)
        power = spectrum.real**2 + spectrum.imag**2
        pieces.append(np.log((bank @ (power if is_power else np.sqrt(power)).T).T + np.float32(floor)))
    return np.concatenate(pieces).astype(np.float32)


def patch_count(samples: int) -> int:
    """How many patches so many samples make: at least one."""
    return 1 + max(0, samples - PATCH_SAMPLES) // HOP_SAMPLES


def patches(mel: FloatArray) -> FloatArray:
    """Cut `[frames, 64]` into `[patches, 96, 64]`, one every 0.5 s; a last piece shorter than that is left out."""
    return np.stack([mel[i : i + PATCH_FRAMES] for i in range(0, len(mel) - PATCH_FRAMES + 1, HOP_FRAMES)])


def patch_times_s(count: int) -> FloatArray:
    """When each patch begins, `[patches]`, from the waveform's begin."""
    return np.arange(count, dtype=np.float32) * np.float32(HOP_S)


def level_dbfs(waveform: FloatArray) -> float:
    """Root mean square level: 0 for full scale, -inf for digital silence."""
    power = float(np.mean(np.square(waveform, dtype=np.float64))) if len(waveform) else 0.0
    return 10.0 * float(np.log10(power)) if power > 10.0 ** (SILENCE_DBFS / 10.0) else -np.inf


def patch_levels_dbfs(waveform: FloatArray) -> FloatArray:
    """The level under each patch, `[patches]`; -inf for digital silence."""
    starts = range(0, patch_count(len(waveform)) * HOP_SAMPLES, HOP_SAMPLES)
    return np.array([level_dbfs(waveform[s : s + PATCH_SAMPLES]) for s in starts], np.float32)


@lru_cache(maxsize=1)
def _sparse_bank() -> sparse.csr_array:
    return sparse.csr_array(mel_bank().T)


@lru_cache(maxsize=1)
def _hann() -> FloatArray:
    phase = 2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES
    return np.asarray(0.5 - 0.5 * np.cos(phase), np.float32)
