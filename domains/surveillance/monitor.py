"""Watch all live cameras: one reader thread a camera, one judge for all of them.

The readers decode, listen and look at luma; the judge runs the models, so that the detector is loaded once and the
processor is never asked for more than it has: a camera whose frame waits too long gets its newest one judged instead.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

from core.errors import TriviumError
from domains.contract import SourceStatus
from domains.surveillance.models import Models
from domains.surveillance.post import CameraPost

log = logging.getLogger(__name__)

JOIN_S = 10.0
WAKE_S = 0.25


class SurveillanceWatch:
    """The cameras of one configuration, watched.

    Attributes:
        failures: faults while judging, each logged.
    """

    def __init__(
        self, open_posts: Callable[[threading.Condition, threading.Event], Sequence[CameraPost]], load: Callable[[], Models]
    ) -> None:
        self._open_posts = open_posts
        self._load = load
        self._posts: tuple[CameraPost, ...] = ()
        self._turn = 0
        self.failures = 0

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set, then close every open alert and keep what was learned."""
        bell = threading.Condition()
        models: Models | None = None
        self._posts = tuple(self._open_posts(bell, stop))
        readers = [threading.Thread(target=p.read, args=(stop,), name=f"read {p.camera}", daemon=True) for p in self._posts]
        for reader in readers:
            reader.start()
        try:
            models = self._load()  # while the cameras already connect
            for post in self._posts:
                post.equip(models)
            while not stop.is_set():
                with bell:
                    bell.wait_for(lambda: stop.is_set() or any(len(p.mailbox) for p in self._posts), WAKE_S)
                    mails = [(p, p.mailbox.take()) for p in self._posts]
                for post, mail in mails:
                    self._guarded(post, partial(post.judge, mail))
                self._read_one_window()
        finally:
            stop.set()
            for reader in readers:
                reader.join(JOIN_S)
            for post in self._posts:
                self._guarded(post, post.finish)
            if models is not None and models.scribe is not None:
                models.scribe.close()

    def status(self) -> tuple[SourceStatus, ...]:
        """How every camera fares now."""
        return tuple(post.status() for post in self._posts)

    def _read_one_window(self) -> None:
        """One camera's window a round, in turn: a window costs as much as several looks, and looks must not wait for eight of them."""
        for _ in self._posts:
            post = self._posts[self._turn % len(self._posts)]
            self._turn += 1
            if self._guarded(post, post.catch_up):
                return

    def _guarded(self, post: CameraPost, work: Callable[[], object]) -> object:
        """One camera's fault must not stop the others; what the work gave, or None where it failed."""
        try:
            return work()
        except TriviumError as error:
            self.failures += 1
            log.warning("camera %s: %s", post.camera, error)
        except Exception:
            self.failures += 1
            log.exception("camera %s: judging failed; the next frame is judged afresh", post.camera)
        return None
