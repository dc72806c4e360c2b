"""Rows as a file gives them, before anyone has said what the columns hold; and how much of a file is read at most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.table.values import RowProblem

MAX_BYTES = 512 << 20
MAX_ROWS = 500_000
MAX_COLUMNS = 2_000
MAX_CELL_CHARACTERS = 131_072  # as the csv module


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a table is read at most; more is refused, never cut in silence.

    Attributes:
        max_bytes: of the file, unpacked.
        max_rows: of the table.
    """

    max_bytes: int = MAX_BYTES
    max_rows: int = MAX_ROWS

    def check_file(self, path: Path) -> None:
        """Refuse what is no file, empty or too large.

        Raises:
            InputError: it is.
        """
        try:
            if not path.exists():
                raise InputError(f"there is no table at {path}; give the path of a CSV, TSV, Parquet, JSON, JSONL or CoNLL file")
            if not path.is_file():
                raise InputError(f"{path} is not a file; give the path of a table")
            size = path.stat().st_size
        except (OSError, ValueError) as error:
            raise InputError(f"{str(path)[:200]!r} cannot be read: {error}") from error
        if not size:
            raise InputError(f"{path.name} is empty; a table needs a header and rows")
        if size > self.max_bytes:
            raise InputError(
                f"{path.name} has {size / 2**20:,.0f} MiB, more than the {self.max_bytes / 2**20:,.0f} MiB that are read; split it"
            )

    def check_rows(self, name: str, count: int) -> None:
        """Refuse more rows than the bound.

        Raises:
            InputError: there are more.
        """
        if count > self.max_rows:
            raise InputError(f"{name} has more than {self.max_rows:,} rows; split it, or allow more (max_rows)")


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row.

    Attributes:
        line: where it begins.
        values: a plain value a column of the header (`core.table.cells.plain`), in its order.
    """

    line: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class RawTable:
    """What a file holds.

    Attributes:
        name: of the file.
        header: names of the columns, each once.
        rows: those that could be read.
        problems: those that could not.
    """

    name: str
    header: tuple[str, ...]
    rows: list[RawRow]
    problems: list[RowProblem]


def left_out(line: int, message: str) -> RowProblem:
    """A row that is not used."""
    return RowProblem(line, "", message, is_row_left_out=True)


def checked_header(name: str, cells: Iterable[Any]) -> tuple[str, ...]:
    """Column names: trimmed, a nameless column called by its place.

    Raises:
        InputError: none, too many, one twice, or bytes that are no text.
    """
    header = tuple(" ".join(str(cell).split()) or f"column_{place}" for place, cell in enumerate(cells, 1))
    if not header:
        raise InputError(f"{name} has no columns; a table needs a header and rows")
    if len(header) > MAX_COLUMNS:
        raise InputError(f"{name} has {len(header):,} columns, more than {MAX_COLUMNS:,}")
    seen: set[str] = set()
    for column in header:
        if trouble := text_trouble(column):
            raise InputError(f"{name}: the header {trouble}; is it a table, in UTF-8?")
        if column in seen:
            raise InputError(f"{name}: the column {column[:60]!r} is twice in the header; give each its own name")
        seen.add(column)
    return header


def text_trouble(text: str) -> str:
    """What makes text unusable, in words after its name; empty where nothing does."""
    if "\0" in text:
        return "holds a NUL byte"
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        return "holds bytes that are not UTF-8"
    return f"has more than {MAX_CELL_CHARACTERS:,} characters in a cell" if len(text) > MAX_CELL_CHARACTERS else ""


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a plain value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from texts_of(one)
