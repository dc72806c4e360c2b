"""From decoded sound of any rate and layout to even blocks of mono sound at one rate."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np

from core.samples import FloatArray
from domains.surveillance.stream import SOUND_RATE_HZ

BLOCK_S = 0.25
GAP_S = 0.1  # sound further than this from where the last ended is not joined to it

_BLOCK_SAMPLES = round(BLOCK_S * SOUND_RATE_HZ)


class Soundtrack:
    """Resamples and cuts one sound stream; the rate or layout may change at any frame.

    Args:
        start_s: sound before this is cut off, so that sound and picture stay together.
    """

    def __init__(self, start_s: float = 0.0) -> None:
        self._start_s = start_s
        self._resampler: av.AudioResampler | None = None
        self._shape: tuple[str, str, int] | None = None
        self._waiting: list[FloatArray] = []
        self._samples = 0
        self._next_s: float | None = None  # time of the first waiting sample

    def feed(self, frame: av.AudioFrame, time_s: float | None) -> Iterator[tuple[float, FloatArray]]:
        """Take a frame.

        Args:
            frame: decoded sound.
            time_s: its begin on the clock; None joins it to the last.

        Yields:
            Begin and samples `[samples]` of each block that is complete.

        Raises:
            av.error.FFmpegError: a layout that cannot be mixed down.
        """
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            self._take(self._drain())
            self._resampler = av.AudioResampler("flt", "mono", SOUND_RATE_HZ)
            self._shape = shape
        if self._next_s is None:
            self._next_s = self._start_s if time_s is None else time_s
        elif time_s is not None and abs(time_s - self._end_s()) > GAP_S:
            end_s = self._end_s()
            yield from self._cut(is_last=True)
            self._next_s = max(time_s, end_s)
        assert self._resampler is not None
        frame.pts = None  # the clock is kept here; stamps would make the resampler fill or cut
        self._take(self._resampler.resample(frame))
        if time_s is not None and not self._samples:
            self._next_s = max(self._next_s, time_s)
        yield from self._cut(is_last=False)

    def flush(self) -> Iterator[tuple[float, FloatArray]]:
        """What is left, at the end of the stream."""
        self._take(self._drain())
        yield from self._cut(is_last=True)

    def _drain(self) -> list[av.AudioFrame]:
        if self._resampler is None:
            return []
        rest = self._resampler.resample(None)
        self._resampler = self._shape = None
        return rest

    def _take(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            samples = frame.to_ndarray().reshape(-1).astype(np.float32)
            self._waiting.append(samples)
            self._samples += len(samples)

    def _end_s(self) -> float:
        assert self._next_s is not None
        return self._next_s + self._samples / SOUND_RATE_HZ

    def _cut(self, is_last: bool) -> Iterator[tuple[float, FloatArray]]:
        if not self._samples or (self._samples < _BLOCK_SAMPLES and not is_last):
            return
        assert self._next_s is not None
        joined = np.nan_to_num(np.concatenate(self._waiting), posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)
        early = min(len(joined), max(0, round((self._start_s - self._next_s) * SOUND_RATE_HZ)))
        joined = joined[early:]
        self._next_s += early / SOUND_RATE_HZ
        full = len(joined) if is_last else len(joined) - len(joined) % _BLOCK_SAMPLES
        for begin in range(0, full, _BLOCK_SAMPLES):
            block = joined[begin : min(full, begin + _BLOCK_SAMPLES)].copy()
            yield self._next_s, block
            self._next_s += len(block) / SOUND_RATE_HZ
        rest = joined[full:].copy()
        self._waiting, self._samples = ([rest] if len(rest) else []), len(rest)
