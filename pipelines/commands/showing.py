"""Tables and progress for people, lines of JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from core.alerts import Alert
from core.store import AlertFilter, Store, StoredAlert
from pipelines.batch import Outcome
from pipelines.export import alert_as_json, when_of

WAY_COLOURS = {"rule": "cyan", "normality": "magenta", "classifier": "yellow", "health": "red"}


def print_alert_line(alert: Alert) -> None:
    """A committed alert as one line of JSON on standard output."""
    print(json.dumps({"event": "alert", **asdict(alert)}), flush=True)


class AnalysisLines:
    """A JSON object a recording, with its alerts."""

    def __enter__(self) -> AnalysisLines:
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()

    def progress(self, location: str, done_s: float, all_s: float | None) -> None:
        """Programs are told when it is done."""

    def outcome(self, outcome: Outcome, store: Store) -> None:
        """One recording is done."""
        found = store.alerts(AlertFilter(run=outcome.run_id, limit=10_000))
        value = {"file": outcome.location, "run": outcome.run_id, "error": outcome.error or None, "counts": dict(outcome.counts)}
        print(json.dumps({**value, "alerts": [alert_as_json(stored) for stored in reversed(found)]}), flush=True)

    def where(self, database: str, evidence: Path) -> None:
        """Every line names its files already."""


class AnalysisProgress:
    """Bars with the time left while recordings are judged, a table of alerts for each."""

    def __init__(self, recordings: int) -> None:
        self._console = Console()
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
        self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
        self._overall: TaskID | None = None
        if recordings > 1:
            self._bars.columns = (*columns, MofNCompleteColumn())
            self._overall = self._bars.add_task("recordings", total=recordings)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> AnalysisProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def progress(self, location: str, done_s: float, all_s: float | None) -> None:
        """Move a recording's bar."""
        if location not in self._tasks:
            self._tasks[location] = self._bars.add_task(Path(location).name, total=all_s)
        self._bars.update(self._tasks[location], completed=done_s)

    def outcome(self, outcome: Outcome, store: Store) -> None:
        """One recording is done: its alerts."""
        if outcome.location in self._tasks:
            self._bars.remove_task(self._tasks.pop(outcome.location))
        if self._overall is not None:
            self._bars.advance(self._overall)
        if outcome.error:
            Console(stderr=True).print(f"[red]trivium: error:[/] {outcome.error}", highlight=False, soft_wrap=True)
            return
        counts = outcome.counts
        self._console.print(
            f"[bold]{Path(outcome.location).name}[/]: {counts['seconds']:.1f} s, {counts['frames']:.0f} frames, "
            f"{counts['moving']:.0f} with motion, {counts['inspected']:.0f} looked at closely, {counts['alerts']:.0f} alerts",
            highlight=False,
        )
        found = store.alerts(AlertFilter(run=outcome.run_id, limit=10_000))
        if found:
            self._console.print(alert_table(list(reversed(found))))

    def where(self, database: str, evidence: Path) -> None:
        """Where the results lie."""
        self._console.print(f"alerts are in {database}, their clips and pictures in {evidence}", highlight=False, soft_wrap=True)


def alert_table(found: Sequence[StoredAlert]) -> Table:
    """Alerts as a table, in the order given."""
    table = Table()
    for name in ("id", "when", "source", "kind"):
        table.add_column(name, no_wrap=name in ("id", "kind"))
    table.add_column("score", justify="right")
    table.add_column("reason", overflow="fold", ratio=1)
    for stored in found:
        alert = stored.alert
        kind = Text(alert.kind, style=WAY_COLOURS.get(alert.way, "white"))
        table.add_row(alert.id[:8], when(alert), Text(alert.source), kind, f"{alert.score:.2f}", Text(alert.reason))
    return table


def print_alerts(found: Sequence[StoredAlert]) -> None:
    """Alerts, or that there are none."""
    console = Console()
    if found:
        console.print(alert_table(found))
    else:
        console.print("no alerts; analyse a recording or watch a source first")


def print_alert(stored: StoredAlert) -> None:
    """One alert with everything about it."""
    alert, console = stored.alert, Console()
    table = Table(show_header=False, box=None)
    rows: list[tuple[str, str]] = [
        ("id", alert.id),
        ("source", alert.source),
        ("kind", f"{alert.kind} (by {alert.way}, {alert.state.value})"),
        ("when", when(alert)),
        ("score", f"{alert.score:.3f}"),
        ("reason", alert.reason),
        ("carried by", ", ".join(f"{name} {share:.0%}" for name, share in alert.contributions.items())),
    ]
    rows += [(e.kind.value, f"{e.path} ({e.media_type}, {e.bytes / 1000:.0f} kB)") for e in stored.evidence]
    rows += [(name, json.dumps(value)) for name, value in alert.details.items()]
    for name, value in rows:
        table.add_row(Text(name, style="bold"), Text(value))
    console.print(table, soft_wrap=True)


def when(alert: Alert) -> str:
    """On the wall clock where there is one, else in the recording's own time."""
    return when_of(asdict(alert))


def print_report(report: Mapping[str, Any]) -> None:
    """A report of names and values; a list of rows becomes a table."""
    console = Console()
    for name, value in report.items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            table = Table(title=name)
            for column in value[0]:
                table.add_column(str(column))
            for row in value:
                table.add_row(*(_shown(cell) for cell in row.values()))
            console.print(table)
        else:
            console.print(f"[bold]{name}[/]: {_shown(value)}", highlight=False)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return " to ".join(_shown(v) for v in value)
    return str(value)
