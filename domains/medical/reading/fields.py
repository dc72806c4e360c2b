"""Take one element out of a data set as a plain value; whatever is wrong with it, the value is missing and nothing is raised.

Text is decoded by the character set that the file names, with replacement, stripped of control characters and cut; it is
never quoted in a notice.
"""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from pydicom.dataset import Dataset

TEXT_CHARACTERS = 1024
REPLACEMENT = "\ufffd"
UID_FORM = re.compile(r"[0-9.]{1,64}")  # PS3.5 9.1; leading zeros are met in practice and harm nobody
_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:\.(\d{1,6}))?\d*")
_DATE_TIME = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)?([+-]\d{4})?")
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")


def value(data: Dataset, keyword: str) -> Any:
    """The element's value as pydicom gives it, or None."""
    try:
        found = data.get(keyword)
    except Exception:
        return None
    return found if found is not None and found != "" else None


def text(data: Dataset, keyword: str, at_most: int = TEXT_CHARACTERS) -> str:
    """The first value as text that is safe to keep."""
    found = value(data, keyword)
    if found is None:
        return ""
    if not isinstance(found, str) and hasattr(found, "__getitem__") and not hasattr(found, "components"):
        found = found[0] if len(found) else ""
    return clean(str(found), at_most)


def clean(words: str, at_most: int = TEXT_CHARACTERS) -> str:
    """Without control characters, lone surrogates and marks that turn the writing around; at most so long."""
    kept = "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else " " for c in words[: at_most * 2])
    return " ".join(kept.split())[:at_most]


def uid(data: Dataset, keyword: str) -> str:
    """A UID of digits and dots, or empty: it can name nothing on disk."""
    found = str(value(data, keyword) or "").strip(" \x00")
    return found if UID_FORM.fullmatch(found) else ""


def numbers(data: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly so many finite numbers, or None."""
    found = value(data, keyword)
    if found is None:
        return None
    try:
        values = tuple(float(v) for v in ([found] if isinstance(found, str | int | float) else found))
    except (TypeError, ValueError, OverflowError):
        return None
    return values if len(values) == count and all(map(math.isfinite, values)) else None


def number(data: Dataset, keyword: str) -> float | None:
    """The first value as a finite number, or None."""
    found = value(data, keyword)
    try:
        first = float(found if isinstance(found, str | int | float) else found[0])
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return first if math.isfinite(first) else None


def whole(data: Dataset, keyword: str, default: int | None = None) -> int | None:
    """The first value as a whole number; the default where there is none or it is not one."""
    found = number(data, keyword)
    return int(found) if found is not None and found == int(found) else default


def items(data: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence, none where it is missing or damaged."""
    found = value(data, keyword)
    try:
        return [item for item in found if isinstance(item, Dataset)] if found is not None else []
    except Exception:
        return []


def person_name(data: Dataset, keyword: str) -> str:
    """`Family, Given` as a person writes it."""
    found = value(data, keyword)
    try:
        family, given = str(found.family_name), str(found.given_name)
    except Exception:
        return ""
    return clean(", ".join(part for part in (family, given) if part.strip()), 256)


def date(data: Dataset, keyword: str) -> str:
    """`YYYY-MM-DD`, or empty."""
    form = _DATE.fullmatch(text(data, keyword))
    if not form:
        return ""
    try:
        return datetime(*map(int, form.groups()), tzinfo=UTC).date().isoformat()  # type: ignore[arg-type, misc]
    except ValueError:
        return ""


def wall_s(data: Dataset, date_keyword: str, time_keyword: str, zone: tzinfo) -> float | None:
    """Unix time of a date and a time element; a date alone is its midnight."""
    day = date(data, date_keyword)
    return _unix(day, text(data, time_keyword), text(data, "TimezoneOffsetFromUTC"), zone) if day else None


def date_time_s(data: Dataset, keyword: str, zone: tzinfo) -> float | None:
    """Unix time of a date-time element, which may carry its own offset."""
    form = _DATE_TIME.fullmatch(text(data, keyword))
    if not form:
        return None
    day, clock, offset = form[1], form[2] or "", form[3] or text(data, "TimezoneOffsetFromUTC")
    return _unix(f"{day[:4]}-{day[4:6]}-{day[6:]}", clock, offset, zone)


def _unix(day: str, clock: str, offset: str, zone: tzinfo) -> float | None:
    form = _TIME.fullmatch(clock)
    hour, minute, second, fraction = form.groups() if form else (None, None, None, None)
    shift = _OFFSET.fullmatch(offset)
    if shift:
        minutes = int(shift[2]) * 60 + int(shift[3])
        zone = timezone(timedelta(minutes=minutes if shift[1] == "+" else -minutes)) if minutes < 24 * 60 else zone
    try:
        moment = datetime.fromisoformat(day).replace(
            hour=int(hour or 0),
            minute=int(minute or 0),
            second=min(int(second or 0), 59),  # a leap second is written 60
            microsecond=int((fraction or "0").ljust(6, "0")),
            tzinfo=zone,
        )
        return moment.timestamp()
    except (ValueError, OverflowError):
        return None
