"""Read Parquet, batch by batch, no more than the bounds allow."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.table.cells import plain
from core.table.raw import Bounds, RawRow, RawTable, checked_header, left_out, text_trouble, texts_of
from core.table.values import RowProblem

BATCH_ROWS = 1024


def read_parquet(path: Path, bounds: Bounds) -> RawTable:
    """Read every column; the first row counts as line 2, as below a header.

    Raises:
        InputError: not Parquet, damaged, or unpacked it is larger than the bounds.
    """
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    try:
        with parquet.ParquetFile(path, memory_map=False) as file:
            facts = file.metadata
            bounds.check_rows(path.name, facts.num_rows)
            unpacked = sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups))
            if unpacked > bounds.max_bytes:
                raise InputError(
                    f"{path.name} unpacks to {unpacked / 2**20:,.0f} MiB, more than {bounds.max_bytes / 2**20:,.0f} MiB; split it"
                )
            header = checked_header(path.name, file.schema_arrow.names)
            held_bytes = 0
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                held_bytes += batch.nbytes
                bounds.check_rows(path.name, len(rows) + len(problems) + batch.num_rows)
                if held_bytes > bounds.max_bytes:  # the file's own figures may lie
                    raise InputError(f"{path.name} unpacks to more than {bounds.max_bytes / 2**20:,.0f} MiB; split it")
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    line = len(rows) + len(problems) + 2
                    cells = tuple(plain(value) for value in values)
                    if trouble := next((said for cell in cells for text in texts_of(cell) if (said := text_trouble(text))), ""):
                        problems.append(left_out(line, trouble))
                    else:
                        rows.append(RawRow(line, cells))
    except (arrow.ArrowException, OSError, ValueError, OverflowError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path.name} cannot be read as Parquet: {reason}") from error
    return RawTable(path.name, header, rows, problems)
