"""Speech: when somebody speaks (Silero VAD), and, where the `[asr]` extra is installed, what is said (Whisper tiny, English).

Words are looked for inside spans of speech only: on silence and noise Whisper invents sentences. Never act on a transcript alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from core.encoders.sound import frontend
from core.encoders.sound.tagger import open_session
from core.errors import ModelError
from core.samples import FloatArray

BLOCK_SAMPLES = 512
BLOCK_S = BLOCK_SAMPLES / frontend.RATE_HZ
_BEFORE_SAMPLES = 64
MAX_NO_SPEECH = 0.6
MIN_LOG_PROBABILITY = -1.0


@dataclass(frozen=True, slots=True)
class SpeechSpans:
    """What counts as speech.

    Attributes:
        begin: probability at which a span opens.
        end: probability below which it closes.
        gap_s: shorter pauses do not close it.
        least_s: shorter spans are dropped.
    """

    begin: float = 0.5
    end: float = 0.35
    gap_s: float = 0.2
    least_s: float = 0.25

    def of(self, probabilities: Sequence[float]) -> tuple[tuple[float, float], ...]:
        """Spans as (start, end) in seconds, from the probability of each block."""
        raw: list[tuple[float, float]] = []
        opened: int | None = None
        for block, probability in enumerate([*probabilities, 0.0]):
            if opened is None and probability >= self.begin:
                opened = block
            elif opened is not None and (probability < self.end or block == len(probabilities)):
                raw.append((opened * BLOCK_S, block * BLOCK_S))
                opened = None
        joined: list[tuple[float, float]] = []
        for start, end in raw:
            if joined and start - joined[-1][1] < self.gap_s:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        return tuple((start, end) for start, end in joined if end - start >= self.least_s)


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of what was said.

    Attributes:
        start_s, end_s: from the waveform's begin.
        text: as written down; may be wrong.
        log_probability: mean of the tokens'.
    """

    start_s: float
    end_s: float
    text: str
    log_probability: float


class SpeechModel:
    """Silero's network, loaded once and shared; each stream has its own `SpeechStream`."""

    name = "silero-vad-6.2.3"

    def __init__(self, folder: Path | None = None) -> None:
        """Load.

        Args:
            folder: with `silero_vad_16k_op15.onnx`; None finds the fetched weights.

        Raises:
            ModelError: not fetched, or damaged.
        """
        if folder is None:
            from core.weights import locate

            folder = locate("silero-vad")
        found = sorted(folder.glob("*.onnx"))
        if not found:
            raise ModelError(f"{folder}: holds no Silero VAD; run: trivium models pull silero-vad")
        self._session = open_session(found[0], 1)

    def stream(self) -> SpeechStream:
        """A fresh stream."""
        return SpeechStream(self._session)

    def probabilities(self, waveform: FloatArray) -> FloatArray:
        """The probability of speech in each 32 ms of a recording, `[blocks]`.

        Raises:
            InputError: the waveform is empty, not one channel or not finite.
        """
        samples = frontend.checked(waveform)
        return self.stream().feed(np.pad(samples, (0, -len(samples) % BLOCK_SAMPLES)))

    def spans(self, waveform: FloatArray, how: SpeechSpans | None = None) -> tuple[tuple[float, float], ...]:
        """When somebody speaks, as (start, end) in seconds."""
        return (how or SpeechSpans()).of([float(p) for p in self.probabilities(waveform)])


class SpeechStream:
    """One stream's speech, block by block; carries the network's state."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(frontend.RATE_HZ, np.int64)
        self.reset()

    def reset(self) -> None:
        """Forget what came before: after a gap."""
        self._state = np.zeros((2, 1, 128), np.float32)
        self._before = np.zeros(_BEFORE_SAMPLES, np.float32)
        self._rest = np.zeros(0, np.float32)

    def feed(self, samples: FloatArray) -> FloatArray:
        """The probabilities of the blocks that these samples, mono at 16 kHz, complete: `[blocks]`."""
        joined = np.concatenate([self._rest, samples])
        whole = len(joined) // BLOCK_SAMPLES
        found = np.empty(whole, np.float32)
        for i in range(whole):
            block = joined[i * BLOCK_SAMPLES : (i + 1) * BLOCK_SAMPLES]
            if not block.any():  # digital silence costs nothing, and what was said before it is over
                self._state, self._before, found[i] = np.zeros_like(self._state), np.zeros_like(self._before), 0.0
                continue
            inputs = {"input": np.concatenate([self._before, block])[None], "state": self._state, "sr": self._rate}
            probability, self._state = self._session.run(None, inputs)
            self._before = block[-_BEFORE_SAMPLES:].copy()
            found[i] = probability.item()
        self._rest = joined[whole * BLOCK_SAMPLES :].copy()
        return found


class Transcriber:
    """Words in spans of speech, by faster-whisper."""

    def __init__(self, folder: Path | None = None, threads: int = 1) -> None:
        """Load.

        Raises:
            ModelError: the `[asr]` extra is not installed, or the weights are not fetched.
        """
        if find_spec("faster_whisper") is None:
            raise ModelError("words need the asr extra; run: pip install 'trivium[asr]'")
        from faster_whisper import WhisperModel

        if folder is None:
            from core.weights import locate

            folder = locate("whisper-tiny")
        try:
            self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"{folder}: Whisper cannot be loaded; run: trivium models pull whisper-tiny") from error

    def transcribe(self, waveform: FloatArray, spans: Sequence[tuple[float, float]]) -> tuple[Words, ...]:
        """What is said inside the spans (start, end, in seconds); what is not sure to be speech is left out."""
        said: list[Words] = []
        for start, end in spans:
            piece = waveform[round(start * frontend.RATE_HZ) : round(end * frontend.RATE_HZ)]
            segments, _ = self._model.transcribe(piece, language="en", beam_size=1, condition_on_previous_text=False)
            said.extend(
                Words(start + s.start, min(end, start + s.end), s.text.strip(), s.avg_logprob)
                for s in segments
                if s.no_speech_prob <= MAX_NO_SPEECH and s.avg_logprob >= MIN_LOG_PROBABILITY
            )
        return tuple(said)
