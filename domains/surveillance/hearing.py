"""Ear: listen to one camera's sound as it comes, and say what was heard every half second.

A level gate stands in front: what is quieter than it is not looked at, and digital silence costs nothing. What is heard in a span does
not depend on how the stream was cut into blocks: a recording tagged at once gives the same probabilities.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from core.encoders.sound import frontend
from core.encoders.sound.speech import BLOCK_SAMPLES, SpeechModel
from core.encoders.sound.tagger import Tagger
from core.samples import FloatArray
from domains.surveillance.scene import Hearing
from domains.surveillance.spectrogram import spectrogram_png
from domains.surveillance.stream import SOUND_RATE_HZ, SoundBlock
from domains.surveillance.utterances import SpeechCutter, SpeechPiece

GATE_DBFS = -60.0
MAX_GAP_S = 0.1  # a jump in time beyond this starts afresh
LONGEST_BLOCK_S = 60.0
HELD_BLOCKS = 5

__all__ = ["Ear", "spectrogram_png"]


class Ear:
    """What one microphone hears.

    Holds at most one patch (0.975 s), the block at hand and, where words are wanted, one utterance. Not for several threads at once.

    Attributes:
        camera: the camera's name.
        heard: spans listened to.
        gated: of them, how many were too quiet to look at.
        restarts: how often a jump in time made it start afresh.
        damaged: blocks with values that are not finite; taken as silence.
        cut_s: seconds left out of blocks longer than a minute.
    """

    def __init__(
        self, camera: str, tagger: Tagger, speech: SpeechModel | None = None, gate_dbfs: float = GATE_DBFS, cuts_speech: bool = False
    ) -> None:
        """Listen.

        Args:
            camera: the camera's name.
            tagger: names sounds.
            speech: hears whether somebody speaks.
            gate_dbfs: what is quieter is not looked at.
            cuts_speech: speech is kept, piece by piece, for `pieces`.
        """
        self.camera = camera
        self.heard = self.gated = self.restarts = self.damaged = 0
        self.cut_s = 0.0
        self._tagger = tagger
        self._speech = speech.stream() if speech is not None else None
        self._cutter = SpeechCutter(camera) if cuts_speech and speech is not None else None
        self._pieces: list[SpeechPiece] = []
        self._gate_dbfs = gate_dbfs
        self._waiting = np.zeros(0, np.float32)
        self._begin_s = 0.0  # of what is waiting
        self._wall_begin_s: float | None = None
        self._spoken = 0  # samples that the speech model has judged, since the last start
        self._passed = 0  # samples before what is waiting, since the last start
        self._voices: deque[tuple[int, float]] = deque()  # first sample since the last start, and probability, of each block of speech

    def step(self, block: SoundBlock) -> tuple[Hearing, ...]:
        """The spans that this block completes, 0.975 s each, one every 0.5 s."""
        waveform = self._usable(block)
        expected_s = self._begin_s + len(self._waiting) / SOUND_RATE_HZ
        if not len(self._waiting) or abs(block.time_s - expected_s) > MAX_GAP_S:
            self.restarts += bool(len(self._waiting))
            self._restart(block)
        self._waiting = np.concatenate([self._waiting, waveform])
        if self._speech is not None:
            probabilities = self._speech.feed(waveform)
            if self._cutter is not None:
                self._pieces += self._cutter.feed(waveform, [float(p) for p in probabilities])
            for probability in probabilities:
                self._voices.append((self._spoken, float(probability)))
                self._spoken += BLOCK_SAMPLES
        found = []
        while len(self._waiting) >= frontend.PATCH_SAMPLES:
            found.append(self._hear(self._waiting[: frontend.PATCH_SAMPLES]))
            self._waiting = self._waiting[frontend.HOP_SAMPLES :].copy()
            self._passed += frontend.HOP_SAMPLES
            while self._voices and self._voices[0][0] < self._passed:
                self._voices.popleft()
            self._begin_s += frontend.HOP_S
            if self._wall_begin_s is not None:
                self._wall_begin_s += frontend.HOP_S
        return tuple(found)

    def pieces(self) -> tuple[SpeechPiece, ...]:
        """The utterances that have ended since the last call."""
        pieces, self._pieces = tuple(self._pieces), []
        return pieces

    def finish(self) -> tuple[SpeechPiece, ...]:
        """The sound has ended: what has not been taken yet, and what was being said."""
        if self._cutter is not None:
            self._pieces += self._cutter.restart(0.0, None)
        return self.pieces()

    def _hear(self, patch: FloatArray) -> Hearing:
        level = frontend.level_dbfs(patch)
        self.heard += 1
        tags: dict[str, float] = {}
        speech = 0.0
        if level < self._gate_dbfs:
            self.gated += 1
        else:
            tags = self._tagger.tag(patch).standing(0)
            last = self._passed + frontend.PATCH_SAMPLES - BLOCK_SAMPLES
            speech = max(_held(self._voices, last), default=0.0)
        end_s = self._begin_s + frontend.PATCH_S
        return Hearing(self.camera, self._begin_s, end_s, self._wall_begin_s, level, tags, speech)

    def _restart(self, block: SoundBlock) -> None:
        self._waiting = np.zeros(0, np.float32)
        self._voices.clear()
        self._spoken = self._passed = 0
        self._begin_s, self._wall_begin_s = block.time_s, block.wall_s
        if self._speech is not None:
            self._speech.reset()
        if self._cutter is not None:
            self._pieces += self._cutter.restart(block.time_s, block.wall_s)

    def _usable(self, block: SoundBlock) -> FloatArray:
        most = round(LONGEST_BLOCK_S * SOUND_RATE_HZ)
        waveform = block.waveform[:most]
        self.cut_s += (len(block.waveform) - len(waveform)) / SOUND_RATE_HZ
        if np.isfinite(waveform).all():
            return waveform
        self.damaged += 1
        return np.zeros(len(waveform), np.float32)


def _held(voices: Iterable[tuple[int, float]], last: int) -> list[float]:
    """The probability that speech held for five blocks (0.16 s), wherever it did up to the sample `last`: a blip is no speech."""
    inside = np.array([probability for first, probability in voices if first <= last], np.float32)
    if len(inside) < HELD_BLOCKS:
        return []
    return [float(p) for p in np.lib.stride_tricks.sliding_window_view(inside, HELD_BLOCKS).min(axis=1)]
