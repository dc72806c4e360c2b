"""Cut a microphone's stream into utterances: only what the speech model calls speech, each piece short enough to be written down soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.encoders.sound.frontend import level_dbfs
from core.encoders.sound.speech import BLOCK_S, BLOCK_SAMPLES, SpeechSpans
from core.samples import FloatArray
from domains.surveillance.stream import SOUND_RATE_HZ

UTTERANCE = SpeechSpans(gap_s=0.6)
LONGEST_S = 10.0
CUT_WITHIN_S = 3.0  # what is too long is cut at the least likely speech of its last seconds, not in the middle of a word
MARGIN_S = 0.2  # kept on both sides: the first consonant is often no speech yet
QUIETEST_DBFS = -60.0

_MARGIN = round(MARGIN_S * SOUND_RATE_HZ)
_LONGEST_BLOCKS = int(LONGEST_S / BLOCK_S)
_CUT_BLOCKS = int(CUT_WITHIN_S / BLOCK_S)


@dataclass(frozen=True, slots=True)
class SpeechPiece:
    """Speech, as it was heard.

    Attributes:
        camera: the camera's name.
        start_s, end_s: of the waveform, on the camera's clock.
        wall_s: Unix time of the begin, or None.
        waveform: `[samples]` at `SOUND_RATE_HZ`.
    """

    camera: str
    start_s: float
    end_s: float
    wall_s: float | None
    waveform: FloatArray


class SpeechCutter:
    """One microphone's speech. Holds at most one utterance, of `LONGEST_S`, and its margins.

    Attributes:
        camera: the camera's name.
    """

    def __init__(self, camera: str, how: SpeechSpans = UTTERANCE) -> None:
        self.camera = camera
        self._how = how
        self._origin_s = 0.0
        self._origin_wall_s: float | None = None
        self._held: FloatArray = np.zeros(0, np.float32)
        self._held_from = self._judged = 0  # samples since the origin
        self._opened: int | None = None
        self._quiet_since: int | None = None
        self._probabilities: list[float] = []  # of the blocks since the utterance opened

    def restart(self, time_s: float, wall_s: float | None) -> tuple[SpeechPiece, ...]:
        """The sound jumps to another time; what was being said until then comes out as it is."""
        pieces = self._close(self._judged if self._quiet_since is None else self._quiet_since) if self._opened is not None else ()
        self._begin(time_s, wall_s)
        return pieces

    def feed(self, waveform: FloatArray, probabilities: Sequence[float]) -> tuple[SpeechPiece, ...]:
        """The utterances that ended.

        Args:
            waveform: `[samples]`, the next of the stream.
            probabilities: of speech, of the blocks that these samples complete.
        """
        self._held = np.concatenate([self._held, waveform])
        pieces: list[SpeechPiece] = []
        for probability in probabilities:
            pieces += self._step(float(probability))
            self._judged += BLOCK_SAMPLES
        self._forget()
        return tuple(pieces)

    def _begin(self, time_s: float, wall_s: float | None) -> None:
        self._origin_s, self._origin_wall_s = time_s, wall_s
        self._held = np.zeros(0, np.float32)
        self._held_from = self._judged = 0
        self._opened = self._quiet_since = None
        self._probabilities.clear()

    def _step(self, probability: float) -> tuple[SpeechPiece, ...]:
        now = self._judged
        if self._opened is None:
            if probability >= self._how.begin:
                self._opened = now
                self._probabilities.append(probability)
            return ()
        self._probabilities.append(probability)
        if self._quiet_since is None and probability < self._how.end:
            self._quiet_since = now
        elif self._quiet_since is not None and probability >= self._how.begin:
            self._quiet_since = None
        if self._quiet_since is not None and (now + BLOCK_SAMPLES - self._quiet_since) / SOUND_RATE_HZ >= self._how.gap_s:
            return self._close(self._quiet_since)
        if len(self._probabilities) >= _LONGEST_BLOCKS:
            return self._cut()
        return ()

    def _cut(self) -> tuple[SpeechPiece, ...]:
        """Let go of what is too long; the rest goes on as a new utterance."""
        assert self._opened is not None
        recent = self._probabilities[-_CUT_BLOCKS:]
        kept = len(recent) - 1 - min(range(len(recent)), key=recent.__getitem__)  # blocks after the least likely one
        end = self._judged + BLOCK_SAMPLES - kept * BLOCK_SAMPLES
        quiet_since, after = self._quiet_since, recent[len(recent) - kept :]
        pieces = self._close(end)
        self._opened = end
        self._quiet_since = quiet_since if quiet_since is None else max(quiet_since, end)
        self._probabilities.extend(after)
        return pieces

    def _close(self, end: int) -> tuple[SpeechPiece, ...]:
        assert self._opened is not None
        opened, self._opened, self._quiet_since = self._opened, None, None
        self._probabilities.clear()
        if (end - opened) / SOUND_RATE_HZ < self._how.least_s:
            return ()
        first = max(self._held_from, opened - _MARGIN)
        waveform = self._held[first - self._held_from : end + _MARGIN - self._held_from].copy()
        if level_dbfs(waveform) < QUIETEST_DBFS:
            return ()
        start_s = first / SOUND_RATE_HZ
        wall_s = None if self._origin_wall_s is None else self._origin_wall_s + start_s
        end_s = self._origin_s + (first + len(waveform)) / SOUND_RATE_HZ
        return (SpeechPiece(self.camera, self._origin_s + start_s, end_s, wall_s, waveform),)

    def _forget(self) -> None:
        needed_from = (self._judged if self._opened is None else self._opened) - _MARGIN
        if needed_from > self._held_from:
            self._held = self._held[needed_from - self._held_from :].copy()
            self._held_from = needed_from
