"""What a column of lists holds: words, their tags, or numbers over time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from core.table.cells import as_list, as_number, is_gap
from core.table.values import ColumnKind

_TAG = re.compile(r"O|[BIESLU]-\S+")
_TAG_NAMES = ("tags", "ner_tags", "ner", "iob")
_TOKEN_NAMES = ("tokens", "words")
LOOKED_AT = 200


def list_kind(name: str, present: Sequence[Any]) -> tuple[ColumnKind, str]:
    """Tokens, tags, series, labels or text, and why."""
    items = [item for value in present[:LOOKED_AT] for item in _items(value)]
    lowered = name.casefold()
    if lowered in ("label", "labels"):
        return ColumnKind.LABEL, "its name"
    if lowered in _TAG_NAMES or (items and all(isinstance(item, str) and _TAG.fullmatch(item) for item in items)):
        return ColumnKind.TAGS, "lists of tags"
    if items and all(_is_number(item) for item in items):
        return ColumnKind.SERIES, "lists of numbers"
    if lowered in _TOKEN_NAMES:
        return ColumnKind.TOKENS, "lists of words"
    return ColumnKind.TEXT, "lists of words, joined"


def _items(value: Any) -> tuple[Any, ...]:
    try:
        return as_list(value)
    except ValueError:
        return ()


def _is_number(item: Any) -> bool:
    if isinstance(item, tuple):
        return all(_is_number(one) for one in item)
    if is_gap(item):
        return True
    try:
        as_number(item)
    except ValueError:
        return False
    return True
