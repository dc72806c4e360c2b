"""Scenes and sounds in words: literal, deterministic, and never a number that no value carries."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.surveillance.scene import Actor, Crossing, Hearing, Motion, Posture, Scene, Track
from domains.surveillance.sentences import describe_hearing, describe_moment, describe_scene


def someone(number: int, label: str = "person", **does: object) -> Actor:
    return Actor(Track(number, label, np.array([0.1, 0.1, 0.2, 0.5], np.float32), 0.8, 0.0, 1.0), **does)  # type: ignore[arg-type]


def scene(*actors: Actor, time_s: float = 5.0, area: float = 0.0, crossings: tuple[Crossing, ...] = (), lighting: bool = False) -> Scene:
    motion = Motion(time_s, area, area > 0, np.empty((0, 4), np.float32), lighting)
    return Scene("hall", time_s, None, motion, actors, crossings, sum(a.track.label == "person" for a in actors))


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (scene(), ("nobody is in view; nothing moves",)),
        (scene(area=0.034), ("nobody is in view; 3 % of the picture moves",)),
        (scene(lighting=True), ("nobody is in view; the light changes",)),
        (
            scene(someone(1, posture=Posture.LYING, lying_s=6.2, zones={"door": 9.0})),
            ("a person lies in zone door for 6 s",),
        ),
        (
            scene(*(someone(n, posture=Posture.UPRIGHT, speed=1.2, direction_deg=178.0) for n in (1, 2))),
            ("two people walk left, 1.2 heights a second",),
        ),
        (scene(someone(1, posture=Posture.UPRIGHT, speed=1.6, direction_deg=44.0)), ("a person runs up and right, 1.6 heights a second",)),
        (scene(someone(1, posture=Posture.UPRIGHT, still_s=12.4)), ("a person stands, still for 12 s",)),
        (scene(someone(1, posture=Posture.BENT)), ("a person is bent or sits",)),
        (scene(someone(1, "suitcase", is_abandoned=True, still_s=20.0)), ("a suitcase stands left behind for 20 s",)),
        (scene(someone(1, "car", speed=0.8, direction_deg=0.0)), ("a car moves right, 0.8 heights a second",)),
        (
            scene(someone(1, descent=0.83), crossings=(Crossing("gate", 1, "in"),)),
            ("a person came down at 0.8 of their own heights a second", "a person crosses line gate (in)", "a person stands"),
        ),
        (scene(someone(1, near=(2,)), someone(2, near=(1,))), ("two people stand", "two people are close together")),
    ],
)
def test_a_scene_is_told_plainly(shown: Scene, told: tuple[str, ...]) -> None:
    assert describe_scene(shown) == told


def test_what_stands_out_is_told_first() -> None:
    told = describe_scene(scene(someone(1, still_s=30.0), someone(2, posture=Posture.LYING, lying_s=3.0), someone(3, "car")))
    assert told[0] == "a person lies for 3 s"


def test_who_left_and_who_fell_is_told_from_the_scenes_before() -> None:
    before = (scene(someone(1, descent=0.7), someone(2), time_s=4.0),)
    told = describe_scene(scene(someone(1, posture=Posture.LYING, lying_s=1.0)), before)
    assert told == (
        "a person came down at 0.7 of their own heights a second",
        "a person lies for 1 s",
        "a person is no longer in view",
    )


@pytest.mark.parametrize(
    ("tags", "speech", "told"),
    [
        ({"scream": 0.82}, 0.0, ("a scream is heard (0.82)",)),
        ({"crying_baby": 0.9, "dog": 0.6}, 0.0, ("a crying baby is heard (0.90)", "a dog is heard (0.60)")),
        ({"glass": 0.7}, 0.0, ("breaking glass is heard (0.70)",)),
        ({"rain": 0.7}, 0.0, ("rain is heard (0.70)",)),
        ({}, 0.75, ("somebody speaks (0.75)",)),
        ({}, 0.0, ("nothing stands out in the sound",)),
    ],
)
def test_a_sound_is_told_plainly(tags: dict[str, float], speech: float, told: tuple[str, ...]) -> None:
    assert describe_hearing(Hearing("hall", 0.0, 1.0, None, -30.0, tags, speech)) == told


def test_a_moment_holds_both_and_the_surest_of_each_sound() -> None:
    hearings = [Hearing("hall", t, t + 1.0, None, -40.0, {"dog": p}, 0.0) for t, p in ((0.0, 0.5), (0.5, 0.8))]
    told = describe_moment((scene(someone(1, posture=Posture.LYING, lying_s=6.0)),), hearings)
    assert told == ("a person lies for 6 s", "a dog is heard (0.80)")
    assert describe_moment((), ()) == ()


actors = st.builds(
    someone,
    st.integers(1, 5),
    st.sampled_from(["person", "car", "dog", "bus"]),
    dwell_s=st.floats(0, 100),
    still_s=st.floats(0, 100),
    speed=st.floats(0, 5),
    direction_deg=st.none() | st.floats(0, 359.9),
    posture=st.sampled_from(list(Posture)),
    lying_s=st.floats(0, 50),
    descent=st.floats(-2, 2),
)


@given(st.lists(actors, max_size=5, unique_by=lambda a: a.track.id), st.floats(0, 1))
def test_every_number_comes_from_a_value(them: list[Actor], area: float) -> None:
    shown = scene(*them, area=area)
    told = describe_scene(shown)

    values = {f"{v:.1f}" for a in them for v in (a.speed, a.descent)} | {f"{v:.0f}" for a in them for v in (a.still_s, a.lying_s)}
    values |= {str(len(them)), str(shown.crowding), str(max(1, round(100 * area)))}
    assert told == describe_scene(shown)
    assert told
    assert set(re.findall(r"\d+(?:\.\d+)?", " ".join(told))) <= values
