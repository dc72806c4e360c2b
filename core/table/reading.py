"""Read a table from a file: CSV, TSV, Parquet, JSON, JSONL or CoNLL columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.table.conll import read_conll
from core.table.conversion import build_table
from core.table.delimited import read_delimited
from core.table.inference import given_kinds, infer_columns
from core.table.json_rows import read_json, read_jsonl
from core.table.raw import MAX_BYTES, MAX_ROWS, Bounds, RawTable
from core.table.values import Column, ColumnKind, Table

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".conll": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bio": "conll",
}


def read_table(
    path: Path | str,
    *,
    kinds: Mapping[str, ColumnKind | str] | None = None,
    label: str | None = None,
    group: str | None = None,
    root: Path | None = None,
    max_rows: int = MAX_ROWS,
    max_bytes: int = MAX_BYTES,
) -> Table:
    """Read a table.

    Args:
        path: its suffix says how it is read.
        kinds: what columns hold, by name, where it is not to be inferred.
        label: the column to be learned; the same as `kinds={label: 'label'}`.
        group: the column whose values must not be split between training and test.
        root: the folder that media paths are relative to and must not leave; the file's own where it is not given.
        max_rows: more is refused.
        max_bytes: a larger file is refused.

    Returns:
        The rows that can be used; the others are told in `problems`, with their lines.

    Raises:
        InputError: it is not there, not readable as a table, too large, has no usable row, or lacks a column that `kinds` names.
    """
    path = Path(path)
    bounds = Bounds(max_bytes, max_rows)
    bounds.check_file(path)
    folder = path.parent if root is None else root
    return table_from_raw(_read(path, folder, bounds), roles(kinds, label=label, group=group), folder)


def roles(
    kinds: Mapping[str, ColumnKind | str] | None = None, *, label: str | None = None, group: str | None = None
) -> dict[str, ColumnKind | str]:
    """Kinds with the label's and the group's column among them."""
    found = dict(kinds or {})
    if label is not None:
        found[label] = ColumnKind.LABEL
    if group is not None:
        found[group] = ColumnKind.GROUP
    return found


def table_from_raw(raw: RawTable, kinds: Mapping[str, ColumnKind | str], root: Path) -> Table:
    """Say what the columns hold, and convert them.

    Raises:
        InputError: as `read_table`.
    """
    given = given_kinds(raw.header, kinds, raw.name)
    if not raw.rows:
        why = f"line {raw.problems[0].line}: {raw.problems[0].message}" if raw.problems else "there is only a header"
        raise InputError(f"{raw.name}: no row can be used; {why}")
    by_column = list(zip(*(row.values for row in raw.rows), strict=True))
    columns = infer_columns(raw.header, by_column, given, root)
    return build_table(raw.name, columns, [row.line for row in raw.rows], [row.values for row in raw.rows], root, raw.problems)


def recast(table: Table, kinds: Mapping[str, ColumnKind | str], *, optional: Iterable[str] = ()) -> Table:
    """The same rows with other kinds of columns: what a model was trained on, whatever was inferred here.

    Args:
        table: as read.
        kinds: by name.
        optional: columns of `kinds` that need not be there, such as the label of rows to be predicted.

    Raises:
        InputError: a column is not there.
    """
    header = [c.name for c in table.columns]
    may_lack = set(optional)
    given = given_kinds(header, {k: v for k, v in kinds.items() if k in header or k not in may_lack}, table.name)
    columns = tuple(Column(c.name, given[c.name]) if c.name in given else c for c in table.columns)
    if columns == table.columns:
        return table
    rows: list[Sequence[Any]] = [tuple(row.get(name) for name in header) for row in table.rows]
    return build_table(table.name, columns, table.lines, rows, table.root, table.problems)


def _read(path: Path, root: Path, bounds: Bounds) -> RawTable:
    form = SUFFIXES.get(path.suffix.casefold())
    try:
        if form == "csv":
            return read_delimited(path, bounds)
        if form == "jsonl":
            return read_jsonl(path, bounds)
        if form == "json":
            return read_json(path, bounds)
        if form == "conll":
            return read_conll(path, root, bounds)
        if form == "parquet":
            from core.table.parquet import read_parquet

            return read_parquet(path, bounds)
    except UnicodeError as error:
        raise InputError(f"{path.name} is not text in UTF-8 ({error.__class__.__name__}); save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}") from error
    raise InputError(f"{path.name}: {path.suffix or 'no suffix'} is not a table's; it must be one of: {', '.join(SUFFIXES)}")
