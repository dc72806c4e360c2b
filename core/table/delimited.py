"""Read CSV and TSV: exact line numbers, also after quoted line breaks; a bad row is reported, not crashed on."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from core.errors import InputError
from core.table.raw import Bounds, RawRow, RawTable, checked_header, left_out, text_trouble
from core.table.values import RowProblem

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_QUOTED = re.compile(r'"[^"]*"?')


def read_delimited(path: Path, bounds: Bounds) -> RawTable:
    """Read a file with a header and cells between commas, semicolons or tabs.

    Args:
        path: `.tsv` and `.tab` are split at tabs; for others the header's most frequent separator tells.
        bounds: how much is read.

    Raises:
        InputError: no usable header, or too many rows.
    """
    with path.open("rb") as file:
        encoding = "utf-16" if file.read(2) in _UTF16_MARKS else "utf-8-sig"
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"  # a bad byte spoils its row, not the file
    with path.open(encoding=encoding, errors=errors, newline="") as text:
        return _read(text, path, bounds)


def _read(text: TextIO, path: Path, bounds: Bounds) -> RawTable:
    delimiter = "\t" if path.suffix.casefold() in (".tsv", ".tab") else _delimiter(text)
    text.seek(0)
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    header: tuple[str, ...] = ()
    for line, cells, trouble in _lines(text, delimiter):
        if not header:
            if trouble:
                raise InputError(f"{path.name}: the header (line {line}) cannot be read: {trouble}")
            header = checked_header(path.name, cells)
            continue
        bounds.check_rows(path.name, len(rows) + len(problems) + 1)
        if not trouble and len(cells) != len(header):
            trouble = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}, but the header has {len(header)}"
        trouble = trouble or next((said for cell in cells if (said := text_trouble(cell))), "")
        if trouble:
            problems.append(left_out(line, trouble))
        else:
            rows.append(RawRow(line, tuple(cells)))
    if not header:
        raise InputError(f"{path.name} holds only blank lines; a table needs a header and rows")
    return RawTable(path.name, header, rows, problems)


def _lines(text: TextIO, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """Line where a row begins, its cells, and what is wrong with it; blank lines are passed over."""
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        begin = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            upto = f" (to line {reader.line_num})" if reader.line_num > begin else ""
            yield begin, [], f"{_in_words(error)}{upto}"
            continue
        if cells:
            yield begin, cells, ""


def _in_words(error: csv.Error) -> str:
    said = str(error)
    if "unexpected end" in said:
        return "a quote is opened and never closed"
    if "field larger" in said:
        return f"a cell is longer than {csv.field_size_limit():,} characters; is a quote not closed?"
    return f"the quotes are wrong: {said}"


def _delimiter(text: TextIO) -> str:
    head = _QUOTED.sub("", text.readline(65536))
    return max((",", ";", "\t"), key=head.count)  # the first of equals
