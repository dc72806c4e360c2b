"""Watch live sources until told to stop, and show how they fare."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from core.alerts import Alert
from core.store import Store
from domains.contract import Domain, Silence, SourceStatus, Surroundings
from pipelines.batch import scratch_folder
from pipelines.runs import configuration_of, versions
from pipelines.sink import LiveSink, StoreSink

log = logging.getLogger(__name__)

REFRESH_S = 0.5
JSON_EVERY_S = 5.0
MUTES_EVERY_S = 1.0


class Mutes:
    """What is muted, read from the store at most once a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: tuple[Silence, ...] = ()
        self._next_s = float("-inf")

    def __call__(self, wall_s: float | None) -> tuple[Silence, ...]:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + MUTES_EVERY_S
            self._known = tuple(Silence(m.source, m.kind) for m in self._store.mutes(time.time() if wall_s is None else wall_s))
        return self._known


def watch(
    domain: Domain,
    settings: Any,
    store: Store,
    state_folder: Path,
    threads: int,
    on_open: Callable[[Alert], None] | None,
    show: Callable[[Sequence[SourceStatus], LiveSink], None],
    stop: threading.Event,
    for_s: float | None = None,
) -> dict[str, float]:
    """Watch a domain's live sources until `stop` is set.

    Args:
        domain: who watches.
        settings: the domain's part of the configuration.
        store: where alerts go.
        state_folder: where what was learned is kept.
        threads: processor threads for the models.
        on_open: told of every alert once it is committed.
        show: called twice a second with how the sources fare.
        stop: set it to end.
        for_s: end by itself after this long.

    Returns:
        What was counted.

    Raises:
        ConfigError: nothing to watch.
        ModelError: weights are missing.
    """
    interrupted = store.interrupt_open_alerts()
    if interrupted:
        log.warning("%d alerts were still open when an earlier run ended; they are marked as interrupted", interrupted)
    run_id = store.begin_run(
        "watch", domain.name, ", ".join(sorted(getattr(settings, "cameras", {}))), configuration_of(settings), versions(), None
    )
    sink = LiveSink(StoreSink(store, run_id, on_open))
    with scratch_folder() as scratch:
        watching = domain.watch(settings, sink, Surroundings(state_folder, scratch, threads, Mutes(store)))
        failure: list[BaseException] = []

        def work() -> None:
            try:
                watching.run(stop)
            except BaseException as error:  # handed to the caller below
                failure.append(error)
                stop.set()

        worker = threading.Thread(target=work, name="judge")
        worker.start()
        deadline_s = None if for_s is None else time.monotonic() + for_s
        while not stop.wait(REFRESH_S):
            show(watching.status(), sink)
            if deadline_s is not None and time.monotonic() >= deadline_s:
                stop.set()
        worker.join()
        unwritten = sink.close()
        last = watching.status()
        show(last, sink)
    counts: dict[str, float] = {"unwritten": unwritten, "lost_evidence": sink.lost_evidence}
    for status in last:
        for name, count in status.counts.items():
            counts[name] = counts.get(name, 0) + count
    store.finish_run(run_id, "failed" if failure else "done", counts)
    if failure:
        raise failure[0]
    return counts


@contextmanager
def stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set `stop` instead of tearing the program down."""

    def note(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's shape
        stop.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StatusTable:
    """A table for people, kept up to date in place."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=False)

    def __enter__(self) -> StatusTable:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, statuses: Sequence[SourceStatus], sink: LiveSink) -> None:
        self._live.update(status_table(self._title, statuses, sink.trouble, len(sink)), refresh=True)


def status_table(title: str, statuses: Sequence[SourceStatus], trouble: str, waiting: int) -> Table:
    """How the sources fare, as a rich table."""
    table = Table(title=title, caption=f"store: {trouble} ({waiting} waiting)" if trouble else None)
    for name in ("source", "state", "fps", "queue", "dropped", "lag", "last alert", "note"):
        table.add_column(name, justify="right" if name in ("fps", "queue", "dropped", "lag") else "left")
    for status in statuses:
        colour = {"online": "green", "offline": "red"}.get(status.state, "yellow")
        lag = "" if status.lag_s is None else f"{status.lag_s * 1000:.0f} ms"
        table.add_row(
            status.name,
            f"[{colour}]{status.state}[/]",
            f"{status.fps:.1f}",
            str(status.queue),
            str(status.dropped),
            lag,
            status.last_alert,
            status.note,
        )
    return table


class StatusLines:
    """A JSON object a line on standard output, for programs."""

    def __init__(self) -> None:
        self._next_s = float("-inf")
        self._states: dict[str, str] = {}

    def __enter__(self) -> StatusLines:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()

    def __call__(self, statuses: Sequence[SourceStatus], sink: LiveSink) -> None:
        for status in statuses:
            if self._states.get(status.name) != status.state:
                self._states[status.name] = status.state
                change = {"name": status.name, "state": status.state, "wall_s": status.since_wall_s, "note": status.note}
                print(json.dumps({"event": "source", **change}), flush=True)
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + JSON_EVERY_S
        state = {"event": "status", "store": sink.trouble, "waiting": len(sink), "sources": [asdict(s) for s in statuses]}
        print(json.dumps(state), flush=True)
