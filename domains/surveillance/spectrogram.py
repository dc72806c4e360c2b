"""The picture of a sound: log-mel over time, with its axes."""

from __future__ import annotations

import cv2
import numpy as np

from core.encoders.sound import frontend
from core.errors import InputError
from core.samples import ByteArray, FloatArray

LONGEST_S = 180.0
RANGE_DB = 70.0
PLOT_WIDTH, PLOT_HEIGHT = 880, 320
LEFT, RIGHT, TOP, BOTTOM = 72, 84, 20, 46
PAPER, INK, GRID = (255, 255, 255), (60, 48, 40), (255, 255, 255)
TICKS_HZ = (125, 250, 500, 1_000, 2_000, 4_000, 7_000)


def spectrogram_png(waveform: FloatArray, rate_hz: int) -> bytes:
    """A PNG of the sound: time in seconds to the right, mel frequency upward, level in dB as colour.

    Args:
        waveform: mono, -1 to 1, `[samples]`; of more than 180 s only the first are drawn.
        rate_hz: samples a second.

    Raises:
        InputError: empty, not one channel, not finite, or a rate that no sound has.
    """
    samples = frontend.checked(waveform[: round(LONGEST_S * max(1, rate_hz))])
    sound = frontend.resample(samples, rate_hz)
    duration_s = len(sound) / frontend.RATE_HZ
    mel = frontend.log_mel(sound)[: max(1, int(duration_s / 0.01))]
    decibels = mel.T[::-1] * (10 / np.log(10))  # high bands on top
    top = max(float(decibels.max()), -20.0)
    shade = np.clip((decibels - top + RANGE_DB) / RANGE_DB * 255, 0, 255).astype(np.uint8)
    plot = cv2.applyColorMap(cv2.resize(shade, (PLOT_WIDTH, PLOT_HEIGHT), interpolation=cv2.INTER_LINEAR), cv2.COLORMAP_INFERNO)
    page = np.full((TOP + PLOT_HEIGHT + BOTTOM, LEFT + PLOT_WIDTH + RIGHT, 3), PAPER, np.uint8)
    page[TOP : TOP + PLOT_HEIGHT, LEFT : LEFT + PLOT_WIDTH] = plot
    _frequency_axis(page)
    _time_axis(page, duration_s)
    _scale(page)
    written, png = cv2.imencode(".png", page)
    if not written:
        raise InputError("the picture of the sound could not be written")
    return png.tobytes()


def _frequency_axis(page: ByteArray) -> None:
    lowest, highest = _mel(frontend.LOWEST_HZ), _mel(frontend.HIGHEST_HZ)
    for hertz in TICKS_HZ:
        y = TOP + round(PLOT_HEIGHT * (1 - (_mel(hertz) - lowest) / (highest - lowest)))
        cv2.line(page, (LEFT - 5, y), (LEFT - 1, y), INK, 1)
        _write(page, f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz", LEFT - 9, y + 4, is_right=True)


def _time_axis(page: ByteArray, duration_s: float) -> None:
    step = next((s for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0) if duration_s / s <= 12), 30.0)
    for i in range(int(duration_s / step + 1e-6) + 1):
        x = LEFT + round(PLOT_WIDTH * i * step / duration_s)
        cv2.line(page, (x, TOP + PLOT_HEIGHT), (x, TOP + PLOT_HEIGHT + 4), INK, 1)
        _write(page, f"{i * step:g}", x, TOP + PLOT_HEIGHT + 19)
    _write(page, "seconds", LEFT + PLOT_WIDTH // 2, TOP + PLOT_HEIGHT + 38)


def _scale(page: ByteArray) -> None:
    x = LEFT + PLOT_WIDTH + 14
    ramp = np.linspace(255, 0, PLOT_HEIGHT).astype(np.uint8)[:, None].repeat(12, axis=1)
    page[TOP : TOP + PLOT_HEIGHT, x : x + 12] = cv2.applyColorMap(ramp, cv2.COLORMAP_INFERNO)
    for share, text in ((0.0, "0 dB"), (0.5, f"-{RANGE_DB / 2:.0f}"), (1.0, f"-{RANGE_DB:.0f}")):
        _write(page, text, x + 17, TOP + round(share * PLOT_HEIGHT) + 4, is_left=True)


def _write(page: ByteArray, text: str, x: int, y: int, is_right: bool = False, is_left: bool = False) -> None:
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
    left = x - width if is_right else x if is_left else x - width // 2
    cv2.putText(page, text, (left, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)


def _mel(hertz: float) -> float:
    return 2595.0 * float(np.log10(1 + hertz / 700.0))
