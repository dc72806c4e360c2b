"""A study and its record as one row of a multimodal table: the columns that the findings model reads.

`image_1` to `image_N` hold the key images, `study` what the study says of itself, `record`, `history` and `symptoms` words, and a
column a number or category of the record (`temperature_degc`, `age_years`, `sex`). Any of them may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError
from core.samples import ByteArray
from core.table.values import Column, ColumnKind, Table

MOST_IMAGES = 4
STUDY, RECORD, HISTORY, SYMPTOMS = "study", "record", "history", "symptoms"
WORDS = (STUDY, RECORD, HISTORY, SYMPTOMS)  # each is called as the attribute of a row that it holds
ID, PATIENT, FINDINGS = "id", "patient", "findings"
MOST_VALUES = 200


def image_column(number: int) -> str:
    """The column of the nth key image, from 1."""
    return f"image_{number}"


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one study.

    Attributes:
        id: of the study, as the table is to call it; no identifier of a person.
        images: key images, `[height, width, 3]` each, the first ones are used.
        study: what the study says of itself, in sentences.
        record: what the record says, in sentences.
        history, symptoms: free text.
        values: numbers and categories of the record by column.
        patient: what must not be split between training and test; no identifier of a person.
        findings: the true ones, empty for none, or None where they are not known.
        modality, body_part: of the study, so that a model is only asked about what it has seen; no columns.
    """

    id: str
    images: tuple[ByteArray, ...] = field(default=(), repr=False)
    study: tuple[str, ...] = ()
    record: tuple[str, ...] = field(default=(), repr=False)
    history: str = field(default="", repr=False)
    symptoms: str = field(default="", repr=False)
    values: Mapping[str, float | str | None] = field(default_factory=dict, repr=False)
    patient: str = ""
    findings: tuple[str, ...] | None = None
    modality: str = ""
    body_part: str = ""


def as_table(rows: Sequence[Row], folder: Path, *, kinds: Mapping[str, ColumnKind] | None = None, name: str = "studies") -> Table:
    """Rows as a table, their pictures written as PNG files into a folder that is ours.

    Args:
        rows: at least one.
        folder: for the pictures; must exist.
        kinds: the columns of a model that was trained already; else columns are made for what the rows hold.
        name: for messages.

    Raises:
        InputError: there are no rows, or more columns of values than are read.
    """
    if not rows:
        raise InputError(f"{name}: there are no studies")
    values = sorted({column for row in rows for column in row.values})
    if len(values) > MOST_VALUES:
        raise InputError(f"{name}: the records hold {len(values)} different values, more than {MOST_VALUES}; leave some out")
    columns = _known(kinds) if kinds else _made(rows, values)
    asked = {column.name for column in columns}
    pictures = sorted(c for c in asked if c.startswith("image_"))
    cells = [_cells(row, place, pictures, folder) for place, row in enumerate(rows)]
    told = tuple({column: cell.get(column) for column in asked} for cell in cells)
    return Table(name, columns, told, tuple(row.id for row in rows), tuple(range(2, len(rows) + 2)), folder)


def _cells(row: Row, place: int, pictures: Iterable[str], folder: Path) -> dict[str, Any]:
    cells: dict[str, Any] = dict(row.values)
    words = {STUDY: " ".join(row.study), RECORD: " ".join(row.record), HISTORY: row.history, SYMPTOMS: row.symptoms}
    cells |= {column: text.strip() or None for column, text in words.items()}
    for column, rgb in zip(pictures, row.images, strict=False):
        cells[column] = _written(rgb, folder / f"{place}-{column}.png")
    return cells | {ID: row.id, PATIENT: row.patient or None, FINDINGS: row.findings}


def _written(rgb: ByteArray, path: Path) -> str:
    """The picture's name within the folder; padded to a square, because encoders look at the middle square and a film is wider."""
    from PIL import Image

    Image.fromarray(padded(rgb)).save(path, compress_level=1)
    return path.name


def padded(rgb: ByteArray) -> ByteArray:
    """The picture in the middle of a black square."""
    height, width = rgb.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return np.pad(rgb, ((top, side - height - top), (left, side - width - left), (0, 0)))


def _known(kinds: Mapping[str, ColumnKind]) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in kinds.items())


def _made(rows: Sequence[Row], values: Sequence[str]) -> tuple[Column, ...]:
    most = min(MOST_IMAGES, max(len(row.images) for row in rows))
    words = [column for column in WORDS if any(getattr(row, column) for row in rows)]
    columns = [Column(image_column(n), ColumnKind.IMAGE) for n in range(1, most + 1)]
    columns += [Column(column, ColumnKind.TEXT) for column in words]
    columns += [Column(column, _kind(rows, column)) for column in values]
    columns += [Column(ID, ColumnKind.ID), Column(PATIENT, ColumnKind.GROUP)]
    if any(row.findings is not None for row in rows):
        columns.append(Column(FINDINGS, ColumnKind.LABEL))
    return tuple(columns)


def _kind(rows: Sequence[Row], column: str) -> ColumnKind:
    found = [value for row in rows if (value := row.values.get(column)) is not None]
    return ColumnKind.NUMBER if found and all(isinstance(value, float | int) for value in found) else ColumnKind.CATEGORY
