"""Schedules follow the clock on the wall: days, midnight, daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from domains.surveillance.config import Schedule
from domains.surveillance.schedule import DAYS, hour_of_day, is_in_force, zone_named

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from([ZoneInfo(n) for n in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")])
MOMENTS = st.floats(0, 4e9)


def unix(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def test_night_belongs_to_the_day_it_began():
    friday_night = Schedule(since=time(22), until=time(6), days=["fri"])
    assert is_in_force(friday_night, unix("2026-07-03T23:00"), BERLIN)  # Friday
    assert is_in_force(friday_night, unix("2026-07-04T05:59:59"), BERLIN)  # Saturday morning
    assert not is_in_force(friday_night, unix("2026-07-04T06:00"), BERLIN)
    assert not is_in_force(friday_night, unix("2026-07-03T05:00"), BERLIN)  # Friday morning is Thursday's night
    assert not is_in_force(friday_night, unix("2026-07-04T23:00"), BERLIN)


def test_repeated_hour_counts_twice_and_skipped_hour_not_at_all():
    early = Schedule(since=time(2), until=time(3))
    assert is_in_force(early, unix("2026-10-25T02:30", fold=0), BERLIN)
    assert is_in_force(early, unix("2026-10-25T02:30", fold=1), BERLIN)
    start = unix("2026-03-29T00:00")
    assert not any(is_in_force(early, start + minute * 60, BERLIN) for minute in range(5 * 60))


def test_same_begin_and_end_is_a_whole_day():
    schedule = Schedule(since=time(8), until=time(8), days=["mon"])
    monday_eight = unix("2026-07-06T08:00")
    assert is_in_force(schedule, monday_eight, BERLIN)
    assert is_in_force(schedule, monday_eight + 86_399, BERLIN)
    assert not is_in_force(schedule, monday_eight + 86_400, BERLIN)


@given(MOMENTS, ZONES)
def test_default_schedule_is_always_in_force(wall_s, zone):
    assert is_in_force(Schedule(), wall_s, zone)


@given(MOMENTS, ZONES, st.times(), st.times())
def test_a_span_and_its_complement_share_the_day(wall_s, zone, since, until):
    if since == until or time.max in (since, until):
        return
    there, back = Schedule(since=since, until=until), Schedule(since=until, until=since)
    assert is_in_force(there, wall_s, zone) != is_in_force(back, wall_s, zone)


@given(MOMENTS, ZONES, st.times(), st.times(), st.sampled_from(DAYS))
def test_days_only_take_away(wall_s, zone, since, until, day):
    if is_in_force(Schedule(since=since, until=until, days=[day]), wall_s, zone):
        assert is_in_force(Schedule(since=since, until=until), wall_s, zone)
        local = datetime.fromtimestamp(wall_s, UTC).astimezone(zone)
        assert day in (DAYS[local.weekday()], DAYS[(local - timedelta(days=1)).weekday()])


def test_unknown_time_and_unknown_zone():
    assert is_in_force(Schedule(days=[]), None, BERLIN)
    assert not is_in_force(Schedule(), None, BERLIN, when_unknown=False)
    assert hour_of_day(None, BERLIN) is None
    assert hour_of_day(unix("2026-07-06T08:30"), BERLIN) == pytest.approx(8.5)
    for name in ("Europe/Atlantis", "../../etc/passwd", "/etc/passwd", ""):
        with pytest.raises(ConfigError, match="time_zone"):
            zone_named(name)
