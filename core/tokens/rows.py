"""Rows of a table as a tagger takes them: words, tags, what an optical reader gave, and the tokens of their pictures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from core.errors import InputError
from core.samples import FloatArray
from core.table import ColumnKind, Table
from core.table.media_paths import find_media
from core.tokens.printed import Line
from core.tokens.tagging import Sentence

log = logging.getLogger(__name__)

MOST_WORDS = 20_000
MOST_READ_CHARACTERS = 4_000  # of a printed line: comparing two texts costs their lengths' product
Looks = Literal["none", "line", "scene"]
Words = tuple[str, ...]


def words_and_tags(table: Table, *, has_tags: bool) -> list[tuple[Words, Words]]:
    """Words of each row with their tags; no tags where they are not asked for.

    Raises:
        InputError: there is no such column, or not one tag a word; says in which line.
    """
    words_in = table.one(ColumnKind.TOKENS)
    tags_in = table.one(ColumnKind.TAGS) if has_tags else None
    found = []
    for row, line in zip(table.rows, table.lines, strict=True):
        words = _list(row.get(words_in))
        tags = _list(row.get(tags_in)) if tags_in else ()
        if tags_in and len(words) != len(tags):
            raise InputError(f"{table.name}, line {line}: {len(words)} words and {len(tags)} tags; each word needs one")
        if len(words) > MOST_WORDS:
            raise InputError(f"{table.name}, line {line}: {len(words)} words are more than the {MOST_WORDS} that are read")
        found.append((words, tags))
    return found


def sentences(table: Table, looks: Looks, *, has_tags: bool) -> list[Sentence]:
    """Words, tags and pictures.

    Raises:
        InputError: as `words_and_tags`; or pictures are to be looked at and there is no one column of them.
    """
    import torch

    rows = words_and_tags(table, has_tags=has_tags)
    if looks == "none":
        return [Sentence(*row) for row in rows]
    shown = _each_once(table, table.one(ColumnKind.IMAGE), _line_encoder() if looks == "line" else _scene_encoder())
    return [Sentence(*row, None if one is None else torch.from_numpy(one)) for row, one in zip(rows, shown, strict=True)]


def lines(table: Table, *, has_tags: bool) -> list[Line]:
    """Printed lines: crops, what an optical reader gave where there is a column of text, and typed words with tags where asked for.

    Raises:
        InputError: there is neither picture nor text, or several columns of either; or as `words_and_tags`.
    """
    if not table.of(ColumnKind.IMAGE, ColumnKind.TEXT):
        raise InputError(
            f"{table.name}: a model that rereads needs a column of pictures, or of text as an optical reader gave it; "
            f"the columns are: {table.columns_in_words}"
        )
    read = table.values(table.one(ColumnKind.TEXT)) if table.of(ColumnKind.TEXT) else (None,) * len(table)
    for text, line in zip(read, table.lines, strict=True):
        if text is not None and len(text) > MOST_READ_CHARACTERS:
            raise InputError(
                f"{table.name}, line {line}: {len(text)} characters are more than the {MOST_READ_CHARACTERS} of a printed line"
            )
    rows = words_and_tags(table, has_tags=True) if has_tags else [((), ())] * len(table)
    pictured = bool(table.of(ColumnKind.IMAGE))
    shown = _each_once(table, table.one(ColumnKind.IMAGE), _line_encoder()) if pictured else [None] * len(table)
    return [Line(str(text or ""), one, *row) for text, one, row in zip(read, shown, rows, strict=True)]


def _each_once(table: Table, column: str, encode: Callable[[Path], FloatArray]) -> list[FloatArray | None]:
    """Tokens of each row's picture, rows of one file sharing theirs; None where it is missing or cannot be read, which is logged."""
    known: dict[Path, FloatArray] = {}
    found: list[FloatArray | None] = []
    for row, line in zip(table.rows, table.lines, strict=True):
        named = row.get(column)
        if named is None:
            found.append(None)
            continue
        try:
            path = find_media(table.root, str(named))
            if path not in known:
                known[path] = encode(path)
            found.append(known[path])
        except InputError as error:
            log.warning("%s, line %d: %s; the row counts as one without a picture", table.name, line, error)
            found.append(None)
    return found


def _line_encoder() -> Callable[[Path], FloatArray]:
    from core.tokens.printed_lines import LineEncoder, read_grey

    encoder = LineEncoder()
    return lambda path: encoder.encode(read_grey(path))


def _scene_encoder() -> Callable[[Path], FloatArray]:
    from core.encoders.image import ImageEncoder
    from core.samples import Observation
    from core.table.media import MediaBounds, open_image

    encoder = ImageEncoder()
    return lambda path: encoder.encode([Observation(open_image(path, MediaBounds()), path.name)]).tokens[0].copy()


def _list(value: Any) -> Words:
    if value is None:
        return ()
    return tuple(value.split()) if isinstance(value, str) else tuple(str(one) for one in value)
