"""Tables: labelled multimodal examples as people have them, one row a sample, columns by kind."""

from core.table.inference import ColumnFacts, describe
from core.table.reading import read_table, recast
from core.table.values import Column, ColumnKind, RowProblem, Table

__all__ = ["Column", "ColumnFacts", "ColumnKind", "RowProblem", "Table", "describe", "read_table", "recast"]
