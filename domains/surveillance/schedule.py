"""Whether a schedule is in force at a Unix time, by the clock on the wall of a time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import ConfigError
from domains.surveillance.config import Schedule

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        ConfigError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"time_zone: {name!r} is not an IANA time zone; write one such as Europe/Berlin or UTC") from error


def is_in_force(schedule: Schedule, wall_s: float | None, time_zone: ZoneInfo, when_unknown: bool = True) -> bool:
    """Whether a schedule holds at a moment.

    A span runs from `since` up to, not including, `until`, as local clocks show it: where daylight saving skips or repeats
    an hour, the span is an hour shorter or longer. A span past midnight (`until` not after `since`) belongs to the day on
    which it began. The last microsecond of a day as `until` means midnight.

    Args:
        schedule: what to ask.
        wall_s: Unix time, or None where it is not known (a film without a date).
        time_zone: where the camera hangs.
        when_unknown: the answer without a wall time.
    """
    if wall_s is None:
        return when_unknown
    local = datetime.fromtimestamp(wall_s, UTC).astimezone(time_zone)
    clock = local.time()
    today = DAYS[local.weekday()]
    if schedule.until == time.max:
        return today in schedule.days and clock >= schedule.since
    if schedule.since < schedule.until:
        return today in schedule.days and schedule.since <= clock < schedule.until
    yesterday = DAYS[(local.date() - timedelta(days=1)).weekday()]
    return (today in schedule.days and clock >= schedule.since) or (yesterday in schedule.days and clock < schedule.until)


def hour_of_day(wall_s: float | None, time_zone: ZoneInfo) -> float | None:
    """Local hour, 0 up to 24, or None without a wall time."""
    if wall_s is None:
        return None
    local = datetime.fromtimestamp(wall_s, UTC).astimezone(time_zone)
    return local.hour + local.minute / 60 + local.second / 3600
