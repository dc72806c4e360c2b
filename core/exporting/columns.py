"""The columns that an exported model reads, by the kinds that it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.errors import ModelError
from core.table import Table, recast
from core.table.values import ColumnKind

NOT_READ = (ColumnKind.LABEL, ColumnKind.GROUP, ColumnKind.ID, ColumnKind.WEIGHT)


def cast_columns(table: Table, kinds: Mapping[str, str | ColumnKind]) -> Table:
    """The table with these columns alone, of these kinds; as it is where none is named.

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
    made = recast(table, known, optional=[name for name, kind in known.items() if kind in NOT_READ])
    return replace(made, columns=tuple(c for c in made.columns if c.name in known))
