"""Split a table into training and test rows that share no group, and refuse two tables that share rows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.splits import hold_out
from core.table.cells import as_number, short
from core.table.conversion import fingerprint
from core.table.media_paths import find_media
from core.table.samples import labels_of
from core.table.values import ColumnKind, Table

_MEDIA = (ColumnKind.IMAGE, ColumnKind.VIDEO, ColumnKind.AUDIO, ColumnKind.SERIES)
_TELLING = (*_MEDIA, ColumnKind.TEXT, ColumnKind.TOKENS)  # equal numbers and categories are common, and no leak


def split_table(table: Table, *, fraction: float, seed: int = 0, by_time: str | None = None) -> tuple[Table, Table]:
    """Set about a fraction of the rows aside, whole groups at a time, labels in like shares.

    Args:
        table: as read.
        fraction: of the rows, above 0 and at most 0.5.
        seed: which groups.
        by_time: a column of numbers or ISO times: the latest rows are set aside, and those of them whose group is also
            earlier are in neither part.

    Returns:
        Training rows and test rows.

    Raises:
        InputError: fewer than two groups, a fraction that is none, or a time that is missing.
    """
    if not 0 < fraction <= 0.5:
        raise InputError(f"a test fraction of {fraction:g} is not above 0 and at most 0.5")
    if by_time is not None:
        return _split_by_time(table, fraction, by_time)
    labels = labels_of(table)
    split = hold_out(table.ids, labels, table.groups, fraction=fraction, seed=seed)
    held = set(split.validation)
    places = range(len(table))
    return table.select([i for i in places if table.ids[i] not in held]), table.select([i for i in places if table.ids[i] in held])


def check_disjoint(train: Table, test: Table, *, content: bool = True) -> None:
    """Refuse a test that training rows would give away.

    Args:
        train: rows to learn from.
        test: rows to be tested on.
        content: also compare what rows say: words, and media byte by byte under whatever name. Rows of numbers and
            categories alone are not compared, for equal ones are common.

    Raises:
        InputError: an id, a group or a row is in both; says which, and where.
    """
    both = set(train.ids) & set(test.ids)
    if both:
        _refuse("the id", min(both), len(both), train, test, train.ids.index(min(both)), test.ids.index(min(both)))
    if train.of(ColumnKind.GROUP) and test.of(ColumnKind.GROUP):
        groups = set(train.groups) & set(test.groups)
        if groups:
            first = min(groups)
            _refuse("the group", first, len(groups), train, test, train.groups.index(first), test.groups.index(first))
    names = [c.name for c in train.columns if c.kind in _TELLING]
    if not content or not names or names != [c.name for c in test.columns if c.kind in _TELLING]:
        return
    hashes = _media_hashes(train, test)
    place_of = {mark: place for place, mark in enumerate(_marks(train, hashes)) if mark}
    shared = [(place_of[mark], place) for place, mark in enumerate(_marks(test, hashes)) if mark in place_of]
    if shared:
        _refuse("the content of the row", test.ids[shared[0][1]], len(shared), train, test, *shared[0])


def refuse_rows_of_training(table: Table, trained: Collection[str]) -> None:
    """Refuse to measure a model on rows that it was trained or validated on.

    Args:
        table: the rows.
        trained: ids of the model's own.

    Raises:
        InputError: a row is among them.
    """
    if seen := [name for name in table.ids if name in trained]:
        raise InputError(f"{table.name}: {len(seen)} rows were used in training, first {seen[0]!r}; give other rows")


def _refuse(what: str, value: str, count: int, train: Table, test: Table, train_place: int, test_place: int) -> None:
    more = f", and {count - 1} more" if count > 1 else ""
    where = f"{train.name} line {train.lines[train_place]} and {test.name} line {test.lines[test_place]}"
    raise InputError(f"{what} {short(value)} is in training and in test ({where}){more}: a test on it would mean nothing; split by group")


def _marks(table: Table, hashes: dict[Path, str]) -> list[str]:
    """A hash of what each row says; empty where it has no word and no medium."""
    media = table.of(*_MEDIA)
    telling = table.of(*_TELLING)
    found = []
    for row in table.rows:
        told: dict[str, Any] = dict(row)
        for name in media:
            if isinstance(told.get(name), str) and (path := _file(table, told[name])):
                told[name] = hashes.get(path, str(path))
        found.append(fingerprint(told, table.columns) if any(row.get(name) is not None for name in telling) else "")
    return found


def _media_hashes(*tables: Table) -> dict[Path, str]:
    """Hashes of the files whose size is not theirs alone: others cannot be equal."""
    by_size: dict[int, set[Path]] = defaultdict(set)
    for path in {path for table in tables for path in _files(table)}:
        by_size[path.stat().st_size].add(path)
    found: dict[Path, str] = {}
    for paths in by_size.values():
        for path in paths if len(paths) > 1 else ():
            with path.open("rb") as file:
                found[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _files(table: Table) -> Iterable[Path]:
    for name in table.of(*_MEDIA):
        for value in table.values(name):
            if isinstance(value, str) and (path := _file(table, value)):
                yield path


def _file(table: Table, named: str) -> Path | None:
    try:
        return find_media(table.root, named)
    except InputError:
        return None


def _split_by_time(table: Table, fraction: float, column: str) -> tuple[Table, Table]:
    if column not in {c.name for c in table.columns}:
        raise InputError(f"{table.name} has no column {column!r} to split by")
    values = table.values(column)
    for value, line in zip(values, table.lines, strict=True):
        if value is None:
            raise InputError(f"{table.name}, line {line}: the time in {column!r} is missing; every row needs one to be split by time")
    keys = _time_keys(values)
    order = sorted(range(len(table)), key=lambda i: keys[i])
    count = max(1, round(len(order) * fraction))
    if count >= len(order):
        raise InputError(f"{table.name}: {len(order)} rows are too few to be split by time")
    cut = order[len(order) - count]
    earlier = [i for i in order if keys[i] < keys[cut]]
    if not earlier:
        raise InputError(f"{table.name}: too many rows of the same time in {column!r} to be split by it")
    groups = table.groups
    known = {groups[i] for i in earlier}
    later = [i for i in order if keys[i] >= keys[cut] and groups[i] not in known]
    if not later:
        raise InputError(f"{table.name}: every group of the latest rows is also among the earlier ones; split by group instead of by time")
    return table.select(sorted(earlier)), table.select(sorted(later))


def _time_keys(values: Iterable[Any]) -> list[Any]:
    """Numbers where all are, else text, which sorts right for ISO times."""
    listed = list(values)
    try:
        return [as_number(value) for value in listed]
    except ValueError:
        return [str(value) for value in listed]
