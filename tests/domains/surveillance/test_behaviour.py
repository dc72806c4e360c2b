"""What scripted tracks do comes out exactly: dwell, speed, zones, lines, closeness, falls, things left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.surveillance.behaviour import Behaviour
from domains.surveillance.config import CameraSettings, Line, Zone
from domains.surveillance.crossing import signed_distance
from domains.surveillance.posture import posture_of_box
from domains.surveillance.scene import Actor, Motion, Posture, Scene, Track
from domains.surveillance.zones import is_inside

ASPECT, HZ = 2.0, 5.0
Box = tuple[float, float, float, float]
Script = Mapping[int, tuple[str, Callable[[float], Box | None]]]


def standing(x: float, foot: float = 0.8, height: float = 0.4) -> Box:
    """A person: x is the centre in picture heights, a third as wide as high."""
    half = height / 6
    return ((x - half) / ASPECT, foot - height, (x + half) / ASPECT, foot)


def lying(x: float, foot: float = 0.8) -> Box:
    return ((x - 0.2) / ASPECT, foot - 0.13, (x + 0.2) / ASPECT, foot)


def play(script: Script, seconds: float, settings: CameraSettings | None = None) -> list[Scene]:
    behaviour = Behaviour("hall", settings or CameraSettings(url="x"))  # type: ignore[arg-type]
    scenes, first = [], {}
    for step in range(round(seconds * HZ) + 1):
        time_s = step / HZ
        tracks = []
        for number, (label, where) in script.items():
            box = where(time_s)
            if box is not None:
                first.setdefault(number, time_s)
                tracks.append(Track(number, label, np.array(box, np.float32), 0.8, first[number], time_s))
        motion = Motion(time_s, 0.0, False, np.empty((0, 4), np.float32))
        scenes.append(behaviour.step(tuple(tracks), motion, ASPECT, time_s, 1000.0 + time_s))
    return scenes


def actor(scene: Scene, number: int) -> Actor:
    return next(a for a in scene.actors if a.track.id == number)


def test_a_walker_has_speed_in_own_heights_and_a_direction() -> None:
    scene = play({1: ("person", lambda t: standing(1.8 - 0.2 * t))}, 4.0)[-1]  # 0.2 picture heights a second, 0.4 tall

    walker = actor(scene, 1)
    assert walker.speed == pytest.approx(0.5, abs=0.01)
    assert walker.direction_deg == pytest.approx(180.0, abs=1)
    assert walker.dwell_s == pytest.approx(4.0)
    assert walker.still_s < 0.7
    assert walker.posture is Posture.UPRIGHT
    assert scene.crowding == 1
    assert scene.wall_s == pytest.approx(1004.0)


def test_up_in_the_picture_is_ninety_degrees() -> None:
    climber = actor(play({1: ("person", lambda t: standing(1.0, 0.9 - 0.1 * t))}, 3.0)[-1], 1)
    assert climber.direction_deg == pytest.approx(90.0, abs=1)


def test_one_who_stands_has_no_direction_and_counts_from_the_stop() -> None:
    scenes = play({1: ("person", lambda t: standing(0.4 + 0.2 * min(t, 2.0)))}, 8.0)
    stander = actor(scenes[-1], 1)
    assert stander.direction_deg is None
    assert stander.speed == pytest.approx(0.0, abs=0.01)
    assert stander.still_s == pytest.approx(6.0, abs=0.5)


def test_a_fall_shows_as_descent_and_then_as_lying_for_so_long() -> None:
    scenes = play({1: ("person", lambda t: standing(1.0) if t < 3.0 else lying(1.0))}, 8.0)

    assert max(actor(s, 1).descent for s in scenes) > 0.5
    assert all(actor(s, 1).descent < 0.05 for s in scenes[:15])
    fallen = actor(scenes[-1], 1)
    assert fallen.posture is Posture.LYING
    assert fallen.lying_s == pytest.approx(5.0, abs=0.21)
    assert fallen.descent == pytest.approx(0.0, abs=0.01)


def test_one_wrong_look_does_not_lay_a_person_down() -> None:
    scenes = play({1: ("person", lambda t: lying(1.0) if abs(t - 3.0) < 0.05 else standing(1.0))}, 5.0)
    assert all(actor(s, 1).lying_s == 0.0 for s in scenes)


def test_who_rises_lies_no_longer() -> None:
    scenes = play({1: ("person", lambda t: lying(1.0) if t < 4.0 else standing(1.0))}, 6.0)
    assert actor(scenes[-1], 1).lying_s == 0.0
    assert actor(scenes[-1], 1).posture is Posture.UPRIGHT


@pytest.mark.parametrize(
    ("box", "tall", "posture"),
    [
        (standing(1.0), 0.4, Posture.UPRIGHT),
        (lying(1.0), 0.4, Posture.LYING),
        ((0.4, 0.5, 0.5, 0.75), 0.4, Posture.BENT),  # 0.2 wide, 0.25 high
        (standing(1.0, height=0.25), 0.4, Posture.BENT),  # lost a third of its height
        ((0.4, 0.8, 0.5, 1.0), 0.4, Posture.UNKNOWN),  # cut by the lower edge
        ((0.5, 0.5, 0.5, 0.5), 0.4, Posture.UNKNOWN),
    ],
)
def test_posture_of_a_box(box: Box, tall: float, posture: Posture) -> None:
    assert posture_of_box(box, ASPECT, tall) is posture


def test_a_zone_holds_who_stands_in_it_since_they_entered() -> None:
    zone = Zone(polygon=[(0.5, 0.5), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0)])
    settings = CameraSettings(url="x", zones={"door": zone})  # type: ignore[arg-type]
    scenes = play({1: ("person", lambda t: standing(0.6 + 0.2 * t))}, 6.0, settings)  # the edge at x = 1.0 after 2 s

    assert actor(scenes[5], 1).zones == {}
    assert actor(scenes[-1], 1).zones["door"] == pytest.approx(4.0, abs=0.21)


def test_a_head_in_the_zone_is_not_a_foot_in_it() -> None:
    zone = Zone(polygon=[(0.0, 0.0), (1.0, 0.0), (1.0, 0.6), (0.0, 0.6)])
    settings = CameraSettings(url="x", zones={"window": zone})  # type: ignore[arg-type]
    assert actor(play({1: ("person", lambda t: standing(1.0))}, 1.0, settings)[-1], 1).zones == {}


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_triangle_holds_what_its_edges_hold(x: float, y: float) -> None:
    triangle = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
    if abs(x + y - 1.0) > 1e-6:
        assert is_inside((x, y), triangle) == (x + y < 1.0)


def test_a_line_is_crossed_once_each_way_and_not_past_its_end() -> None:
    # From the top down: left of it, seen along it, is the picture's right.
    settings = CameraSettings(url="x", lines={"gate": Line(start=(0.5, 0.5), end=(0.5, 1.0))})  # type: ignore[arg-type]
    there_and_back = play({1: ("person", lambda t: standing(1.4 - 0.2 * t if t < 4 else 0.6 + 0.2 * (t - 4)))}, 8.0, settings)
    above = play({1: ("person", lambda t: standing(1.4 - 0.2 * t, foot=0.45))}, 4.0, settings)
    on_it = play({1: ("person", lambda t: standing(1.0 + 0.01 * (-1) ** round(t * HZ)))}, 6.0, settings)

    assert [(c.line, c.track_id, c.direction) for s in there_and_back for c in s.crossings] == [("gate", 1, "in"), ("gate", 1, "out")]
    assert not any(s.crossings for s in above)
    assert not any(s.crossings for s in on_it)


def test_right_of_a_line_is_positive() -> None:
    assert signed_distance((0.5, 0.7), (0.0, 0.5), (1.0, 0.5)) == pytest.approx(0.2)
    assert signed_distance((0.5, 0.2), (0.0, 0.5), (1.0, 0.5)) == pytest.approx(-0.3)


def test_those_within_a_height_are_near() -> None:
    script: Script = {n: ("person", lambda t, x=x: standing(x)) for n, x in ((1, 0.5), (2, 0.8), (3, 1.5))}  # type: ignore[misc]
    scene = play(script, 1.0)[-1]
    assert {a.track.id: a.near for a in scene.actors} == {1: (2,), 2: (1,), 3: ()}
    assert scene.crowding == 3


BAG: Box = (0.49, 0.72, 0.53, 0.8)


def test_a_bag_whose_bringer_left_is_abandoned() -> None:
    bringer = lambda t: standing(1.0) if t < 4.0 else standing(1.0 + 0.3 * (t - 4.0)) if t < 7 else None  # noqa: E731
    scenes = play({1: ("person", bringer), 2: ("suitcase", lambda t: BAG if t >= 2.0 else None)}, 16.0)

    assert not any(a.is_abandoned for s in scenes if s.time_s < 6.0 for a in s.actors)
    assert actor(scenes[-1], 2).is_abandoned


def test_a_bag_with_its_bringer_or_of_the_room_is_not() -> None:
    beside = play({1: ("person", lambda t: standing(1.1)), 2: ("suitcase", lambda t: BAG if t >= 2.0 else None)}, 16.0)
    of_the_room = play({2: ("suitcase", lambda t: BAG)}, 16.0)
    assert not any(a.is_abandoned for s in (*beside, *of_the_room) for a in s.actors)


def test_a_bag_that_the_detector_lost_and_found_is_the_same_bag() -> None:
    bringer = lambda t: standing(1.0) if t < 4.0 else None  # noqa: E731
    script: Script = {
        1: ("person", bringer),
        2: ("handbag", lambda t: BAG if 2.0 <= t < 8.0 else None),
        3: ("handbag", lambda t: BAG if t >= 12.0 else None),
    }
    assert actor(play(script, 13.0)[-1], 3).is_abandoned
