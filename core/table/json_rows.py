"""Read JSONL (an object a line) and JSON lists of objects, each row with the line where it begins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.table.cells import plain, short
from core.table.raw import MAX_COLUMNS, Bounds, RawRow, RawTable, checked_header, left_out, text_trouble, texts_of
from core.table.values import RowProblem

MAX_LINE_CHARACTERS = 16 << 20
_BLANK = " \t\r\n"
_Object = tuple[int, Any, str]  # line, the object, what is wrong with it


def read_jsonl(path: Path, bounds: Bounds) -> RawTable:
    """Read one object a line; a line that is none is reported.

    Raises:
        InputError: no line holds an object, or there are too many.
    """
    return _table(path, _objects_by_line(path), bounds)


def read_json(path: Path, bounds: Bounds) -> RawTable:
    """Read a list of objects.

    Raises:
        InputError: it is none, or breaks off.
    """
    return _table(path, _objects_in_list(path), bounds)


def _table(path: Path, objects: Iterator[_Object], bounds: Bounds) -> RawTable:
    place: dict[str, int] = {}
    found: list[tuple[int, dict[str, Any]]] = []
    problems: list[RowProblem] = []
    for line, value, given_trouble in objects:
        bounds.check_rows(path.name, len(found) + len(problems) + 1)
        trouble = given_trouble or _trouble(value)
        if trouble:
            problems.append(left_out(line, trouble))
            continue
        for key in value:
            place.setdefault(key, len(place))
        if len(place) > MAX_COLUMNS:
            raise InputError(
                f"{path.name}: more than {MAX_COLUMNS:,} different keys by line {line}; a table has the same keys in every row"
            )
        found.append((line, value))
    if not found:
        first = f"; line {problems[0].line}: {problems[0].message}" if problems else ""
        raise InputError(f'{path.name} holds no row, an object such as {{"text": "...", "label": "..."}}{first}')
    header = checked_header(path.name, place)
    rows = [RawRow(line, tuple(plain(value.get(key)) for key in place)) for line, value in found]
    return RawTable(path.name, header, rows, problems)


def _trouble(value: Any) -> str:
    if not isinstance(value, dict):
        return f"{short(value)} is not an object"
    return next((said for key, one in value.items() for text in (key, *texts_of(plain(one))) if (said := text_trouble(text))), "")


def _objects_by_line(path: Path) -> Iterator[_Object]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
        line = 0
        while text := file.readline(MAX_LINE_CHARACTERS):
            line += 1
            if len(text) == MAX_LINE_CHARACTERS and not text.endswith("\n"):
                raise InputError(f"{path.name}, line {line}: longer than {MAX_LINE_CHARACTERS:,} characters; JSONL has one object a line")
            if not text.strip(_BLANK):
                continue
            try:
                yield line, json.loads(text, object_pairs_hook=_no_twins), ""
            except RecursionError:
                yield line, None, "it is nested too deeply"
            except ValueError as error:
                yield line, None, f"not JSON: {_reason(error)}"


def _objects_in_list(path: Path) -> Iterator[_Object]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 (byte {error.start:,}); save it as UTF-8") from error
    decoder = json.JSONDecoder(object_pairs_hook=_no_twins)
    at = _after_blanks(text, 0)
    if text[at : at + 1] != "[":
        raise InputError(f"{path.name} is not a list of objects; begin it with '[', or call it .jsonl if it has one object a line")
    at = _after_blanks(text, at + 1)
    counted, line = 0, 1
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path.name}, line {line}: not JSON: {_reason(error)}") from error
        yield line, value, ""
        at = _after_blanks(text, at)
        if text[at : at + 1] == ",":
            at = _after_blanks(text, at + 1)
        elif text[at : at + 1] != "]":
            raise InputError(f"{path.name}, line {line}: the list breaks off after the object that begins here")


def _after_blanks(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _BLANK:
        at += 1
    return at


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _reason(error: Exception) -> str:
    said = str(error) or "nested too deeply"
    return said.split(":")[0].split(";")[0][:120]
