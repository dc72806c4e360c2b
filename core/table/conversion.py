"""Plain values to what each kind of column holds; what cannot be converted counts as missing, or leaves its row out."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.table.cells import as_list, as_number, as_text, is_gap, looks_like_list, short
from core.table.raw import left_out
from core.table.values import WORDS_IN, Column, ColumnKind, RowProblem, Table

_NOT_CONTENT = (ColumnKind.ID, ColumnKind.GROUP, ColumnKind.WEIGHT, ColumnKind.IGNORED)
_LISTS = (ColumnKind.TOKENS, ColumnKind.TAGS)


def convert(kind: ColumnKind, value: Any) -> Any:
    """One value: a float for numbers and weights, a tuple for lists, text for everything else, None where it is missing.

    Labels stay text as written, also where they look like numbers; several labels are a tuple.

    Raises:
        ValueError: it is not of that kind.
    """
    if value is None:
        return None
    if isinstance(value, Mapping | bytes):
        raise ValueError("an object or bytes cannot be read; give text, a number, a list or a path")  # noqa: TRY004
    if kind in (ColumnKind.NUMBER, ColumnKind.WEIGHT):
        number = None if is_gap(value) else as_number(value)
        if kind is ColumnKind.WEIGHT and number is not None and number < 0:
            raise ValueError(f"a weight of {number:g} is below 0")
        return number
    if kind in _LISTS:
        return tuple(as_text(one) or "" for one in as_list(value)) if value != "" else None
    if kind is ColumnKind.SERIES and looks_like_list(value):
        return _numbers(as_list(value))
    if kind is ColumnKind.LABEL and looks_like_list(value):
        return tuple(text for one in as_list(value) if (text := as_text(one)) is not None)
    return as_text(value)


def build_table(
    name: str, columns: tuple[Column, ...], lines: Sequence[int], raw: Sequence[Sequence[Any]], root: Path, problems: Sequence[RowProblem]
) -> Table:
    """Convert rows, give each its id, leave out what cannot be used.

    Args:
        name: of the table.
        columns: with their kinds.
        lines: of each row.
        raw: plain values, `[rows][columns]`.
        root: where media are.
        problems: of rows that could not even be read.

    Raises:
        InputError: no row is left, or ids or columns cannot be used.
    """
    found = list(problems)
    rows: list[Mapping[str, Any]] = []
    kept_lines: list[int] = []
    for line, cells in zip(lines, raw, strict=True):
        row, said = _row(columns, line, cells)
        found += said
        if not any(one.is_row_left_out for one in said):
            rows.append(row)
            kept_lines.append(line)
    rows, ids, kept_lines, twice = _with_ids(name, columns, rows, kept_lines)
    found = sorted([*found, *twice], key=lambda one: one.line)
    if not rows:
        why = f"; {found[0]}" if found else "; there is only a header"
        raise InputError(f"{name}: no row can be used{why}")
    return Table(name, columns, tuple(rows), ids, tuple(kept_lines), root, tuple(found))


def fingerprint(row: Mapping[str, Any], columns: Sequence[Column]) -> str:
    """A hash of what a row says: everything but its id, group, weight and label, and words that its pictures tell anyway."""
    said = [c.name for c in columns if c.kind not in (*_NOT_CONTENT, ColumnKind.LABEL, ColumnKind.TAGS)]
    told_anyway = {WORDS_IN + c.name for c in columns if c.kind is ColumnKind.IMAGE}
    content = {name: row.get(name) for name in said if name not in told_anyway}
    told = json.dumps(content, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def _row(columns: Sequence[Column], line: int, cells: Sequence[Any]) -> tuple[dict[str, Any], list[RowProblem]]:
    row: dict[str, Any] = {}
    problems: list[RowProblem] = []
    for column, cell in zip(columns, cells, strict=True):
        try:
            row[column.name] = convert(column.kind, cell)
        except ValueError as error:
            row[column.name] = None
            if column.kind is not ColumnKind.IGNORED:
                problems.append(RowProblem(line, column.name, str(error), is_row_left_out=column.kind in _LISTS))
    words = [row[c.name] for c in columns if c.kind in _LISTS and row[c.name] is not None]
    if len({len(one) for one in words}) > 1:
        problems.append(left_out(line, f"{len(words[0])} words and {len(words[1])} tags; there must be one tag a word"))
    return row, problems


def _with_ids(
    name: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], lines: Sequence[int]
) -> tuple[list[Mapping[str, Any]], tuple[str, ...], list[int], list[RowProblem]]:
    """Rows with an id of their own; without an id column, the line and a hash of the row."""
    named = [c.name for c in columns if c.kind is ColumnKind.ID]
    if len(named) > 1:
        raise InputError(f"{name}: {len(named)} columns are ids ({', '.join(named)}); choose one")
    if not named:
        return list(rows), tuple(f"{line}-{fingerprint(row, columns)[:8]}" for row, line in zip(rows, lines, strict=True)), list(lines), []
    column = named[0]
    counts = Counter(row[column] for row in rows)
    if len(rows) > 1 and len(counts) == 1:
        raise InputError(
            f"{name}: the id {short(next(iter(counts)))} is in every row of {column!r}; ids must differ, or leave the column out"
        )
    kept: list[Mapping[str, Any]] = []
    ids: list[str] = []
    kept_lines: list[int] = []
    problems: list[RowProblem] = []
    first_line: dict[str, int] = {}
    for row, line in zip(rows, lines, strict=True):
        own = row[column]
        if own is None:
            problems.append(RowProblem(line, column, "the id is missing", is_row_left_out=True))
        elif own in first_line:
            problems.append(
                RowProblem(line, column, f"the id {short(own)} is already that of line {first_line[own]}", is_row_left_out=True)
            )
        else:
            first_line[own] = line
            kept.append(row)
            ids.append(own)
            kept_lines.append(line)
    return kept, tuple(ids), kept_lines, problems


def _numbers(values: Sequence[Any]) -> tuple[Any, ...]:
    """Numbers, or rows of numbers; NaN where one is missing."""
    if any(isinstance(one, tuple) for one in values):
        return tuple(_numbers(one) if isinstance(one, tuple) else () for one in values)
    return tuple(math.nan if is_gap(one) else as_number(one) for one in values)
