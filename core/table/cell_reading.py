"""The cells of a row that bring a modality, each with a key of what it holds and a way to open it; nothing is opened before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.feature_cache import content_key
from core.samples import Modality, Payload, Tabular, Text
from core.table.media import VERSION, MediaBounds, open_audio, open_image, open_video
from core.table.media_paths import find_media
from core.table.series_files import open_series, series_from_list
from core.table.values import ColumnKind, Table

_OPENERS: dict[ColumnKind, Callable[[Path, MediaBounds], Payload]] = {
    ColumnKind.IMAGE: open_image,
    ColumnKind.AUDIO: open_audio,
    ColumnKind.VIDEO: open_video,
    ColumnKind.SERIES: open_series,
}
_TABULAR = (ColumnKind.NUMBER, ColumnKind.CATEGORY)
TABULAR_COLUMN = ""  # the numbers and categories of a row are one observation, of no one column


@dataclass(frozen=True, slots=True)
class Cell:
    """One observation to be.

    Attributes:
        row: place in the table.
        line: in the file.
        column: its name.
        modality: what it brings.
        given: path, words, list of numbers, or values by column.
        kind: of the column.
        prefix: the column's name, to be said with it where several columns bring this modality; else empty.
    """

    row: int
    line: int
    column: str
    modality: Modality
    given: Any
    kind: ColumnKind
    prefix: str

    def key(self, root: Path, bounds: MediaBounds) -> str:
        """A hash of what it holds; a file is hashed as it is, not decoded.

        Raises:
            InputError: the file cannot be used.
        """
        if not self.is_file:
            return content_key(self.open(root, bounds))
        path = find_media(root, self.given)
        try:
            bounds.check_file(path)
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20))
        except OSError as error:
            raise InputError(f"the file cannot be read: {error.strerror or error}") from error
        digest.update(f"{self.modality}:{VERSION}:{bounds}:{path.suffix.casefold()}".encode())
        return digest.hexdigest()

    @property
    def is_file(self) -> bool:
        """Is it in a file of its own?"""
        return self.kind in _OPENERS and isinstance(self.given, str)

    def open(self, root: Path, bounds: MediaBounds) -> Payload:
        """The payload.

        Raises:
            InputError: it cannot be read.
        """
        if self.is_file:
            path = find_media(root, self.given)
            try:
                return _OPENERS[self.kind](path, bounds)
            except OSError as error:
                raise InputError(f"the file cannot be read: {error.strerror or error}") from error
        if self.kind is ColumnKind.SERIES:
            return series_from_list(self.given, self.column, bounds)
        if self.kind is ColumnKind.TEXT:
            return Text((f"{self.prefix}: {self.given}" if self.prefix else self.given,))
        return Tabular(self.given)


def cells_of(table: Table, modality: Modality) -> Iterator[Cell]:
    """Every cell that brings a modality, row by row, columns in the table's order.

    Args:
        table: the rows.
        modality: numbers and categories of a row are one cell.
    """
    columns = [c for c in table.columns if c.kind.modality is modality]
    for place, (row, line) in enumerate(zip(table.rows, table.lines, strict=True)):
        if modality is Modality.TABULAR:
            values: Mapping[str, Any] = {c.name: row.get(c.name) for c in columns}
            if any(value is not None for value in values.values()):
                yield Cell(place, line, TABULAR_COLUMN, modality, values, ColumnKind.NUMBER, "")
            continue
        for column in columns:
            value = row.get(column.name)
            if value is not None:
                prefix = _spoken(column.name) if len(columns) > 1 else ""
                yield Cell(place, line, column.name, modality, value, column.kind, prefix)


def _spoken(name: str) -> str:
    return " ".join(name.replace("_", " ").split())
