"""The columns that a model reads, by the kinds that it was trained on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from core.errors import ModelError
from core.table.reading import recast
from core.table.values import ColumnKind, Table

NOT_READ = (ColumnKind.LABEL, ColumnKind.GROUP, ColumnKind.ID, ColumnKind.WEIGHT)


def cast_columns(table: Table, kinds: Mapping[str, str | ColumnKind], *, optional: Collection[ColumnKind] = NOT_READ) -> Table:
    """The table with these columns alone, of these kinds; as it is where none is named.

    Args:
        table: as read.
        kinds: of the columns, by name.
        optional: kinds of columns that may be missing.

    Raises:
        InputError: a column is missing that the model reads.
        ModelError: a kind is not one.
    """
    if not kinds:
        return table
    try:
        known = {str(name): ColumnKind(kind) for name, kind in kinds.items()}
    except ValueError as error:
        raise ModelError(f"the model names a kind of column that is none: {error}; export again") from error
    made = recast(table, known, optional=[name for name, kind in known.items() if kind in optional])
    return replace(made, columns=tuple(c for c in made.columns if c.name in known))
