"""Write down what is said: one worker for all cameras behind a bounded queue, so that no camera ever waits for words."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Sequence
from typing import Protocol

from core.encoders.sound.speech import Words
from core.samples import FloatArray
from domains.surveillance.scene import Utterance
from domains.surveillance.stream import SOUND_RATE_HZ
from domains.surveillance.utterances import SpeechPiece

log = logging.getLogger(__name__)

MAX_WAITING = 8  # pieces of some 10 s at most: 5 MB
MAX_WRITTEN = 64  # utterances of one camera that nobody takes
MAX_TEXT = 400  # characters of one utterance; more is a network that repeats itself
JOIN_S = 5.0


class WritesWords(Protocol):
    """What turns speech into words; `core.encoders.sound.speech.Transcriber` does."""

    def transcribe(self, waveform: FloatArray, spans: Sequence[tuple[float, float]]) -> tuple[Words, ...]: ...


class Scribe:
    """Gives the words of speech: at once (a film), or by its worker (live).

    What was said is never logged.

    Attributes:
        failures: pieces that could not be written down.
    """

    def __init__(self, transcriber: WritesWords, max_waiting: int = MAX_WAITING) -> None:
        """Get ready; the worker starts with the first piece.

        Args:
            transcriber: knows the words.
            max_waiting: pieces that may wait; the oldest makes room for a new one.
        """
        self.failures = 0
        self._transcriber = transcriber
        self._max_waiting = max_waiting
        self._waiting: deque[SpeechPiece] = deque()
        self._written: dict[str, deque[Utterance]] = {}
        self._dropped: Counter[str] = Counter()
        self._bell = threading.Condition()
        self._worker: threading.Thread | None = None

    def write(self, piece: SpeechPiece) -> Utterance | None:
        """What is said in a piece, or None where nobody is sure that anything is. Takes its time; not for several threads at once."""
        words = self._transcriber.transcribe(piece.waveform, ((0.0, len(piece.waveform) / SOUND_RATE_HZ),))
        text = _one_line(" ".join(w.text for w in words))
        if not text:
            return None
        return Utterance(piece.camera, piece.start_s, piece.end_s, piece.wall_s, text)

    def put(self, piece: SpeechPiece) -> None:
        """Leave a piece for the worker; never waits."""
        with self._bell:
            if len(self._waiting) >= self._max_waiting:
                self._dropped[self._waiting.popleft().camera] += 1
            self._waiting.append(piece)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="scribe", daemon=True)
                self._worker.start()
            self._bell.notify()

    def take(self, camera: str) -> tuple[Utterance, ...]:
        """What was said at a camera and has been written down since the last call, oldest first."""
        with self._bell:
            return tuple(self._written.pop(camera, ()))

    def dropped_of(self, camera: str) -> int:
        """How many pieces of a camera had to make room."""
        return self._dropped[camera]

    def close(self) -> None:
        """Let the worker end after the piece at hand; what waits is forgotten, and counted."""
        with self._bell:
            for piece in self._waiting:
                self._dropped[piece.camera] += 1
            self._waiting.clear()
            worker, self._worker = self._worker, None
            self._bell.notify_all()
        if worker is not None:
            worker.join(JOIN_S)

    def _work(self) -> None:
        me = threading.current_thread()
        while True:
            with self._bell:
                self._bell.wait_for(lambda: self._worker is not me or bool(self._waiting))
                if self._worker is not me:
                    return
                piece = self._waiting.popleft()
            try:
                utterance = self.write(piece)
            except Exception:
                self.failures += 1
                log.exception("camera %s: what was said could not be written down", piece.camera)
                continue
            if utterance is not None:
                with self._bell:
                    self._written.setdefault(piece.camera, deque(maxlen=MAX_WRITTEN)).append(utterance)


def _one_line(text: str) -> str:
    """Printable, on one line, of bounded length, and safe inside double quotes."""
    plain = "".join(c if c.isprintable() else " " for c in text.replace('"', "'"))
    return " ".join(plain.split())[:MAX_TEXT]
