"""What a benchmark found, as the JSON object that `trivium bench --json` prints, and the page written from such objects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import InputError

MAX_REPORT_BYTES = 4_000_000


class ReportedMetric(BaseModel):
    """One figure as it stands in a bench's JSON object; see `core.benchmark.Metric`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: float | None
    unit: str
    target: str = ""
    holds: bool | None = None
    peer: str = ""
    peer_value: float | None = None
    interval: tuple[float, float] | None = None
    note: str = ""


class Report(BaseModel):
    """What one run of a bench found.

    Attributes:
        bench: its name.
        commit: of the code, with `+changes` where the checkout had some; else the package's version.
        machine: processor, cores, memory, Python and system.
        metrics: the figures.
        date: when it ended, UTC.
        command: what runs it again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bench: str
    commit: str
    machine: dict[str, str | int | float]
    metrics: list[ReportedMetric]
    date: str = ""
    command: str = ""


def read_reports(files: Iterable[Path]) -> list[Report]:
    """Read JSON objects that `trivium bench --json` printed.

    Raises:
        InputError: a file is not such an object.
    """
    reports = []
    for file in files:
        try:
            if file.stat().st_size > MAX_REPORT_BYTES:
                raise InputError(f"{file}: larger than {MAX_REPORT_BYTES:,} bytes; no output of trivium bench --json")
            reports.append(Report.model_validate_json(file.read_bytes()))
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise InputError(f"{file}: no output of trivium bench --json: {where + ': ' if where else ''}{first['msg']}") from error
    return reports


def page(reports: Sequence[Report]) -> str:
    """The page of benchmarks, as Markdown: a table a bench, the newest run first."""
    text = [
        "# Benchmarks",
        "",
        "<!-- Written by `trivium bench report`; do not edit. -->",
        "",
        "Every figure was measured by the command above its table, on the machine named there, at the commit named there.",
        "A peer is measured in the same run on the same input; a peer that was not installed is named as such. The interval is a",
        "95 % interval or the spread over repetitions, as the note says. Figures on small sets carry wide intervals: read them first.",
    ]
    by_bench: dict[str, list[Report]] = {}
    for report in reports:
        by_bench.setdefault(report.bench, []).append(report)
    for bench, runs in sorted(by_bench.items()):
        text += ["", f"## {bench}"]
        for report in sorted(runs, key=lambda each: each.date, reverse=True):
            text += ["", *_run_section(report)]
    return "\n".join(text) + "\n"


def _run_section(report: Report) -> list[str]:
    about = report.machine
    memory_and_rest = f"{about.get('memory_gb')} GB, Python {about.get('python')}, {about.get('system')}"
    on = f"{about.get('processor')}, {about.get('cores')} cores, {memory_and_rest}"
    rows = [
        f"{report.date or 'no date'} · commit `{report.commit}` · {on}",
        "",
        f"    {report.command or 'trivium bench ' + report.bench}",
        "",
        "| what | figure | target | holds | peer | peer's figure | ratio | interval | notes |",
        "| --- | ---: | --- | --- | --- | ---: | ---: | --- | --- |",
    ]
    for metric in report.metrics:
        cells = (
            metric.name,
            f"{figure(metric.value)} {metric.unit}".strip(),
            metric.target,
            {True: "yes", False: "**no**", None: ""}[metric.holds],
            metric.peer,
            figure(metric.peer_value) if metric.peer_value is not None else "",
            ratio(metric.value, metric.peer_value),
            " to ".join(figure(end) for end in metric.interval) if metric.interval is not None else "",
            metric.note,
        )
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return rows


def figure(value: float | None) -> str:
    """A figure with three or four digits that count."""
    if value is None:
        return "not measured"
    if value == 0 or value.is_integer():
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if abs(value) < 1000 else 0
    return f"{value:,.{min(digits, 6)}f}"


def ratio(value: float | None, peer: float | None) -> str:
    """How many times the peer's figure this one is."""
    return f"{value / peer:.2f} x" if value is not None and peer else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
