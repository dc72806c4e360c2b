"""A deadline around a conversation with a server that may fall silent.

A server or network that stalls while the kernel still acknowledges defeats every timeout of PostgreSQL's client
library. So a timer of our own shuts the connection's socket down, and the thread that waits on it wakes with an error.
"""

from __future__ import annotations

import os
import socket
import threading
from types import TracebackType
from typing import Any

_here = threading.local()


class Deadline:
    """Shuts down the connections that this thread talks over, once the time is up.

    Attributes:
        has_passed: whether it had to.
    """

    def __init__(self, seconds: float) -> None:
        self.has_passed = False
        self._lock = threading.Lock()
        self._is_over = False
        self._connections: list[Any] = []
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._outer: Deadline | None = getattr(_here, "deadline", None)
        _here.deadline = self
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _here.deadline = self._outer
        with self._lock:
            self._is_over = True
        self._timer.cancel()

    def covers(self, connection: Any) -> None:
        """Let the deadline end what is said over this psycopg connection."""
        with self._lock:
            self._connections.append(connection)
            if self.has_passed:
                _shut_down(connection)

    def _pass(self) -> None:
        with self._lock:
            if self._is_over:
                return
            self.has_passed = True
            for connection in self._connections:
                _shut_down(connection)


def cover_new_connection(connection: Any, _record: object) -> None:
    """SQLAlchemy's `connect` event: a connection that was just made falls under this thread's deadline."""
    deadline: Deadline | None = getattr(_here, "deadline", None)
    if deadline is not None:
        deadline.covers(connection)


def _shut_down(connection: Any) -> None:
    if connection.closed:
        return
    with socket.socket(fileno=os.dup(connection.fileno())) as shared:
        try:
            shared.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other side was quicker; the waiting thread is awake already
            return
