"""How far a long piece of work has come, and how long it will still take, said now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_S = 2.0


class Progress:
    """Counts rows and says so.

    Attributes:
        what: is being done.
        total: rows to do.
    """

    def __init__(self, what: str, total: int, say: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.what, self.total = what, total
        self._say, self._clock = say, clock
        self._done = 0
        self._begun_s = self._said_s = clock()

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        now_s = self._clock()
        if now_s - self._said_s >= EVERY_S and self._done < self.total:
            self._said_s = now_s
            left_s = (now_s - self._begun_s) / self._done * (self.total - self._done)
            self._say(
                f"{self.what}: {self._done} of {self.total} ({self._done / self.total:.0%}), {in_words(left_s)} left".replace("%", " %")
            )

    def finish(self) -> None:
        """All is done."""
        self._say(f"{self.what}: {self._done} encoded in {self._clock() - self._begun_s:.1f} s")


def silent(_: str) -> None:
    """For `say`, where nothing is to be told."""


def in_words(seconds: float) -> str:
    """`41 s`, `3 min` or `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
