"""Tell receivers of alerts, each in a thread of its own, so that a receiver that is down holds up nobody.

`tell` never waits. A message is tried again with exponential waits (tenacity); what is refused, tried too often, has no place
in the queue or is still waiting when the program ends is a dead letter: counted, and appended to a file of JSON lines.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tenacity import RetryError, Retrying, retry_if_exception_type, sleep_using_event, stop_after_attempt, stop_when_event_set
from tenacity.wait import wait_exponential_jitter

from core.alerts import Alert
from pipelines.notify_config import NotifySettings
from pipelines.receivers import Receiver, RefusedError, SnapshotOf, UndeliveredError, new_delivery, plain, receivers_of

log = logging.getLogger(__name__)

MAX_DEAD_LETTER_BYTES = 64 * 2**20
LAST_MOMENT_S = 0.5


@dataclass(slots=True)
class NotifyCounts:
    """What became of the messages; one alert is a message for each receiver that wants it.

    Attributes:
        delivered: taken by the receiver.
        retried: tries that failed and were followed by another.
        dead: given up, whatever the cause.
    """

    delivered: int = 0
    retried: int = 0
    dead: int = 0


class DeadLetters:
    """The file of what could not be delivered; safe to use from several threads."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._lock = threading.Lock()

    def add(self, alert: Alert, receiver: str, why: str) -> None:
        """Append one line; a full disk or a full file is logged, for there is nowhere else to put it."""
        log.warning("%s: alert %s was not delivered: %s", receiver, alert.id, why)
        if self._file is None:
            return
        line = json.dumps({"wall_s": time.time(), "receiver": receiver, "why": why, "alert": plain(alert)}, ensure_ascii=False) + "\n"
        with self._lock:
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
                with os.fdopen(descriptor, "ab") as out:
                    if out.tell() + len(line) > MAX_DEAD_LETTER_BYTES:
                        log.warning("%s is full; move it away", self._file.name)
                        return
                    out.write(line.encode())
            except OSError as error:
                log.warning("dead letters cannot be written: %s", error.strerror)


class _Post:
    """One receiver's queue and thread."""

    def __init__(self, receiver: Receiver, settings: NotifySettings, counts: NotifyCounts, lock: threading.Lock, dead: DeadLetters) -> None:
        self._receiver, self._settings, self._counts, self._lock, self._dead = receiver, settings, counts, lock, dead
        self._waiting: deque[Alert] = deque()
        self._overflow: deque[Alert] = deque(maxlen=settings.max_waiting)
        self._current: Alert | None = None
        self._bell = threading.Condition()
        self._is_closing = False
        self._give_up = threading.Event()
        self._thread = threading.Thread(target=self._work, name=receiver.name, daemon=True)
        self._thread.start()

    def put(self, alert: Alert) -> None:
        with self._bell:
            if len(self._waiting) < self._settings.max_waiting:
                self._waiting.append(alert)
            else:
                self._overflow.append(alert)
                self._count("dead")
            self._bell.notify()

    def begin_closing(self) -> None:
        with self._bell:
            self._is_closing = True
            self._bell.notify()

    def close(self, deadline_s: float) -> int:
        """Wait until all is sent or the deadline (monotonic) has come; what is left is dead letters."""
        self._thread.join(max(0.0, deadline_s - time.monotonic()))
        if self._thread.is_alive():
            self._give_up.set()
            self._thread.join(LAST_MOMENT_S)
        with self._bell:
            current, self._current = self._current, None
            left = [*([current] if current is not None else []), *self._waiting]
            self._waiting.clear()
        for alert in left:
            self._bury(alert, "the program ended first")
        if not self._thread.is_alive():
            self._receiver.close()
        return len(left)

    def __len__(self) -> int:
        return len(self._waiting) + (self._current is not None)

    def _work(self) -> None:
        while True:
            with self._bell:
                self._bell.wait_for(lambda: self._waiting or self._overflow or self._is_closing)
                if self._give_up.is_set() or not (self._waiting or self._overflow):
                    return
                lost, self._current = list(self._overflow), self._waiting.popleft() if self._waiting else None
                self._overflow.clear()
            for alert in lost:
                self._dead.add(alert, self._receiver.name, "too many messages wait for this receiver")
            if self._current is not None:
                self._send(self._current)

    def _send(self, alert: Alert) -> None:
        why = ""
        try:
            self._try(alert)
        except RetryError as error:
            cause = error.last_attempt.exception()
            if self._give_up.is_set():  # `close` takes it from here
                return
            why = f"{error.last_attempt.attempt_number} tries, the last: {cause}"
        except RefusedError as error:
            why = str(error)
        except Exception as error:  # a receiver's own fault must not end its thread; its text may hold an address
            why = f"a fault in the receiver: {type(error).__name__}"
        with self._bell:
            is_mine, self._current = self._current is alert, None
        if why and is_mine:
            self._bury(alert, why)
        elif is_mine:
            self._count("delivered")

    def _try(self, alert: Alert) -> None:
        settings, delivery = self._settings, new_delivery()
        for attempt in Retrying(
            stop=stop_after_attempt(settings.attempts) | stop_when_event_set(self._give_up),
            wait=wait_exponential_jitter(multiplier=settings.first_wait_s, max=settings.longest_wait_s, jitter=settings.first_wait_s),
            retry=retry_if_exception_type(UndeliveredError),
            sleep=sleep_using_event(self._give_up),
            before_sleep=lambda _: self._count("retried"),
        ):
            with attempt:
                self._receiver.deliver(alert, delivery)

    def _bury(self, alert: Alert, why: str) -> None:
        self._count("dead")
        self._dead.add(alert, self._receiver.name, why)

    def _count(self, name: str) -> None:
        with self._lock:
            setattr(self._counts, name, getattr(self._counts, name) + 1)


class Notifier:
    """Tells all receivers.

    Attributes:
        counts: what became of the messages.
    """

    def __init__(self, settings: NotifySettings, receivers: Sequence[Receiver], dead_letters: Path | None) -> None:
        """Start a thread for each receiver.

        Args:
            settings: how hard to try.
            receivers: whom to tell.
            dead_letters: a file for what could not be delivered, or None to count only.
        """
        self.counts = NotifyCounts()
        lock, dead = threading.Lock(), DeadLetters(dead_letters)
        self._posts = tuple((r, _Post(r, settings, self.counts, lock, dead)) for r in receivers)
        self._is_closed = False

    def tell(self, alert: Alert) -> None:
        """Hand an alert over; returns at once."""
        if self._is_closed:
            return
        for receiver, post in self._posts:
            if receiver.wants(alert):
                post.put(alert)

    def __len__(self) -> int:
        """Messages that wait or are being sent."""
        return sum(len(post) for _, post in self._posts)

    def close(self, timeout_s: float = 10.0) -> int:
        """Send what waits, for at most about `timeout_s`.

        Returns:
            How many messages were left, now dead letters.
        """
        self._is_closed = True
        deadline_s = time.monotonic() + timeout_s
        for _, post in self._posts:
            post.begin_closing()
        return sum(post.close(deadline_s) for _, post in self._posts)


def open_notifier(
    settings: NotifySettings, dead_letters: Path | None, snapshot: SnapshotOf | None = None, environ: Mapping[str, str] | None = None
) -> Notifier:
    """A notifier for what is configured; `tell` is what `on_open` of a sink wants.

    Args:
        settings: whom to tell.
        dead_letters: a file for what could not be delivered.
        snapshot: finds the picture of an alert's id, for those who attach it.
        environ: where secrets are taken from.

    Raises:
        ConfigError: an address or a secret cannot be used.
    """
    return Notifier(settings, receivers_of(settings, snapshot, environ), dead_letters)
