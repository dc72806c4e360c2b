"""Rules: each condition, its duration, its sentence."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError

from domains.surveillance.config import CameraSettings, Rule, SurveillanceSettings
from domains.surveillance.policy import AlertPolicy
from domains.surveillance.rules import RuleBook
from domains.surveillance.scene import Actor, Crossing, Hearing, Motion, Posture, Scene, Track

ZONES = {"door": {"polygon": [(0, 0), (1, 0), (1, 1)]}}
LINES = {"gate": {"start": (0, 0), "end": (1, 1)}}


def actor(id=1, label="person", **more):
    box = np.array([0.1, 0.1, 0.2, 0.4], np.float32)
    return Actor(Track(id, label, box, 0.9, 0.0, 0.0), **more)


def scene(time_s, *actors, crossings=(), wall_s=None):
    motion = Motion(time_s, 0.1, True, np.empty((0, 4), np.float32))
    return Scene("yard", time_s, wall_s, motion, tuple(actors), tuple(crossings), len(actors))


def hearing(start_s, level=-40.0, **tags):
    return Hearing("yard", start_s, start_s + 1.0, None, level, tags)


def book(**rule):
    settings = CameraSettings.model_validate({"url": "a.mp4", "zones": ZONES, "lines": LINES, "rules": {"r": rule}})
    return RuleBook("yard", settings)


def first_hit(rules, scenes):
    for s in scenes:
        (judgement,) = rules.see(s)
        if judgement.score:
            return judgement
    return None


def test_zone_rule_says_how_long():
    rules = book(zone="door", min_duration_s=6)
    hit = first_hit(rules, [scene(t / 5, actor(zones={"door": t / 5})) for t in range(100)])
    assert hit.time_s == pytest.approx(6.0)
    assert hit.reason == "a person has been in zone door for 6 s"
    assert hit.kind == "rule:r"
    assert hit.contributions == {"video": 1.0}
    assert hit.subjects == (1,)
    assert hit.boxes[0].track_id == 1
    assert rules.see(scene(20.2, actor(zones={})))[0].score == 0


def test_two_short_visits_are_not_one_long():
    rules = book(zone="door", min_duration_s=5)
    visits = [scene(t / 5, actor(id=1 + t // 20, zones={"door": (t % 20) / 5})) for t in range(40)]
    assert first_hit(rules, visits) is None


def test_a_missed_look_does_not_start_the_clock_anew_but_a_second_does():
    fast = [scene(t / 5, actor(speed=0.1 if t == 10 else 2.0)) for t in range(30)]
    assert first_hit(book(min_speed=1.5, min_duration_s=5), fast).time_s == pytest.approx(5.0)
    slow = [scene(t / 5, actor(speed=0.1 if 10 <= t < 17 else 2.0)) for t in range(30)]
    assert first_hit(book(min_speed=1.5, min_duration_s=5), slow) is None


def test_crossing_counts_for_a_moment():
    rules = book(line="gate", direction="in")
    assert rules.see(scene(1.0, actor(), crossings=[Crossing("gate", 1, "out")]))[0].score == 0
    hit = rules.see(scene(2.0, actor(), crossings=[Crossing("gate", 1, "in")]))[0]
    assert (hit.score, hit.reason) == (1.0, "a person crossed line gate (in)")
    assert rules.see(scene(2.8, actor()))[0].score == 1
    assert rules.see(scene(3.2, actor()))[0].score == 0
    assert rules.see(scene(4.0, actor(label="dog"), crossings=[Crossing("gate", 1, "in")]))[0].score == 0


def test_lying_crowd_bag_pair_and_speed():
    lying = first_hit(book(posture="lying", min_duration_s=2), [scene(t, actor(posture=Posture.LYING, lying_s=t)) for t in range(4)])
    assert lying.reason == "a person has been lying for 2 s"
    crowd = book(min_count=3).see(scene(0, actor(1), actor(2), actor(3)))[0]
    assert crowd.reason == "3 people (at least 3) are in view"
    assert book(min_count=3).see(scene(0, actor(1), actor(2), actor(3, "dog")))[0].score == 0
    bag = book(is_abandoned=True).see(scene(0, actor(label="suitcase", is_abandoned=True)))[0]
    assert bag.reason == "a suitcase is left behind"
    pair = first_hit(book(near_s=3), [scene(t / 2, actor(1, near=(2,)), actor(2, near=(1,)), actor(3)) for t in range(9)])
    assert (pair.time_s, pair.reason, pair.subjects) == (3.0, "2 people have been close together for 3 s", (1, 2))
    quick = book(min_speed=2).see(scene(0, actor(speed=2.34)))[0]
    assert quick.reason == "a person is in view, moving at 2.3 heights a second (at least 2)"


def test_sound_rule_names_sound_and_level():
    rules = book(sounds=["Glass"], min_sound_probability=0.6, min_sound_spans=1)
    assert rules.see(scene(0, actor())) == ()
    assert rules.hear(hearing(0, glass=0.5))[0].score == 0
    hit = rules.hear(hearing(1, glass=0.82, dog=0.9))[0]
    assert (hit.score, hit.reason, hit.contributions) == (1.0, "glass is heard with probability 0.82", {"audio": 1.0})
    loud = book(min_level_dbfs=-20)
    assert loud.hear(hearing(0, -float("inf")))[0].score == 0
    assert loud.hear(hearing(1, -12.0))[0].reason == "the sound is at -12 dBFS (at least -20)"


def test_sound_duration_adds_up():
    rules = book(sounds=["siren"], min_duration_s=3)
    assert [rules.hear(hearing(t, siren=0.9))[0].score for t in range(4)] == [0, 0, 1, 1]


def half_second_spans(*tags, begin_s=0.0):
    return [Hearing("yard", begin_s + i / 2, begin_s + i / 2 + 0.975, None, -30.0, t) for i, t in enumerate(tags)]


def scores(rules, hearings):
    return [rules.hear(h)[0].score for h in hearings]


def test_a_sound_named_in_one_span_alone_raises_nothing():
    dog, crow, none = {"dog": 0.95}, {"rooster": 0.95}, {}
    assert scores(book(sounds=["dog"]), half_second_spans(dog, none, dog, none, dog)) == [0, 0, 0, 0, 0]
    assert scores(book(sounds=["dog"]), half_second_spans(none, dog, dog, none)) == [0, 0, 1, 1]  # and a second is held
    assert scores(book(sounds=["dog", "rooster"]), half_second_spans(dog, crow, dog, crow)) == [0, 0, 0, 0]
    assert scores(book(sounds=["dog"], min_sound_spans=1), half_second_spans(none, dog)) == [0, 1]
    assert scores(book(sounds=["dog"], min_sound_spans=3), half_second_spans(dog, dog, dog)) == [0, 0, 1]


def test_spans_on_both_sides_of_a_jump_in_time_are_not_in_a_row():
    rules = book(sounds=["dog"])
    assert scores(rules, [*half_second_spans({"dog": 0.9}), *half_second_spans({"dog": 0.9}, {"dog": 0.9}, begin_s=2.0)]) == [0, 0, 1]


def test_loudness_alone_needs_no_second_span():
    assert scores(book(min_level_dbfs=-40), half_second_spans({})) == [1]


def test_objects_and_sounds_must_come_together():
    rules = book(labels=["person"], sounds=["glass"], min_sound_spans=1)
    assert rules.hear(hearing(0, glass=0.9))[0].score == 0
    assert rules.see(scene(3.0, actor()))[0].score == 1
    assert rules.see(scene(9.0, actor()))[0].score == 0
    hit = rules.hear(hearing(9.0, glass=0.9))[0]
    assert hit.reason == "a person is in view and glass is heard with probability 0.90"
    assert hit.contributions == {"video": 0.5, "audio": 0.5}


def test_schedule_starts_the_clock():
    begin_s = datetime(2026, 7, 6, 21, 59, 50, tzinfo=UTC).timestamp()
    rules = book(zone="door", min_duration_s=5, schedule={"since": "22:00", "until": "06:00"})
    hit = first_hit(rules, [scene(t, actor(zones={"door": 100.0 + t}), wall_s=begin_s + t) for t in range(30)])
    assert hit.time_s == 15.0


def test_empty_still_scene_ends_a_rule():
    rules = book(labels=["person"])
    assert rules.see(scene(0, actor()))[0].score == 1
    still = Scene("yard", 0.5, None, Motion(0.5, 0.0, False, np.empty((0, 4), np.float32)), is_inspected=False)
    assert rules.see(still)[0].score == 0


def test_a_clock_that_goes_back_forgets():
    rules = book(zone="door", min_speed=1, min_duration_s=5)
    for t in range(100, 104):
        rules.see(scene(t, actor(zones={"door": 1}, speed=2)))
    assert first_hit(rules, [scene(t, actor(zones={"door": 1}, speed=2)) for t in range(5)]) is None


def test_labels_left_out_are_those_that_were_meant():
    assert Rule.model_validate({"sounds": ["glass"]}).labels == []
    assert Rule.model_validate({"sounds": ["glass"], "min_count": 2}).labels == ["person"]
    assert "suitcase" in Rule.model_validate({"is_abandoned": True}).labels
    with pytest.raises(ValidationError, match="needs labels"):
        Rule.model_validate({"labels": []})


def alerts_of(scenes, rule, hearings=(), **surveillance):
    """Moments at which an alert opened, through rules and policy."""
    settings = CameraSettings.model_validate({"url": "a.mp4", "zones": ZONES, "lines": LINES, "rules": {"r": rule}})
    whole = SurveillanceSettings.model_validate(surveillance)
    rules, policy, opened = RuleBook("yard", settings, whole), AlertPolicy(whole, "yard"), {}
    for moment in sorted([*scenes, *hearings], key=lambda m: m.time_s if isinstance(m, Scene) else m.end_s):
        time_s, judgements = (moment.time_s, rules.see(moment)) if isinstance(moment, Scene) else (moment.end_s, rules.hear(moment))
        for alert in policy.step(judgements, time_s, None):
            opened.setdefault(alert.id, time_s)
    return list(opened.values())


SLOW_POLICY = {"policy": {"min_duration_s": 5}}


def test_one_missed_look_does_not_end_what_a_slow_policy_waits_for():
    missed = [scene(t / 5, *([] if t == 12 else [actor()])) for t in range(40)]
    assert alerts_of(missed, {}, **SLOW_POLICY) == [pytest.approx(5.0)]
    gone = [scene(t / 5, *([] if 12 <= t < 20 else [actor()])) for t in range(40)]
    assert alerts_of(gone, {}, **SLOW_POLICY) == []


def test_a_slow_policy_takes_up_an_instant():
    walk = [scene(t / 5, actor(), crossings=[Crossing("gate", 1, "in")] if t == 5 else []) for t in range(60)]
    assert alerts_of(walk, {"line": "gate"}, **SLOW_POLICY) == [pytest.approx(6.0)]
    night = {"profiles": {"night": {"schedule": {}, "min_duration_s": 5}}}
    assert alerts_of(walk, {"line": "gate"}, **night) == [pytest.approx(1.0)]  # a profile without a known time of day is not in force
    pane = [hearing(t, **({"glass": 0.9} if t == 1 else {})) for t in range(14)]
    stays = [scene(t / 5, actor()) for t in range(60)]
    both = {"labels": ["person"], "sounds": ["glass"], "min_sound_spans": 1}
    assert alerts_of(stays, both, pane, **SLOW_POLICY) == [pytest.approx(7.0, abs=0.2)]
    sound = {"sounds": ["glass"], "min_sound_spans": 1}
    assert alerts_of([], sound, pane, **SLOW_POLICY) == [pytest.approx(7.0)]


def test_an_instant_is_over_after_a_second_where_the_policy_is_quick():
    rules = book(sounds=["glass"], min_sound_spans=1)
    assert [j.score for h in [hearing(0, glass=0.9), hearing(1), hearing(2)] for j in rules.hear(h)] == [1, 1, 0]


@pytest.mark.parametrize("max_fps", [0.4, 0.5, 1.0, 5.0])
def test_a_duration_survives_one_missed_look_however_seldom_the_detector_looks(max_fps):
    looks = [scene(i / max_fps, *([] if i == 1 else [actor(speed=2.0)])) for i in range(60)]
    opened = alerts_of(looks, {"min_speed": 1.0, "min_duration_s": 5}, detector={"max_fps": max_fps})
    assert opened == [pytest.approx(-(-5 // (1 / max_fps)) / max_fps)]
