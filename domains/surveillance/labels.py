"""Labelled spans of films: what a person says happens when, as a table.

A dataset is a folder with `labels.csv`: columns `path` (below the folder), `label`, `start_s`, `end_s`, and `group` (what must
not be split between training and test: a room, a camera). A film without a row of a label is an example of `daily`. The layout of
GMDCSA-24 (`clips.csv` with a room, `segments.csv`) is read as well.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError

DAILY = "daily"
MAX_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """Something that happens from one moment to another, in seconds of the film's own clock."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class LabelledFilm:
    """One film with its spans.

    Attributes:
        path: the file.
        group: what must not be split.
        spans: what happens in it; empty for a film of daily life.
    """

    path: Path
    group: str
    spans: tuple[Span, ...]


def read_labels(dataset: Path) -> tuple[LabelledFilm, ...]:
    """The labelled films of a dataset folder.

    Raises:
        InputError: no table, a bad row (with its line), or a path that leaves the folder.
    """
    if (dataset / "labels.csv").is_file():
        return _plain(dataset)
    if (dataset / "segments.csv").is_file() and (dataset / "clips.csv").is_file():
        return _gmdcsa(dataset)
    raise InputError(f"{dataset}: no labels.csv; write one with the columns path,label,start_s,end_s,group")


def label_at(spans: Iterable[Span], start_s: float, end_s: float, least_s: float) -> str | None:
    """The label of a window: the one it holds for at least `least_s`, `daily` when it holds none at all, None when it is in between."""
    overlaps = {s.label: min(end_s, s.end_s) - max(start_s, s.start_s) for s in spans if s.start_s < end_s and s.end_s > start_s}
    if not overlaps:
        return DAILY
    label, overlap_s = max(overlaps.items(), key=lambda pair: pair[1])
    return label if overlap_s >= least_s else None


def _plain(dataset: Path) -> tuple[LabelledFilm, ...]:
    films: dict[str, tuple[str, list[Span]]] = {}
    for line, row in _rows(dataset / "labels.csv", ("path", "label", "start_s", "end_s")):
        _, spans = films.setdefault(row["path"], (row.get("group") or row["path"], []))
        if row["label"] != DAILY:
            spans.append(_span(dataset / "labels.csv", line, row["label"], row["start_s"], row["end_s"]))
    return tuple(LabelledFilm(_inside(dataset, path), group, tuple(spans)) for path, (group, spans) in films.items())


def _gmdcsa(dataset: Path) -> tuple[LabelledFilm, ...]:
    spans: dict[str, list[Span]] = {}
    for line, row in _rows(dataset / "segments.csv", ("path", "label", "start_s", "end_s")):
        if row["label"] == "falling":
            spans.setdefault(row["path"], []).append(_span(dataset / "segments.csv", line, "fall", row["start_s"], row["end_s"]))
    clips = _rows(dataset / "clips.csv", ("path", "room"))
    return tuple(LabelledFilm(_inside(dataset, row["path"]), f"room {row['room']}", tuple(spans.get(row["path"], ()))) for _, row in clips)


def _rows(table: Path, needed: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{table}: no column {missing[0]!r}; the columns are {reader.fieldnames}")
        rows: list[tuple[int, dict[str, str]]] = []
        for row in reader:
            if len(rows) >= MAX_ROWS:
                raise InputError(f"{table}: more than {MAX_ROWS} rows")
            if any(row[name] is None for name in needed):
                raise InputError(f"{table}, line {reader.line_num}: too few fields")
            rows.append((reader.line_num, row))
        return rows


def _span(table: Path, line: int, label: str, start: str, end: str) -> Span:
    try:
        start_s, end_s = float(start), float(end)
    except ValueError:
        raise InputError(f"{table}, line {line}: start_s and end_s must be seconds, not {start!r} and {end!r}") from None
    if not 0.0 <= start_s < end_s:
        raise InputError(f"{table}, line {line}: a span must end after it begins: {start} to {end}")
    return Span(label, start_s, end_s)


def _inside(dataset: Path, path: str) -> Path:
    film = (dataset / path).resolve()
    if not film.is_relative_to(dataset.resolve()):
        raise InputError(f"{dataset}: the path {path!r} leaves the folder")
    return film
