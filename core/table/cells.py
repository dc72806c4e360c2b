"""One cell: is it missing, is it a number, is it a list; the same rules for every kind of file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np

GAPS = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "-", "--", "?", "."})  # words for 'no number', in small letters
MAX_LIST = 100_000
_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)


def plain(value: Any) -> Any:
    """A value as any source gives it (csv, JSON, arrow, pandas, numpy) as text, float, bool, tuple, mapping, bytes or None.

    Whole numbers become text of themselves where they are too large for a float to keep.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | str | bytes | Mapping):
        return value
    if isinstance(value, int):
        return value if abs(value) <= 2**53 else str(value)
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, Sequence | set | frozenset):
        return tuple(plain(one) for one in value)
    if isinstance(value, datetime | date):
        return None if value != value else value.isoformat()
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def as_text(value: Any) -> str | None:
    """A plain value as text; None where it says nothing. `1.0` as a float is `1`, True is `true`."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) <= 2**53 else repr(value)
    if isinstance(value, tuple):
        return " ".join(text for one in value if (text := as_text(one))) or None
    text = str(value).strip()
    return text or None


def is_gap(value: Any) -> bool:
    """Is it one of the words for 'no number here'?"""
    return value is None or (isinstance(value, str) and value.strip().casefold() in GAPS)


def as_number(value: Any) -> float:
    """A plain value as a number; `1,234.5` is read with commas for thousands.

    Raises:
        ValueError: it is none, or not finite.
    """
    if isinstance(value, bool | int | float):
        number = float(value)
    elif isinstance(value, str):
        text = value.strip()
        if _THOUSANDS.fullmatch(text):
            text = text.replace(",", "")
        elif not _PLAIN.fullmatch(text):
            raise ValueError(f"{short(value)} is not a number")
        number = float(text)
    else:
        raise ValueError(f"{short(value)} is not a number")  # noqa: TRY004
    if not math.isfinite(number):
        raise ValueError(f"{short(value)} is not a finite number")
    return number


def has_thousands(value: Any) -> bool:
    """Is it a number with commas for thousands?"""
    return isinstance(value, str) and _THOUSANDS.fullmatch(value.strip()) is not None


def as_list(value: Any) -> tuple[Any, ...]:
    """A list as itself, or from text: a JSON list, else words between blanks.

    Raises:
        ValueError: it is none, or too long.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                value = plain(json.loads(text))
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{short(value)} is not a list") from error
        else:
            value = tuple(text.split())
    if not isinstance(value, tuple):
        raise ValueError(f"{short(value)} is not a list")  # noqa: TRY004
    if len(value) > MAX_LIST:
        raise ValueError(f"a list of {len(value):,} is longer than {MAX_LIST:,}")
    return value


def looks_like_list(value: Any) -> bool:
    """Is it a list, or JSON text of one?"""
    if isinstance(value, tuple):
        return True
    return isinstance(value, str) and value.lstrip().startswith("[") and value.rstrip().endswith("]")


def short(value: Any) -> str:
    """A value for an error line: one line, at most 40 characters, in quotes."""
    text = repr(value if isinstance(value, str) else str(value)[:200])
    return text if len(text) <= 40 else text[:38] + "…" + text[0]
