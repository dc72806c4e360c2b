"""Between a camera's reader and the judge: bounded, and whatever it must drop is counted."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from domains.surveillance.scene import Motion
from domains.surveillance.stream import CameraFrame, SoundBlock, StreamChange

MAX_SOUND_BLOCKS = 64


@dataclass(frozen=True, slots=True)
class Due:
    """A frame that is due for judging, with what the gate saw in it."""

    frame: CameraFrame
    motion: Motion


@dataclass(slots=True)
class Mail:
    """What was waiting, in the order in which it must be judged."""

    changes: tuple[StreamChange, ...]
    sounds: tuple[SoundBlock, ...]
    due: Due | None


class Mailbox:
    """Holds the newest due frame, some sound and the connection's changes.

    A frame that is not taken before the next one is due is replaced: late news of a live camera is no news.

    Attributes:
        frames_due: frames that were left for the judge.
        frames_dropped: due frames that a newer one replaced.
        sounds_dropped: blocks of sound that did not fit.
    """

    def __init__(self, bell: threading.Condition) -> None:
        self._bell = bell
        self._changes: deque[StreamChange] = deque()
        self._sounds: deque[SoundBlock] = deque()
        self._due: Due | None = None
        self.frames_due = 0
        self.frames_dropped = 0
        self.sounds_dropped = 0

    def put(self, item: Due | SoundBlock | StreamChange) -> None:
        """Leave something for the judge and ring."""
        with self._bell:
            if isinstance(item, Due):
                self.frames_due += 1
                self.frames_dropped += self._due is not None
                self._due = item
            elif isinstance(item, SoundBlock):
                if len(self._sounds) == MAX_SOUND_BLOCKS:
                    self._sounds.popleft()
                    self.sounds_dropped += 1
                self._sounds.append(item)
            else:
                self._changes.append(item)
            self._bell.notify()

    def take(self) -> Mail:
        """Everything that waits; the mailbox is empty afterwards. Call with the bell held."""
        mail = Mail(tuple(self._changes), tuple(self._sounds), self._due)
        self._changes.clear()
        self._sounds.clear()
        self._due = None
        return mail

    def __len__(self) -> int:
        return len(self._changes) + len(self._sounds) + (self._due is not None)
