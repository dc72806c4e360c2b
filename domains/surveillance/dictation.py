"""What is said at one camera: pieces of speech go to the scribe, utterances come back."""

from __future__ import annotations

from collections.abc import Sequence

from domains.surveillance.scene import Utterance
from domains.surveillance.scribe import Scribe
from domains.surveillance.utterances import SpeechPiece


class Dictation:
    """One camera's side of the scribe.

    Attributes:
        camera: the camera's name.
        written: utterances so far.
    """

    def __init__(self, camera: str, scribe: Scribe, waits: bool) -> None:
        """Get ready.

        Args:
            camera: the camera's name.
            scribe: shared by all cameras.
            waits: every piece is written down at once and none is dropped (a film); else the scribe's worker does it (live).
        """
        self.camera = camera
        self.written = 0
        self._scribe = scribe
        self._waits = waits

    @property
    def dropped(self) -> int:
        """Pieces that nobody had the time to write down."""
        return self._scribe.dropped_of(self.camera)

    def take(self, pieces: Sequence[SpeechPiece]) -> tuple[Utterance, ...]:
        """Hand in pieces; what has been written down."""
        if self._waits:
            written = tuple(u for u in map(self._scribe.write, pieces) if u is not None)
        else:
            for piece in pieces:
                self._scribe.put(piece)
            written = self._scribe.take(self.camera)
        self.written += len(written)
        return written

    def finish(self, pieces: Sequence[SpeechPiece]) -> tuple[Utterance, ...]:
        """The last of a film; live, what is not written down by now is let go."""
        return self.take(pieces if self._waits else ())
