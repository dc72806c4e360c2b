"""Words that stand in a table's pictures as one more column of text, so that text is learned from images too."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from core.encoders.reading import MOST_CHARACTERS, PictureReader, WrittenLine, as_words
from core.errors import InputError
from core.samples import Image, Modality
from core.table.cell_reading import Cell, cells_of
from core.table.media import MediaBounds
from core.table.progress import Progress
from core.table.values import WORDS_IN, Column, ColumnKind, RowProblem, Table
from core.weights import cache_root

log = logging.getLogger(__name__)

FOLDER = "words"
MOST_ENTRY_BYTES = 1 << 20
SIDE_PX = 2048  # small print needs more than the pictures that are looked at as a whole


class Reader(Protocol):
    """What reads a picture.

    Attributes:
        name: another name may give other words.
    """

    name: str

    def read(self, picture: Image) -> tuple[WrittenLine, ...]:
        """The lines of a picture, in reading order."""
        ...


def with_words(
    table: Table,
    column: str | None = None,
    *,
    reader: Reader | None = None,
    cache: Path | None = None,
    say: Callable[[str], None] = print,
    bounds: MediaBounds | None = None,
) -> Table:
    """The table with a column of text for each column of pictures: the words that are read in them.

    Args:
        table: as read.
        column: of pictures; all of them where it is not given.
        reader: the packaged one where it is not given.
        cache: folder of what was read; a picture is known by a hash of its file.
        say: told how far it has come, and in how many pictures there were words.
        bounds: how much of a file is read.

    Returns:
        The same rows and ids. A picture without words, or one that cannot be read, has no value; the latter is among the problems.

    Raises:
        InputError: there is no such column of pictures, or the table has a column of the new one's name.
        ModelError: the reader's weights are not here or damaged.
    """
    pictured = table.of(ColumnKind.IMAGE)
    chosen = pictured if column is None else tuple(name for name in pictured if name == column)
    if not chosen:
        wanted = "column of pictures" if column is None else f"column of pictures {column!r}"
        raise InputError(
            f"{table.name}: words are read in pictures, and there is no {wanted}; the columns are: {table.columns_in_words[:500]}"
        )
    if taken := [name for name in chosen if any(c.name == WORDS_IN + name for c in table.columns)]:
        raise InputError(f"{table.name} has a column {WORDS_IN + taken[0]!r} already; its pictures' words are read only once")
    cells = [cell for cell in cells_of(table, Modality.IMAGE) if cell.column in chosen]
    found, problems = _read_all(
        table, cells, _Kept(reader, cache or cache_root() / FOLDER), bounds or MediaBounds(max_side_px=SIDE_PX), say
    )
    say(f"words were read in {len(found)} of {len(cells)} pictures")
    rows = [{**row, **{WORDS_IN + name: found.get((place, name)) for name in chosen}} for place, row in enumerate(table.rows)]
    columns = tuple(Column(WORDS_IN + name, ColumnKind.TEXT, f"words in the pictures of {name!r}") for name in chosen)
    return replace(
        table,
        columns=(*table.columns, *columns),
        rows=tuple(rows),
        problems=tuple(sorted((*table.problems, *problems), key=lambda one: one.line)),
    )


def _read_all(
    table: Table, cells: list[Cell], kept: _Kept, bounds: MediaBounds, say: Callable[[str], None]
) -> tuple[dict[tuple[int, str], str], list[RowProblem]]:
    found: dict[tuple[int, str], str] = {}
    problems: list[RowProblem] = []
    progress = Progress("words in pictures", len(cells), say)
    for cell in cells:
        try:
            words = kept.words(cell, table.root, bounds)
            if words:
                found[(cell.row, cell.column)] = words
        except InputError as error:
            problems.append(RowProblem(cell.line, WORDS_IN + cell.column, str(error), is_row_left_out=False))
        progress.advance(1)
    return found, problems


class _Kept:
    """Words by the content of a picture's file and the reader's name, a small JSON file each."""

    def __init__(self, reader: Reader | None, folder: Path) -> None:
        self._reader: Reader = PictureReader() if reader is None else reader
        self._folder = folder / hashlib.blake2b(self._reader.name.encode(), digest_size=8).hexdigest()

    def words(self, cell: Cell, root: Path, bounds: MediaBounds) -> str:
        """The words in the picture of a cell.

        Raises:
            InputError: it cannot be read.
        """
        path = self._folder / f"{cell.key(root, bounds)}.json"
        kept = self._kept(path)
        if kept is not None:
            return kept
        picture = cell.open(root, bounds)
        if not isinstance(picture, Image):
            raise InputError("it is no picture")
        words = as_words(self._reader.read(picture))
        self._keep(path, words)
        return words

    def _kept(self, path: Path) -> str | None:
        try:
            with path.open("rb") as file:
                told: Any = json.loads(file.read(MOST_ENTRY_BYTES))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            log.warning("cached words %s are damaged (%s); the picture is read again", path.name, error)
            return None
        if not isinstance(told, Mapping) or told.get("reader") != self._reader.name or not isinstance(told.get("words"), str):
            log.warning("cached words %s are not what was written; the picture is read again", path.name)
            return None
        return str(told["words"])[:MOST_CHARACTERS]

    def _keep(self, path: Path, words: str) -> None:
        """Keep what was read. A full or read-only disk is said in the log and otherwise no matter."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".part-", delete=False) as part:
                try:
                    json.dump({"reader": self._reader.name, "words": words}, part, ensure_ascii=False)
                    part.close()
                    Path(part.name).replace(path)
                finally:
                    Path(part.name).unlink(missing_ok=True)
        except OSError as error:
            log.warning("words cannot be cached in %s: %s", self._folder, error)
