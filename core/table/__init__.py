"""Tables: labelled multimodal examples as people have them, one row a sample, columns by kind."""

from core.table.values import Column, ColumnKind, RowProblem, Table

__all__ = ["Column", "ColumnKind", "RowProblem", "Table"]
