"""What lists of alerts and of reports share: where the next page begins, and an id known by its first digits."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement

from core.errors import StoreError
from core.store.values import LIMIT_MAX

_ID = re.compile(r"[0-9a-f]{32}")
_PREFIX = re.compile(r"[0-9a-f]{1,32}")
_AFTER_EVERY_DIGIT = "g"
Row = TypeVar("Row")


def is_id(text: str) -> bool:
    """Whether it can be a whole id."""
    return _ID.fullmatch(text) is not None


def parse_cursor(cursor: str, what: str) -> tuple[float, str]:
    """The time and the id after which a page begins.

    Args:
        cursor: `TIME:ID`.
        what: is listed, in one word: `alert`.

    Raises:
        StoreError: it is none.
    """
    time_s, _, identity = cursor.partition(":")
    try:
        at_s = float(time_s)
    except ValueError:
        at_s = math.nan
    if not math.isfinite(at_s) or not is_id(identity):
        raise StoreError(f"{cursor[:80]!r} is not a cursor; take `cursor` of the last {what} of the page before")
    return at_s, identity


def check_limit(limit: int, what: str, go_on: str = "after") -> None:
    """That so many can be listed at once.

    Args:
        limit: how many.
        what: in the plural: `alerts`.
        go_on: the filter's field that the next page is asked with.

    Raises:
        StoreError: they cannot.
    """
    if not 1 <= limit <= LIMIT_MAX:
        raise StoreError(f"cannot list {limit} {what} at once; ask for 1 to {LIMIT_MAX} and go on with `{go_on}`")


def begins_with(column: Any, prefix: str, what: str) -> ColumnElement[bool]:
    """That an id begins so, as a range of the column's index.

    Raises:
        StoreError: no id begins so, ever.
    """
    if not _PREFIX.fullmatch(prefix):
        article = "an" if what[0] in "aeiou" else "a"
        raise StoreError(f"{prefix[:80]!r} is not {article} {what}'s id; give its first hexadecimal digits as the list shows them")
    found: ColumnElement[bool] = (column >= prefix) & (column < prefix + _AFTER_EVERY_DIGIT)
    return found


def the_only(found: Sequence[Row], prefix: str, what: str) -> Row:
    """The one that was found; two are enough to look for.

    Raises:
        StoreError: there is none, or more than one.
    """
    if not found:
        raise StoreError(f"no {what}'s id begins with {prefix}; list the {what}s to see their ids")
    if len(found) > 1:
        raise StoreError(f"more than one {what}'s id begins with {prefix}; give more digits")
    return found[0]
