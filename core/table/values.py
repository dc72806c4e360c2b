"""Table, its columns, and the rows that could not be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.samples import Modality

WORDS_IN = "words in "  # begins the name of a column whose words were read in pictures


class ColumnKind(StrEnum):
    """What a column holds, and so how it is read."""

    TEXT = "text"  # words
    IMAGE = "image"  # path of a picture, inside the table's folder
    VIDEO = "video"  # path of a film
    AUDIO = "audio"  # path of a sound
    SERIES = "series"  # path of a CSV/npy of numbers over time, or a list of numbers
    NUMBER = "number"
    CATEGORY = "category"
    LABEL = "label"  # what is to be learned
    TOKENS = "tokens"  # words of a sentence, one label each
    TAGS = "tags"  # IOB2 tags of those words
    QUESTION = "question"  # what is asked of the row
    ID = "id"
    GROUP = "group"  # what must not be split between training and test
    WEIGHT = "weight"  # how much a row counts in training
    IGNORED = "ignored"

    @property
    def modality(self) -> Modality | None:
        """The modality that a column of this kind brings, if it brings one."""
        return _MODALITIES.get(self)


_MODALITIES = {
    ColumnKind.TEXT: Modality.TEXT,
    ColumnKind.IMAGE: Modality.IMAGE,
    ColumnKind.VIDEO: Modality.VIDEO,
    ColumnKind.AUDIO: Modality.AUDIO,
    ColumnKind.SERIES: Modality.SERIES,
    ColumnKind.NUMBER: Modality.TABULAR,
    ColumnKind.CATEGORY: Modality.TABULAR,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: as in the header.
        kind: what it holds.
        reason: why it was taken for that: 'given', or what was seen in its values.
    """

    name: str
    kind: ColumnKind
    reason: str = "given"


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row, or one value of it, is not used.

    Attributes:
        line: its line in the file, the header being line 1; its place plus 1 where there is no file.
        column: which column, or empty for the whole row.
        message: what is wrong.
        is_row_left_out: the whole row is not used; else only this value counts as missing.
    """

    line: int
    column: str
    message: str
    is_row_left_out: bool

    def __str__(self) -> str:
        where = f"line {self.line}" + (f", column {self.column!r}" if self.column else "")
        return f"{where}: {self.message}" + (" (row left out)" if self.is_row_left_out else "")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of examples.

    Attributes:
        name: of the file, or what the caller calls it.
        columns: in the file's order.
        rows: column name to value; None where it is missing. Numbers are floats, lists are tuples, everything else is text.
        ids: of the rows, unique.
        lines: where each row stands in its file.
        root: the folder that media paths are relative to and must not leave.
        problems: rows and values that are not used.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    ids: tuple[str, ...]
    lines: tuple[int, ...]
    root: Path
    problems: tuple[RowProblem, ...] = ()

    def __post_init__(self) -> None:
        if len({len(self.rows), len(self.ids), len(self.lines)}) != 1:
            raise InputError(f"{self.name}: rows, ids and lines must be of one length")

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, *kinds: ColumnKind) -> tuple[str, ...]:
        """Names of the columns of these kinds, in order."""
        return tuple(c.name for c in self.columns if c.kind in kinds)

    def one(self, kind: ColumnKind) -> str:
        """The name of the only column of a kind.

        Raises:
            InputError: there is none, or several.
        """
        found = self.of(kind)
        if len(found) != 1:
            raise InputError(f"{self.name}: one {kind} column is needed, there are {len(found)}; the columns are: {self.columns_in_words}")
        return found[0]

    @property
    def columns_in_words(self) -> str:
        """Every column with its kind, for a message."""
        return ", ".join(f"{c.name} ({c.kind})" for c in self.columns)

    def values(self, name: str) -> tuple[Any, ...]:
        """One column's values."""
        return tuple(row.get(name) for row in self.rows)

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of each row; its id where no group is given."""
        named = self.of(ColumnKind.GROUP)
        if not named:
            return self.ids
        return tuple(name if row.get(named[0]) is None else str(row[named[0]]) for row, name in zip(self.rows, self.ids, strict=True))

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that its columns bring, each once."""
        return tuple(dict.fromkeys(m for c in self.columns if (m := c.kind.modality) is not None))

    def select(self, places: Sequence[int]) -> Table:
        """The rows at these places, in this order."""
        return replace(
            self,
            rows=tuple(self.rows[i] for i in places),
            ids=tuple(self.ids[i] for i in places),
            lines=tuple(self.lines[i] for i in places),
        )

    def by_ids(self, ids: Sequence[str]) -> Table:
        """The rows of these ids, in this order.

        Raises:
            InputError: an id is not there.
        """
        place = {name: index for index, name in enumerate(self.ids)}
        if unknown := [name for name in ids if name not in place]:
            raise InputError(f"{self.name}: there is no row {unknown[0]!r}")
        return self.select([place[name] for name in ids])
