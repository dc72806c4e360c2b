"""What is asked of a drawing, as numbers: a table's numbers, categories and words, any of them left open.

A number becomes its place between knots (the values that were seen, or sixteen quantiles), a category one of the choices
that were seen, a text its MiniLM vector. Each column has a flag in front: 0, and zeros after it, where nothing is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from core.errors import InputError
from core.samples import FloatArray
from core.table import ColumnKind, Table

if TYPE_CHECKING:
    from core.encoders.text import TextEncoder

KNOTS = 16
BINS = 4  # of a number with more values than knots, where a classifier reads it
MOST_CHOICES = 200
TEXT_WIDTH = 384
TEXT_SCALE = 4.0  # length of a text's vector: about that of some other columns together
CONDITION_KINDS = (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.LABEL, ColumnKind.TEXT)

Kind = Literal["number", "category", "text"]
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Condition:
    """One column that may be asked for.

    Attributes:
        name: of the column.
        kind: how it is read.
        knots: of a number, ascending.
        edges: of a number with more values than knots: inner borders of the bins that a classifier tells apart.
        choices: of a category.
    """

    name: str
    kind: Kind
    knots: tuple[float, ...] = ()
    edges: tuple[float, ...] = ()
    choices: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Numbers that it takes, flag and all."""
        return 1 + (TEXT_WIDTH if self.kind == "text" else len(self.knots) + len(self.choices))

    @property
    def classes(self) -> int:
        """How many answers a classifier chooses from; 0 for words."""
        if self.kind == "text":
            return 0
        return len(self.edges) + 1 if self.edges else len(self.knots) + len(self.choices)

    def class_of(self, value: Any) -> int:
        """Which of them a value is; -1 where nothing is asked.

        Raises:
            InputError: no number, or a choice that was never seen.
        """
        if value is None or value == "":
            return -1
        if self.kind == "category":
            if str(value) not in self.choices:
                known = ", ".join(self.choices[:12])
                raise InputError(f"column {self.name!r}: {str(value)[:40]!r} was not seen in training; choose one of: {known}")
            return self.choices.index(str(value))
        number = _number(self.name, value)
        if self.edges:
            return int(np.searchsorted(self.edges, number, "right"))
        return int(np.abs(np.array(self.knots) - number).argmin())

    def encode(self, value: Any) -> FloatArray:
        """Numbers `[width]` of a value that is no text.

        Raises:
            InputError: as `class_of`.
        """
        row = np.zeros(self.width, np.float32)
        if value is None or value == "":
            return row
        row[0] = 1
        if self.kind == "category":
            row[1 + self.class_of(value)] = 1
            return row
        knots = np.array(self.knots)
        number = float(np.clip(_number(self.name, value), knots[0], knots[-1]))
        above = min(int(np.searchsorted(knots, number)), len(knots) - 1)
        below = max(above - 1, 0)
        share = 1.0 if above == below else (number - knots[below]) / (knots[above] - knots[below])
        row[1 + above] = share
        row[1 + below] += 1 - share
        return row


@dataclass(frozen=True, slots=True)
class Conditions:
    """All of them, in the table's order."""

    columns: tuple[Condition, ...]

    @property
    def width(self) -> int:
        """Numbers that a whole row takes."""
        return sum(c.width for c in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(c.name for c in self.columns)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Begin and end of each column's numbers."""
        ends = np.cumsum([c.width for c in self.columns]).tolist()
        return tuple((end - c.width, end) for c, end in zip(self.columns, ends, strict=True))

    def cast(self, table: Table) -> Table:
        """The table with these columns of the kinds that were trained; what a person chose to ignore, or is not there, stays open.

        Raises:
            InputError: none of the columns is there, or a value cannot be read; says in which line.
        """
        from core.table import recast

        left_aside = {c.name for c in table.columns if c.kind is ColumnKind.IGNORED and c.reason == "given"}
        kinds = {c.name: ColumnKind(c.kind) for c in self.columns if c.name not in left_aside}
        if not any(column.name in kinds for column in table.columns):
            raise InputError(f"{table.name}: none of the columns that can be asked for is there: {', '.join(self.names)}")
        made = recast(table, kinds, optional=kinds)
        if new := [p for p in made.problems if p.column in kinds and p not in table.problems]:
            raise InputError(f"{table.name}, {new[0]}")
        return made

    def encode(self, table: Table) -> FloatArray:
        """Numbers `[rows, width]` of a table that was `cast`.

        Raises:
            InputError: a value cannot be asked for; says in which line.
        """
        return np.concatenate([self._column(table, condition) for condition in self.columns], 1)

    def classes(self, table: Table) -> npt.NDArray[np.int64]:
        """What a classifier should say, `[rows, columns]`; -1 where nothing is asked, and for words.

        Raises:
            InputError: as `encode`.
        """
        out = np.full((len(table), len(self.columns)), -1, np.int64)
        for place, condition in enumerate(self.columns):
            if condition.kind != "text":
                out[:, place] = _by_line(table, condition.class_of, _values(table, condition))
        return out

    def prompts(self, table: Table) -> list[str]:
        """What each row asks for in words: for a person, or a model that reads words."""
        columns = [(c, _values(table, c)) for c in self.columns]
        return [
            ", ".join(
                str(values[i]) if c.kind == "text" else f"{c.name}: {_shown(values[i])}"
                for c, values in columns
                if values[i] not in (None, "")
            )
            for i in range(len(table))
        ]

    def to_json(self) -> list[dict[str, Any]]:
        """As `from_json` reads it."""
        return [
            {"name": c.name, "kind": c.kind, "knots": list(c.knots), "edges": list(c.edges), "choices": list(c.choices)}
            for c in self.columns
        ]

    @classmethod
    def from_json(cls, value: Sequence[Mapping[str, Any]]) -> Conditions:
        """As `to_json` wrote it.

        Raises:
            ValueError: it is not.
        """
        columns = []
        for entry in value:
            kind = str(entry["kind"])
            knots, edges = (tuple(float(v) for v in entry[key]) for key in ("knots", "edges"))
            choices = tuple(str(v) for v in entry["choices"])
            if kind not in ("number", "category", "text") or len(knots) > KNOTS or len(edges) >= BINS or len(choices) > MOST_CHOICES:
                raise ValueError(f"no condition: {kind[:20]}")
            if not all(map(math.isfinite, (*knots, *edges))) or list(knots) != sorted(knots) or (kind == "number") != bool(knots):
                raise ValueError("a number, and nothing else, has knots, ascending")
            columns.append(Condition(str(entry["name"]), kind, knots, edges, choices))  # type: ignore[arg-type]
        if not columns:
            raise ValueError("no conditions")
        return cls(tuple(columns))

    def _column(self, table: Table, condition: Condition) -> FloatArray:
        values = _values(table, condition)
        if condition.kind == "text":
            return _texts([None if v is None else str(v) for v in values])
        rows = _by_line(table, condition.encode, values)
        return np.stack(rows) if rows else np.zeros((0, condition.width), np.float32)


def conditions_of(table: Table) -> Conditions:
    """What can be asked for, after a table of training.

    Raises:
        InputError: no column can be asked for, or one holds nothing, or too many choices.
    """
    found = []
    for column in table.columns:
        if column.kind not in CONDITION_KINDS:
            continue
        values = [v for v in table.values(column.name) if v not in (None, "")]
        if not values:
            raise InputError(f"{table.name}: column {column.name!r} is empty; leave it out")
        if column.kind is ColumnKind.TEXT:
            found.append(Condition(column.name, "text"))
        elif all(_is_number(v) for v in values) and column.kind is not ColumnKind.CATEGORY:
            found.append(_number_condition(column.name, [float(v) for v in values]))
        else:
            choices = tuple(sorted({str(v) for v in values}))
            if len(choices) > MOST_CHOICES:
                many = f"column {column.name!r} has {len(choices)} choices, more than {MOST_CHOICES}"
                raise InputError(f"{table.name}: {many}; make it a text column or leave it out")
            found.append(Condition(column.name, "category", choices=choices))
    if not found:
        wanted = "a number, category, label or text column is needed"
        raise InputError(f"{table.name}: nothing to draw from: {wanted}; the columns are: {table.columns_in_words}")
    return Conditions(tuple(found))


def _values(table: Table, condition: Condition) -> tuple[Any, ...]:
    """What each row asks of a column; None all along where the table lacks it."""
    names = {c.name for c in table.columns if c.kind is not ColumnKind.IGNORED}
    return table.values(condition.name) if condition.name in names else (None,) * len(table)


def _number_condition(name: str, values: list[float]) -> Condition:
    seen = sorted(set(values))
    if len(seen) <= KNOTS:
        return Condition(name, "number", tuple(seen))
    knots = sorted(set(np.quantile(values, np.linspace(0, 1, KNOTS)).tolist()))
    edges = sorted(set(np.quantile(values, np.arange(1, BINS) / BINS).tolist()))
    return Condition(name, "number", tuple(knots), tuple(edges))


def _texts(texts: Sequence[str | None]) -> FloatArray:
    """Flag and MiniLM vector, `[rows, 1 + 384]`."""
    out = np.zeros((len(texts), 1 + TEXT_WIDTH), np.float32)
    said = sorted({text for text in texts if text and text.strip()})
    if said:
        vectors = dict(zip(said, _text_encoder().pooled(said), strict=True))
        for index, text in enumerate(texts):
            if text in vectors:
                out[index, 0] = 1
                out[index, 1:] = vectors[text] * TEXT_SCALE
    return out


@cache
def _text_encoder() -> TextEncoder:
    """Loaded once: `predict` draws, and so asks, a few rows at a time."""
    from core.encoders.text import TextEncoder

    return TextEncoder()


def _by_line(table: Table, read: Callable[[Any], Read], values: Sequence[Any]) -> list[Read]:
    found = []
    for line, value in zip(table.lines, values, strict=True):
        try:
            found.append(read(value))
        except InputError as error:
            raise InputError(f"{table.name}, line {line}: {error}") from error
    return found


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False


def _number(name: str, value: Any) -> float:
    if not _is_number(value):
        raise InputError(f"column {name!r}: {str(value)[:40]!r} is not a number")
    return float(value)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
