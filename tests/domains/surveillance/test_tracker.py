"""Tracks keep their ids through occlusions and low, varying rates, and never use one twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domains.surveillance.config import DetectorSettings
from domains.surveillance.scene import Detections, Track
from domains.surveillance.tracker import ObjectTracker

Box = tuple[float, float, float, float]


def found(*objects: tuple[str, float, Box]) -> Detections:
    return Detections(
        np.array([box for _, _, box in objects], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in objects], np.float32),
        tuple(label for label, _, _ in objects),
    )


def walker(x: float, top: float = 0.3) -> Box:
    """A person 0.3 high and 0.1 wide."""
    return (x, top, x + 0.1, top + 0.3)


def test_a_first_look_already_gives_a_track() -> None:
    (track,) = ObjectTracker(DetectorSettings()).step(found(("person", 0.8, walker(0.5))), 0.0)
    assert (track.id, track.label, track.is_seen, track.first_s) == (1, "person", True, 0.0)


@pytest.mark.parametrize("rate_hz", [2.0, 5.0, 10.0])
def test_a_walker_keeps_the_id_behind_a_pole(rate_hz: float) -> None:
    tracker = ObjectTracker(DetectorSettings(max_fps=rate_hz, max_occlusion_s=3.0))
    tracks: list[tuple[float, tuple[Track, ...]]] = []
    for step in range(int(12 * rate_hz)):
        time_s = step / rate_hz
        is_hidden = 6.0 <= time_s < 7.6
        at = found() if is_hidden else found(("person", 0.8, walker(0.05 + 0.06 * time_s)))  # 0.2 heights a second
        tracks.append((time_s, tracker.step(at, time_s)))

    assert {t.id for _, now in tracks for t in now} == {1}
    hidden = [now for time_s, now in tracks if 6.0 <= time_s < 7.6]
    assert all(len(now) == 1 and not now[0].is_seen for now in hidden)
    assert abs(float(hidden[-1][0].box[0]) - (0.05 + 0.06 * 7.5)) < 0.06  # predicted onwards


def test_one_who_stays_away_gets_a_new_id_and_no_id_returns() -> None:
    tracker = ObjectTracker(DetectorSettings(max_occlusion_s=1.0))
    ids = set()
    for visit in range(4):
        seen = set()
        for step in range(10):
            seen |= {t.id for t in tracker.step(found(("person", 0.8, walker(0.4))), visit * 60 + step / 5)}
        assert not seen & ids
        ids |= seen
        for step in range(10):
            tracker.step(found(), visit * 60 + 2 + step / 5)
        assert not tracker.step(found(), visit * 60 + 5)
    assert len(ids) == 4


def test_a_single_false_find_does_not_live_on() -> None:
    tracker = ObjectTracker(DetectorSettings())
    tracker.step(found(("person", 0.6, walker(0.5))), 0.0)
    assert tracker.step(found(), 0.2) == ()


def test_a_faint_find_begins_nothing_but_carries_on() -> None:
    tracker = ObjectTracker(DetectorSettings(min_score=0.4))
    assert tracker.step(found(("person", 0.32, walker(0.5))), 0.0) == ()
    for step in range(1, 5):
        tracker.step(found(("person", 0.8, walker(0.5))), step / 5)
    (track,) = tracker.step(found(("person", 0.32, walker(0.5))), 1.0)
    assert track.is_seen
    assert track.score == pytest.approx(0.32)


def test_the_label_is_settled_by_vote() -> None:
    tracker = ObjectTracker(DetectorSettings())
    box = (0.2, 0.2, 0.5, 0.4)
    for step, label in enumerate(["car", "car", "truck", "car", "truck"]):
        (track,) = tracker.step(found((label, 0.6, box)), step / 5)
    assert track.label == "car"


def test_a_bag_never_takes_its_bringers_track() -> None:
    tracker = ObjectTracker(DetectorSettings())
    for step in range(10):
        tracker.step(found(("person", 0.8, walker(0.4)), ("backpack", 0.6, (0.42, 0.4, 0.48, 0.55))), step / 5)
    (person, bag) = tracker.step(found(("backpack", 0.6, (0.42, 0.4, 0.48, 0.55))), 2.0)
    assert (person.label, person.is_seen) == ("person", False)
    assert (bag.label, bag.is_seen) == ("backpack", True)


def test_two_who_pass_each_other_side_by_side_stay_themselves() -> None:
    tracker = ObjectTracker(DetectorSettings())
    for step in range(41):
        x = 0.02 * step
        tracks = tracker.step(found(("person", 0.8, walker(0.1 + x, 0.1)), ("person", 0.8, walker(0.9 - x, 0.55))), step / 5)
    assert [(t.id, round(float(t.box[1]), 2)) for t in tracks] == [(1, 0.1), (2, 0.55)]


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.floats(-1, 30, allow_nan=False), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=4)), max_size=12
    )
)
def test_any_times_and_boxes_are_borne(steps: list[tuple[float, list[tuple[float, float]]]]) -> None:
    tracker = ObjectTracker(DetectorSettings())
    time_s = 0.0
    for elapsed_s, corners in steps:
        time_s += elapsed_s
        boxes = [("person", 0.7, (x, y, min(1.0, x + 0.1), min(1.0, y + 0.2))) for x, y in corners]
        tracks = tracker.step(found(*boxes), time_s)
        assert len({t.id for t in tracks}) == len(tracks)
        assert all(((t.box >= 0) & (t.box <= 1)).all() for t in tracks)


def test_one_who_went_out_at_the_side_is_not_awaited_as_one_behind_a_pole() -> None:
    tracker = ObjectTracker(DetectorSettings(max_occlusion_s=3.0))
    for step in range(15):
        tracker.step(found(("person", 0.8, walker(max(0.0, 0.28 - 0.02 * step))), ("person", 0.8, walker(0.7, 0.6))), step / 5)
    unseen = {time_s: [t.id for t in tracker.step(found(), time_s)] for time_s in (3.2, 4.0, 5.0)}
    assert unseen == {3.2: [1, 2], 4.0: [2], 5.0: [2]}


def test_nobody_is_awaited_for_longer_than_they_were_seen() -> None:
    tracker = ObjectTracker(DetectorSettings(max_occlusion_s=3.0))
    for step in range(6):
        tracker.step(found(("person", 0.8, walker(0.5))), step / 5)
    assert [len(tracker.step(found(), time_s)) for time_s in (1.5, 1.9, 2.2)] == [1, 1, 0]
