"""Times as records write them, as Unix time; what is told to the day or the year only counts from its last moment on.

So nothing that may have been learned after a study slips into it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import ConfigError

EARLIEST_YEAR, LATEST_YEAR = 1880, 2200
_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?\s?(?:Z|z|[+-]\d{2}:?\d{2})?")
_JUST_BEFORE_S = 0.001


def zone_named(name: str) -> ZoneInfo:
    """A time zone.

    Raises:
        ConfigError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ConfigError(f"{name[:60]!r} is no time zone; give one such as UTC or Europe/Vienna") from error


def wall_s(written: str, zone: ZoneInfo) -> float | None:
    """Unix time of `2024-03-05T10:00:00+01:00`, `2024-03-05 10:00`, `2024-03-05`, `2024-03` or `2024`; None for anything else.

    Args:
        written: ISO 8601; never an order of day and month that could be read two ways.
        zone: of what has none.
    """
    text = written.strip()
    if len(text) > 40:
        return None
    try:
        if part := _PARTIAL.fullmatch(text):
            return _last_moment_s(int(part[1]), int(part[2] or 0), int(part[3] or 0), zone)
        if not _MOMENT.fullmatch(text):
            return None
        moment = datetime.fromisoformat(_isoformat(text))
        if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        return None


def birth_date_of(written: str) -> str:
    """`YYYY-MM-DD`, or empty for anything else."""
    try:
        day = date.fromisoformat(written.strip())
    except ValueError:
        return ""
    return day.isoformat() if EARLIEST_YEAR <= day.year <= LATEST_YEAR else ""


def age_years(birth_date: str, at_wall_s: float | None) -> float | None:
    """Whole years from a birth date to a moment; None where either is not known or the order is wrong."""
    if at_wall_s is None or not birth_date_of(birth_date):
        return None
    born, now = date.fromisoformat(birth_date), (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at_wall_s)).date()
    years = now.year - born.year - ((now.month, now.day) < (born.month, born.day))
    return float(years) if 0 <= years <= 130 else None


def _isoformat(text: str) -> str:
    moment = text.replace(" ", "T", 1).replace(" ", "").replace(",", ".").replace("z", "Z")
    return re.sub(r"\.(\d{6})\d+", r".\1", moment)


def _last_moment_s(year: int, month: int, day: int, zone: ZoneInfo) -> float | None:
    """Of a day, of a month where the day is 0, of a year where the month is 0.

    Raises:
        ValueError: the calendar has no such day.
    """
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None
    if not month:
        after = date(year + 1, 1, 1)
    elif not day:
        after = date(year + month // 12, month % 12 + 1, 1) if month <= 12 else date(year, month, 1)
    else:
        after = date(year, month, day) + timedelta(days=1)
    return datetime.combine(after, datetime.min.time(), zone).timestamp() - _JUST_BEFORE_S
