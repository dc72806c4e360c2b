"""The policy: hysteresis, cooldown, broken streams, standing subjects, mutes, profiles; and what holds for any input."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alerts import AlertState, Box
from domains.contract import Silence
from domains.surveillance.config import PolicySettings, SurveillanceSettings
from domains.surveillance.judgement import Judgement, Way
from domains.surveillance.policy import AlertPolicy

WALL_S = datetime(2026, 7, 6, 12, 0, tzinfo=UTC).timestamp()


def judged(time_s, score, kind="fall", reason="because", way=Way.RULE, **more):
    return Judgement("yard", way, kind, time_s, WALL_S + time_s, score, reason, **more)


def policy_of(mutes=None, profiles=None, **policy):
    surveillance = SurveillanceSettings(policy=PolicySettings(**policy), profiles=profiles or {})
    return AlertPolicy(surveillance, "yard", mutes=mutes or (lambda wall_s: ()))


def play(policy, scores, step_s=1.0, **more):
    out = []
    for i, score in enumerate(scores):
        judgements = () if score is None else (judged(i * step_s, score, **more),)
        out += policy.step(judgements, i * step_s, WALL_S + i * step_s)
    return out


def rows(alerts):
    """What a store would hold: the last value of each id."""
    return list({a.id: a for a in alerts}.values())


def test_opens_updates_and_closes():
    alerts = play(policy_of(clear_s=2), [0, 1, 1, 1, 0, 0, 0])
    assert [(a.state, a.start_s, a.end_s) for a in alerts] == [
        (AlertState.OPEN, 1, 1),
        (AlertState.OPEN, 1, 2),
        (AlertState.OPEN, 1, 3),
        (AlertState.CLOSED, 1, 3),
    ]
    first = alerts[0]
    assert (first.source, first.kind, first.way, first.domain, first.reason) == ("yard", "fall", "rule", "surveillance", "because")
    assert (first.wall_start_s, alerts[-1].wall_end_s) == (WALL_S + 1, WALL_S + 3)
    assert len(first.id) == 32


def test_between_off_and_on_neither_opens_nor_closes():
    assert play(policy_of(), [0.5] * 10) == []
    (alert,) = rows(play(policy_of(clear_s=2), [0.7] + [0.5] * 10 + [0.1] * 5))
    assert (alert.state, alert.end_s, alert.score) == (AlertState.CLOSED, 10, 0.7)


def test_must_last_before_it_opens():
    assert play(policy_of(min_duration_s=3), [1, 1, 1, 0, 1, 1, 1, 0.5, 1, 1, 1]) == []
    (alert,) = rows(play(policy_of(min_duration_s=3), [0, 1, 1, 1, 1]))
    assert alert.start_s == 1


def test_health_opens_at_once_whatever_the_minimum():
    assert play(policy_of(min_duration_s=30), [1], way=Way.HEALTH)


def test_flicker_within_cooldown_is_one_alert_and_after_it_two():
    alerts = play(policy_of(clear_s=1, cooldown_s=10), [1, 0, 0, 0, 0, 1, 0, 0])
    assert len(rows(alerts)) == 1
    assert [a.state for a in alerts] == [AlertState.OPEN, AlertState.CLOSED, AlertState.OPEN, AlertState.CLOSED]
    assert rows(alerts)[0].end_s == 5
    assert len(rows(play(policy_of(clear_s=1, cooldown_s=10), [1] + [0] * 11 + [1]))) == 2


def test_broken_stream_that_comes_back_is_one_event():
    alerts = play(policy_of(cooldown_s=30), [1, 1] + [None] * 20 + [1, 1])
    assert len(rows(alerts)) == 1
    assert all(a.state is AlertState.OPEN for a in alerts)
    assert alerts[-1].end_s == 23


def test_broken_stream_that_stays_away_closes_at_the_last_moment_it_held():
    alerts = play(policy_of(cooldown_s=30), [1, 1] + [None] * 40)
    assert (alerts[-1].state, alerts[-1].end_s) == (AlertState.CLOSED, 1)
    assert len(rows(play(policy_of(cooldown_s=30), [1, 1] + [None] * 40 + [1]))) == 2


def box(x=0.1, id=1):
    return Box(x, 0.1, x + 0.2, 0.5, "car", 1.0, id)


def test_standing_subject_raises_once_and_again_when_it_moved():
    policy = policy_of(clear_s=1, cooldown_s=2)
    assert play(policy, [1] + [0] * 10, subjects=(1,), boxes=(box(),))
    again = judged(20, 1, subjects=(1,), boxes=(box(0.11),))
    assert policy.step([again], 20, None) == ()
    other = judged(21, 1, subjects=(1, 2), boxes=(box(), box(0.5, 2)))
    assert policy.step([other], 21, None)[0].state is AlertState.OPEN
    assert policy.step([judged(t, 0) for t in range(22, 40)], 40, None)
    moved = judged(41, 1, subjects=(1,), boxes=(box(0.6),))
    assert policy.step([moved], 41, None)


def test_one_that_went_away_and_came_back_to_the_same_place_raises_again():
    policy = policy_of(clear_s=1, cooldown_s=2)
    play(policy, [1] + [0] * 10, subjects=(1,), boxes=(box(),))
    assert policy.step([judged(20, 1, subjects=(1,), boxes=(box(),), details={"still_s": 20.0})], 20, None) == ()
    assert policy.step([judged(21, 1, subjects=(1,), boxes=(box(),), details={"still_s": 3.0})], 21, None)


def test_mute_keeps_from_opening_but_not_from_closing():
    muted = [False]
    policy = policy_of(mutes=lambda wall_s: (Silence("yard", "fall"),) if muted[0] else (), clear_s=1, cooldown_s=60)
    assert play(policy, [1, 1])
    muted[0] = True
    closed = policy.step([judged(t, 0) for t in (2, 3, 4)], 4, WALL_S)
    assert [a.state for a in closed] == [AlertState.CLOSED]
    assert policy.step([judged(5, 1)], 5, WALL_S) == ()
    assert policy.step([judged(6, 1, kind="dog")], 6, WALL_S)[0].kind == "dog"
    muted[0] = False
    assert policy.step([judged(7, 1)], 7, WALL_S)


def test_night_profile_is_stricter():
    night = {"night": {"on": 0.3, "off": 0.2, "schedule": {"since": "22:00", "until": "06:00"}}}
    policy = policy_of(profiles=night)
    assert policy.step([judged(0, 0.4)], 0, WALL_S) == ()
    assert policy.step([judged(1, 0.4)], 1, WALL_S + 11 * 3600)
    assert policy_of(profiles=night).step([judged(0, 0.4)], 0, None) == ()


def test_clock_that_goes_back_closes_what_is_open():
    policy = policy_of()
    play(policy, [1, 1], step_s=100)
    alerts = policy.step([judged(3, 1)], 3, None)
    assert [(a.state, a.start_s) for a in alerts] == [(AlertState.CLOSED, 100), (AlertState.OPEN, 3)]
    assert len({a.id for a in alerts}) == 2


def test_only_what_is_worth_storing_is_told():
    policy = policy_of()
    policy.step([judged(0, 0.8)], 0, None)
    assert policy.step([judged(0.1, 0.8)], 0.1, None) == ()
    assert policy.step([judged(0.2, 0.8, reason="because 7")], 0.2, None) != ()
    assert policy.step([judged(0.3, 0.8, reason="because 9")], 0.3, None) == ()
    assert policy.step([judged(0.4, 0.9)], 0.4, None)[0].score == 0.9
    assert policy.step([judged(0.5, 0.7, reason="weaker")], 0.5, None) == ()
    assert policy.step([judged(1.6, 0.7)], 1.6, None)[0].end_s == 1.6


def test_numbers_that_are_none_do_no_harm():
    policy = policy_of()
    assert policy.step([judged(0, math.nan)], 0, None) == ()
    assert policy.step([judged(1, 1)], math.nan, None) == ()
    assert policy.finish() == ()


MOMENTS = st.lists(
    st.tuples(
        st.floats(0, 8),  # time since the last moment
        st.sampled_from(["step", "tick", "mute", "unmute", "back"]),
        st.sampled_from(["fall", "unusual", "camera-offline"]),
        st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0, math.nan]),
        st.sampled_from([(), (1,), (1, 2)]),
        st.floats(-3, 3),  # how far a judgement's time is off
    ),
    max_size=60,
)
POLICIES = st.builds(
    PolicySettings,
    on=st.just(0.6),
    off=st.sampled_from([0.0, 0.4, 0.6]),
    min_duration_s=st.sampled_from([0.0, 2.0]),
    clear_s=st.sampled_from([0.0, 3.0]),
    cooldown_s=st.sampled_from([0.0, 5.0, 30.0]),
)


@settings(max_examples=300, deadline=None)
@given(POLICIES, MOMENTS)
def test_what_holds_for_any_stream(policy_settings, moments):
    muted: set[str] = set()
    policy = AlertPolicy(
        SurveillanceSettings(policy=policy_settings), "yard", mutes=lambda wall_s: tuple(Silence(None, kind) for kind in muted)
    )
    now_s, last = 0.0, {}
    order: list = []
    for wait_s, what, kind, score, subjects, off_s in moments:
        now_s = max(0.0, now_s + wait_s - (100 if what == "back" else 0))
        if what == "mute":
            muted.add(kind)
        elif what == "unmute":
            muted.discard(kind)
        judgements = () if what == "tick" else (judged(now_s + off_s, score, kind, subjects=subjects),)
        before = dict(last)
        for alert in policy.step(judgements, now_s, WALL_S + now_s):
            check(alert, last)
            if alert.state is AlertState.OPEN and (alert.id not in before or before[alert.id].state is AlertState.CLOSED):
                assert alert.kind not in muted  # a mute never opens
            order.append(alert)
        still_open = [a.kind for a in last.values() if a.state is AlertState.OPEN]
        assert len(still_open) == len(set(still_open))  # never two of one kind
    for alert in policy.finish():
        check(alert, last)
    assert all(a.state is AlertState.CLOSED for a in last.values())
    assert policy.open_alerts == ()
    if not any(what == "back" for _, what, *_ in moments):
        by_kind: dict[str, list] = {}
        for alert in last.values():
            by_kind.setdefault(alert.kind, []).append(alert)
        for alerts in by_kind.values():
            for one, two in itertools.pairwise(alerts):
                assert two.start_s - one.end_s >= policy_settings.cooldown_s - 1e-9  # min gaps


def check(alert, last):
    assert alert.end_s >= alert.start_s
    assert alert.wall_end_s >= alert.wall_start_s
    assert 0 < alert.score <= 1
    previous = last.get(alert.id)
    assert (previous is None or previous.state is AlertState.CLOSED) <= (alert.state is AlertState.OPEN or previous is None)
    assert previous is not None or alert.state is AlertState.OPEN  # the first value opens
    if previous is not None:
        assert (alert.start_s, alert.kind) == (previous.start_s, previous.kind)
        assert alert.end_s >= previous.end_s
    last[alert.id] = alert


@pytest.mark.parametrize("period_s", [0.2, 1.0, 4.0, 14.0])
def test_alternating_scores_never_open_two_within_the_cooldown(period_s):
    policy = policy_of(clear_s=1, cooldown_s=30)
    assert len(rows(play(policy, [1, 0] * 50, step_s=period_s))) == 1
