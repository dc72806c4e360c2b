"""What a column holds, told from its name and its values, with the reason; a caller's word comes first."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.table.cells import as_number, as_text, has_thousands, is_gap, looks_like_list, short
from core.table.lists import list_kind
from core.table.media_paths import SUFFIXES, is_inside
from core.table.values import WORDS_IN, Column, ColumnKind, Table

MOST_CATEGORIES = 50
LONGEST_CATEGORY = 64
MOSTLY = 0.95  # of the values must be numbers; the others are reported
MEDIA_SHARE = 0.9
LOOKED_FOR = 20  # media files whose existence is checked
ENOUGH = 20  # values from which on rules about shares hold
EXAMPLES = 3

_NAMED: dict[str, tuple[ColumnKind, str]] = {
    "label": (ColumnKind.LABEL, "its name"),
    "labels": (ColumnKind.LABEL, "its name"),
    "group": (ColumnKind.GROUP, "its name"),
    "group_id": (ColumnKind.GROUP, "its name"),
    "sample_weight": (ColumnKind.WEIGHT, "its name"),
    "question": (ColumnKind.QUESTION, "its name"),
    "split": (ColumnKind.IGNORED, "its name: how the table is split"),
    "fold": (ColumnKind.IGNORED, "its name: how the table is split"),
}
_ID_NAMES = frozenset({"id", "uid", "uuid", "guid", "key", "identifier", "index"})
_ID_ENDINGS = ("_id", "-id", " id", "id")
_CODE = re.compile(r"(?=.*\d)[\w.:/-]+", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII | re.IGNORECASE)

_Verdict = tuple[ColumnKind, str]


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column, for a person to look over.

    Attributes:
        column: its name.
        kind: what it was taken for.
        reason: why.
        examples: some different values, shortened.
        missing: rows without a value.
    """

    column: str
    kind: ColumnKind
    reason: str
    examples: tuple[str, ...]
    missing: int


def describe(table: Table) -> list[ColumnFacts]:
    """Each column: its kind, why, some values, how many are missing."""
    facts = []
    for column in table.columns:
        values = table.values(column.name)
        seen = dict.fromkeys(text for value in values[:1000] if (text := as_text(value)) is not None)
        examples = tuple(one if len(one) <= 40 else one[:39] + "…" for one in list(seen)[:EXAMPLES])
        facts.append(ColumnFacts(column.name, column.kind, column.reason, examples, sum(value is None for value in values)))
    return facts


def given_kinds(header: Sequence[str], kinds: Mapping[str, ColumnKind | str], name: str) -> dict[str, ColumnKind]:
    """The caller's kinds, checked.

    Raises:
        InputError: a column that is not there, or a kind that there is not.
    """
    found: dict[str, ColumnKind] = {}
    for column, kind in kinds.items():
        if column not in header:
            advice = "; it is read in pictures: give --read-words, or use with_words" if column.startswith(WORDS_IN) else ""
            raise InputError(f"{name} has no column {short(column)}{advice}; it has: {', '.join(header)[:500]}")
        try:
            found[column] = ColumnKind(kind)
        except ValueError as error:
            choices = ", ".join(one.value for one in ColumnKind)
            raise InputError(f"column {short(column)}: there is no kind {short(kind)}; choose one of: {choices}") from error
    return found


def infer_columns(
    header: Sequence[str], columns: Sequence[Sequence[Any]], given: Mapping[str, ColumnKind], root: Path
) -> tuple[Column, ...]:
    """The kind of each column.

    Args:
        header: names.
        columns: the plain values of each.
        given: kinds that the caller chose.
        root: where media are.

    Returns:
        One column a name, in order; at most one is an id, one a label and one a group.
    """
    found: list[Column] = []
    single = {kind for kind in given.values() if kind in (ColumnKind.ID, ColumnKind.GROUP, ColumnKind.LABEL, ColumnKind.WEIGHT)}
    # the plainest id name first, so that 'id' wins over 'image_id'
    has_plain_id = any(name.casefold() in _ID_NAMES and name not in given for name in header)
    for name, values in zip(header, columns, strict=True):
        if name in given:
            found.append(Column(name, given[name]))
            continue
        kind, reason = _infer(name, values, root)
        if kind is ColumnKind.ID and has_plain_id and name.casefold() not in _ID_NAMES:
            kind, reason = ColumnKind.IGNORED, "every value differs, as of an id; another column is the id"
        if kind in single:
            kind, reason = ColumnKind.IGNORED, f"another column is the {kind}"
        if kind in (ColumnKind.ID, ColumnKind.GROUP, ColumnKind.LABEL, ColumnKind.WEIGHT):
            single.add(kind)
        found.append(Column(name, kind, reason))
    return tuple(found)


def _infer(name: str, values: Sequence[Any], root: Path) -> _Verdict:
    present = [value for value in values if value is not None and as_text(value) is not None]
    if not present:
        return ColumnKind.IGNORED, "it has no values"
    if any(isinstance(value, Mapping | bytes) for value in present):
        return ColumnKind.IGNORED, "it holds objects or bytes, which are not read"
    if sum(map(looks_like_list, present)) >= MEDIA_SHARE * len(present):
        return list_kind(name, present)
    if name.casefold() in _NAMED:
        return _NAMED[name.casefold()]
    rules: tuple[Callable[[str, list[Any], Path], _Verdict | None], ...] = (_id, _same, _number, _media, _address, _time, _category, _code)
    for rule in rules:
        if verdict := rule(name, present, root):
            return verdict
    lengths = sorted(len(str(value)) for value in present)
    return ColumnKind.TEXT, f"words, {lengths[len(lengths) // 2]} characters in the middle"


def _id(name: str, present: list[Any], _root: Path) -> _Verdict | None:
    lowered = name.casefold()
    is_named = lowered in _ID_NAMES or lowered.endswith(_ID_ENDINGS[:3]) or (lowered.endswith("id") and len(lowered) > 5)
    if not is_named:
        return None
    distinct = len({as_text(value) for value in present})
    if distinct == len(present):
        return ColumnKind.ID, "its name, and every value differs"
    if distinct > min(max(MOST_CATEGORIES, len(present) // 10), len(present) // 2) or (distinct > 2 and lowered in _ID_NAMES):
        return ColumnKind.IGNORED, "its name, but values come again; if such rows belong together, make it the group"
    return None


def _same(_name: str, present: list[Any], _root: Path) -> _Verdict | None:
    if len(present) < ENOUGH or len({as_text(value) for value in present[:ENOUGH]}) > 1:
        return None
    return (ColumnKind.IGNORED, "always the same") if len({as_text(value) for value in present}) == 1 else None


def _number(_name: str, present: list[Any], _root: Path) -> _Verdict | None:
    if all(isinstance(value, bool) for value in present):
        return ColumnKind.CATEGORY, "true or false"
    said = [value for value in present if not is_gap(value)]
    bad = 0
    for value in said:
        try:
            as_number(value)
        except ValueError:
            bad += 1
            if bad > (1 - MOSTLY) * len(said):
                return None
    if not said or (bad and len(said) < ENOUGH):
        return None
    reason = "numbers" + (", commas for thousands" if any(map(has_thousands, said)) else "")
    return ColumnKind.NUMBER, reason + (f"; {bad} that are none count as missing" if bad else "")


def _media(_name: str, present: list[Any], root: Path) -> _Verdict | None:
    texts = [str(value).strip() for value in present]
    for kind, suffixes in SUFFIXES.items():
        fitting = [text for text in texts if text.casefold().endswith(suffixes)]
        if len(fitting) >= MEDIA_SHARE * len(texts):
            if any(_ADDRESS.match(text) for text in fitting[:LOOKED_FOR]):
                return ColumnKind.IGNORED, "addresses, which are not fetched"
            step = max(1, len(fitting) // LOOKED_FOR)
            if any(is_inside(root, text) for text in fitting[::step]):
                return kind, f"names of {kind} files"
            return ColumnKind.IGNORED, f"names of {kind} files that are not in {root.name or 'the folder'}"
    return None


def _address(_name: str, present: list[Any], _root: Path) -> _Verdict | None:
    return (ColumnKind.IGNORED, "addresses, which are not fetched") if all(_ADDRESS.match(str(value)) for value in present) else None


def _time(_name: str, present: list[Any], _root: Path) -> _Verdict | None:
    return (ColumnKind.IGNORED, "points in time") if all(_TIME.fullmatch(str(value).strip()) for value in present) else None


def _category(_name: str, present: list[Any], _root: Path) -> _Verdict | None:
    texts = [as_text(value) or "" for value in present]
    distinct = set(texts)
    if len(distinct) > min(MOST_CATEGORIES, len(texts) / 2) or max(map(len, distinct)) > LONGEST_CATEGORY:
        return None
    return ColumnKind.CATEGORY, f"{len(distinct)} different values in {len(texts)} rows"


def _code(_name: str, present: list[Any], _root: Path) -> _Verdict | None:
    texts = [str(value).strip() for value in present]
    is_code = len(set(texts)) == len(texts) >= ENOUGH and all(_CODE.fullmatch(text) for text in texts)
    return (ColumnKind.IGNORED, "every value differs and none is words") if is_code else None
