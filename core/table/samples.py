"""Rows of a table as samples: media opened row by row, labels split, what cannot be read reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.errors import InputError
from core.samples import Observation, Sample
from core.table.cell_reading import cells_of
from core.table.cells import as_text
from core.table.media import MediaBounds
from core.table.values import ColumnKind, RowProblem, Table

Report = Callable[[RowProblem], None]


def iter_samples(
    table: Table,
    *,
    label: str | None = None,
    separator: str | None = None,
    report: Report | None = None,
    bounds: MediaBounds | None = None,
) -> Iterator[Sample]:
    """One sample a row, in order; only one row's media are held at a time.

    Args:
        table: as read.
        label: the column to be learned; the table's label column where it is not given.
        separator: between several labels of a cell; None takes the cell as one label. Lists are several labels anyhow.
        report: told of each value that cannot be read; the sample goes without it.
        bounds: how much of a file is read.

    Raises:
        InputError: there is no such label column.
    """
    bounds = bounds or MediaBounds()
    labels = labels_of(table, label, separator)
    groups = table.groups
    streams = [cells_of(table, modality) for modality in table.modalities]
    waiting = [next(stream, None) for stream in streams]
    for place, name in enumerate(table.ids):
        observations: list[Observation] = []
        for index, stream in enumerate(streams):
            while (cell := waiting[index]) is not None and cell.row == place:
                try:
                    observations.append(Observation(cell.open(table.root, bounds), cell.column or table.name))
                except InputError as error:
                    if report:
                        report(RowProblem(cell.line, cell.column, str(error), is_row_left_out=False))
                waiting[index] = next(stream, None)
        yield Sample(name, tuple(observations), labels[place] or None, groups[place])


def to_samples(
    table: Table, *, label: str | None = None, separator: str | None = None, bounds: MediaBounds | None = None
) -> tuple[list[Sample], list[RowProblem]]:
    """Every row at once, with all its pixels: for small tables; `iter_samples` and `encode_table` hold one row or batch.

    Raises:
        InputError: there is no such label column.
    """
    problems: list[RowProblem] = []
    samples = list(iter_samples(table, label=label, separator=separator, report=problems.append, bounds=bounds))
    return samples, problems


def labels_of(table: Table, label: str | None = None, separator: str | None = None) -> tuple[tuple[str, ...], ...]:
    """The labels of each row, each once; empty where they are missing.

    Raises:
        InputError: there is no such column.
    """
    name = label
    if name is None:
        named = table.of(ColumnKind.LABEL)
        if not named:
            return ((),) * len(table)
        name = table.one(ColumnKind.LABEL)
    if name not in {c.name for c in table.columns}:
        raise InputError(f"{table.name} has no column {name!r}; it has: {', '.join(c.name for c in table.columns)[:500]}")
    return tuple(_split(value, separator) for value in table.values(name))


def _split(value: Any, separator: str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    parts = value if isinstance(value, tuple) else (as_text(value) or "").split(separator) if separator else (as_text(value),)
    return tuple(dict.fromkeys(text.strip() for part in parts if (text := as_text(part)) and text.strip()))
