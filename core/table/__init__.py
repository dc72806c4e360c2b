"""Tables: labelled multimodal examples as people have them, one row a sample, columns by kind."""

from core.table.frames import from_dataset, from_pandas
from core.table.inference import ColumnFacts, describe
from core.table.reading import read_table, recast
from core.table.values import Column, ColumnKind, RowProblem, Table

__all__ = ["Column", "ColumnFacts", "ColumnKind", "RowProblem", "Table", "describe", "from_dataset", "from_pandas", "read_table", "recast"]
