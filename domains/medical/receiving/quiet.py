"""Studies that were received and are whole once nothing more came for a while: handed on, one after the other, by one thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import StoreError, TriviumError
from core.store.received import ReceivedIndex

OnStudy = Callable[[str, tuple[Path, ...]], None]
RETRY_S = 30.0  # until a database that failed is asked again
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HandedOn:
    """One study that was handed on.

    Attributes:
        study_uid: which.
        objects: that it had.
        took_s: seconds that what it was handed to worked on it.
        error: empty, or why that failed, in one line without an identifier.
    """

    study_uid: str
    objects: int
    took_s: float
    error: str = ""


class QuietStudies:
    """Waits until studies are whole, and hands them on.

    Attributes:
        quiet_s: after the last object of a study, once no association that sent of it is open.
        quiet_open_s: the same while one is.
    """

    def __init__(
        self,
        index: ReceivedIndex,
        path_of: Callable[[str], Path],
        on_study: OnStudy,
        tell: Callable[[HandedOn], None],
        quiet_s: float,
        quiet_open_s: float,
    ) -> None:
        self.quiet_s, self.quiet_open_s = quiet_s, quiet_open_s
        self._index, self._path_of, self._on_study, self._tell = index, path_of, on_study, tell
        self._news = threading.Condition()
        self._due_s: dict[str, float] = {}
        self._open: dict[str, set[str]] = {}
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name="received studies", daemon=True)

    def start(self) -> None:
        """Begin, with the studies that an earlier process did not hand on any more.

        Raises:
            StoreError: the index cannot be read.
        """
        for study_uid in self._index.waiting_studies():
            self._due_s[study_uid] = time.monotonic() + self.quiet_s
        self._thread.start()

    def stop(self, timeout_s: float | None = None) -> None:
        """End; a study that is being handed on is finished, the others wait in the index for the next start."""
        with self._news:
            self._is_ending = True
            self._news.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def came(self, study_uid: str, association: str) -> None:
        """An object of it came."""
        with self._news:
            self._open.setdefault(study_uid, set()).add(association)
            self._due_s[study_uid] = time.monotonic() + max(self.quiet_s, self.quiet_open_s)

    def ended(self, association: str, studies: set[str]) -> None:
        """An association that sent of these is over."""
        with self._news:
            for study_uid in studies:
                senders = self._open.get(study_uid, set())
                senders.discard(association)
                if not senders:
                    self._open.pop(study_uid, None)
                    if study_uid in self._due_s:
                        self._due_s[study_uid] = time.monotonic() + self.quiet_s
            self._news.notify_all()

    @property
    def waiting(self) -> int:
        """Studies that are not whole yet, or not handed on."""
        with self._news:
            return len(self._due_s)

    def _run(self) -> None:
        while (study_uid := self._next()) is not None:
            try:
                self._hand_on(study_uid)
            except StoreError as error:
                log.warning("a received study is not handed on yet: %s", error)
                with self._news:
                    self._due_s.setdefault(study_uid, time.monotonic() + RETRY_S)

    def _next(self) -> str | None:
        """Wait for a study that is due; None at the end."""
        with self._news:
            while not self._is_ending:
                first = min(self._due_s, key=self._due_s.__getitem__, default=None)
                left_s = None if first is None else self._due_s[first] - time.monotonic()
                if first is not None and left_s is not None and left_s <= 0:
                    del self._due_s[first]
                    return first
                self._news.wait(left_s)
            return None

    def _hand_on(self, study_uid: str) -> None:
        objects = self._index.objects_of(study_uid)
        if not objects:
            return
        paths = tuple(self._path_of(each.object.sha256) for each in objects)
        began_s, error = time.monotonic(), ""
        try:
            self._on_study(study_uid, paths)
        except TriviumError as complaint:
            error = str(complaint)
        except Exception as complaint:  # the text of a stranger's error may name a patient
            error = f"it ended with {type(complaint).__name__}"
        if error:
            log.error("a received study could not be drafted: %s; it is tried again at the next start", error)
        else:
            self._index.handed_on(study_uid, objects[-1].id)
        self._tell(HandedOn(study_uid, len(objects), time.monotonic() - began_s, error))
