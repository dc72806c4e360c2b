"""Labels of a table: which rows have one that can be learned, and the label space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.table.cells import as_number
from core.table.samples import labels_of
from core.table.values import ColumnKind, RowProblem, Table
from core.tasks import Task

SEPARATORS = ("|", ";", ",")
MOST_LABELS = 1000


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows that can be learned from or tested on.

    Attributes:
        table: those rows alone.
        labels: of each.
        problems: rows that were left out.
    """

    table: Table
    labels: tuple[tuple[str, ...], ...]
    problems: tuple[RowProblem, ...]

    @property
    def weights(self) -> tuple[float, ...]:
        """What the weight column says, 1 where it is empty; nothing where there is none.

        Raises:
            InputError: several weight columns, or all weights are 0.
        """
        if not self.table.of(ColumnKind.WEIGHT):
            return ()
        name = self.table.one(ColumnKind.WEIGHT)
        found = tuple(1.0 if value is None else float(value) for value in self.table.values(name))
        if found and not sum(found) > 0:
            raise InputError(f"{self.table.name}: all weights in {name!r} are 0")
        return found


def labelled(table: Table, task: Task, separator: str | None = None) -> Labelled:
    """Leave out rows without a label, and say which.

    Raises:
        InputError: no label column, no rows, no row with a label, or a label that does not fit the task; says in which line.
    """
    column = table.one(ColumnKind.LABEL)
    if not len(table):
        raise InputError(f"{table.name}: there are no rows")
    labels = labels_of(table, column, separator)
    given = table.values(column)
    kept, problems = [], []
    for place, (row, value, line) in enumerate(zip(labels, given, table.lines, strict=True)):
        if trouble := _trouble(task, row, is_given=value is not None, where=f"{table.name}, line {line}, column {column!r}"):
            problems.append(RowProblem(line, column, trouble, is_row_left_out=True))
        else:
            kept.append(place)
    if not kept:
        raise InputError(f"{table.name}: no row has a label in {column!r}; {problems[0]}")
    return Labelled(table.select(kept), tuple(labels[i] for i in kept), tuple(problems))


def _trouble(task: Task, row: Sequence[str], *, is_given: bool, where: str) -> str:
    """Why a row is left out; empty where it is not."""
    if task.kind == "several":
        return "" if is_given else "there is no label"
    if not row or (len(row) == 1 and row[0].casefold() in ("", "nan")):
        return "there is no label"
    if len(row) > 1:
        raise InputError(f"{where}: {len(row)} labels ({', '.join(row)[:60]}); one is needed, or use the task multilabel")
    if task.kind == "value":
        try:
            number = as_number(row[0])
        except ValueError:
            raise InputError(f"{where}: {row[0][:40]!r} is not a number; use the task classification, or mend it") from None
        return "" if math.isfinite(number) else "the number is not finite"
    return ""


def label_space(task: Task, rows: Labelled, order: Sequence[str] = ()) -> tuple[str, ...]:
    """The labels that are learned, in order.

    Raises:
        InputError: only one label, too many, or no order of ordinal labels; says what to do.
    """
    name = rows.table.name
    if task.kind == "value":
        return (rows.table.one(ColumnKind.LABEL),)
    found = sorted({label for row in rows.labels for label in row})
    if task.name == "ordinal":
        found = _ordered(found, order, name)
    if task.kind == "one" and len({row[0] for row in rows.labels}) < 2:
        raise InputError(f"{name}: every row has the label {found[0]!r}; at least two are needed to learn to tell them apart")
    if task.kind == "several" and len(found) < 2:
        raise InputError(f"{name}: {len(found)} label in all; a multilabel task needs at least two, use the task classification")
    if len(found) > MOST_LABELS:
        raise InputError(
            f"{name}: {len(found)} different labels, more than {MOST_LABELS}; is {rows.table.one(ColumnKind.LABEL)!r} the label column?"
        )
    return tuple(found)


def _ordered(found: Sequence[str], order: Sequence[str], name: str) -> list[str]:
    if order:
        if unknown := [label for label in found if label not in order]:
            raise InputError(f"{name}: the label {unknown[0]!r} is not in the order {', '.join(order)}; add it")
        if len(set(order)) != len(order):
            raise InputError("the order names a label twice")
        return list(order)
    try:
        return sorted(found, key=as_number)
    except ValueError:
        raise InputError(f"{name}: the order of the labels is not known; give it, lowest first: order = {', '.join(found)[:200]}") from None


def separator_of(table: Table) -> str | None:
    """The first separator that occurs in a label of more than one word's cells; None where cells are lists or single labels."""
    cells = [value for value in table.values(table.one(ColumnKind.LABEL)) if isinstance(value, str)]
    return next((mark for mark in SEPARATORS if any(mark in cell for cell in cells)), None)
