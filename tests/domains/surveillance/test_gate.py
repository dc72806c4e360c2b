"""The gate sees what moves, and neither noise, nor exposure, nor what merely stands there."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.samples import ByteArray
from domains.surveillance.config import GateSettings
from domains.surveillance.gate import MotionGate, motion_events, shrink
from domains.surveillance.scene import Motion

HEIGHT, WIDTH, HZ = 144, 192, 10.0


def room(rng: np.random.Generator) -> np.ndarray:
    """A picture with large patches of different brightness, float."""
    return np.kron(rng.uniform(40, 200, (6, 8)), np.ones((HEIGHT // 6, WIDTH // 8)))


def seen(picture: np.ndarray, rng: np.random.Generator, noise: float, gain: float = 1.0) -> ByteArray:
    return np.clip(picture * gain + rng.normal(0, noise, picture.shape), 0, 255).astype(np.uint8)


def luma_of(film: Path) -> Iterator[tuple[float, ByteArray]]:
    with av.open(str(film)) as container:
        for frame in container.decode(video=0):
            yield float(frame.time or 0.0), frame.to_ndarray(format="gray")


def scan(film: Path) -> list[Motion]:
    gate = MotionGate(GateSettings())
    return [gate.step(luma, time_s) for time_s, luma in luma_of(film)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), noise=st.floats(0, 6), drift=st.floats(-0.02, 0.02))
def test_noise_and_drifting_exposure_are_no_motion(seed: int, noise: float, drift: float) -> None:
    rng = np.random.default_rng(seed)
    picture, gate = room(rng) * 0.8, MotionGate(GateSettings())

    motions = [gate.step(seen(picture, rng, noise, (1 + drift) ** (i / 5)), i / HZ) for i in range(100)]

    assert not any(m.is_moving for m in motions)
    assert not any(m.area or len(m.regions) for m in motions)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), noise=st.floats(0, 4), contrast=st.sampled_from([-60, -35, 35, 60]), row=st.integers(10, 110))
def test_a_box_of_the_least_area_is_found_while_it_moves_and_no_longer(seed: int, noise: float, contrast: int, row: int) -> None:
    rng = np.random.default_rng(seed)
    picture, gate = np.clip(room(rng), 70, 180), MotionGate(GateSettings(min_area=0.004, hold_s=1.0))
    motions = []
    for i in range(100):
        frame = picture.copy()
        if 50 <= i < 80:
            left = 20 + 2 * (i - 50)
            frame[row : row + 15, left : left + 12] += contrast  # 180 of 27648 pixels: 0.0065
        motions.append(gate.step(seen(frame, rng, noise), i / HZ))

    (begin_s, end_s) = motion_events(motions)[0]

    assert len(motion_events(motions)) == 1
    assert 5.0 <= begin_s <= 5.3
    assert 7.7 <= end_s <= 8.1
    assert motions[85].is_moving  # held
    assert not motions[95].is_moving
    x1, y1, x2, y2 = motions[65].regions[0]
    assert abs((x1 + x2) / 2 - (20 + 30 + 6) / WIDTH) < 0.04
    assert abs((y1 + y2) / 2 - (row + 7.5) / HEIGHT) < 0.05


def test_a_thing_put_down_ends_its_motion_at_once_and_comes_to_belong_to_the_room() -> None:
    rng = np.random.default_rng(1)
    picture, gate = room(rng), MotionGate(GateSettings(hold_s=0.5))
    later = picture.copy()
    later[60:100, 80:120] = 250 - later[60:100, 80:120]
    frames = [picture] * 50 + [later] * 900 + [picture] * 20

    motions = [gate.step(seen(frame, rng, 1.0), i / HZ) for i, frame in enumerate(frames)]
    events = motion_events(motions)

    assert len(events) == 2  # put down, taken away: nothing in between
    assert events[0] == pytest.approx((5.0, 5.0), abs=0.21)
    assert events[1] == pytest.approx((95.0, 95.0), abs=0.21)


def test_lights_that_go_on_are_light_and_learned_anew() -> None:
    rng = np.random.default_rng(2)
    dark, bright, gate = room(rng) * 0.2, room(np.random.default_rng(99)), MotionGate(GateSettings())

    motions = [gate.step(seen(dark if i < 50 else bright, rng, 1.0), i / HZ) for i in range(100)]

    assert motions[50].is_lighting
    assert not any(m.is_moving for m in motions)


def test_a_camera_that_darkens_for_a_car_sees_the_car_alone(shared_data: Path) -> None:
    film = shared_data / "surveillance" / "intel_sample_videos" / "car-detection.mp4"
    with (film.parent / "presence.csv").open() as table:
        spans = [(int(r["first_frame"]) / 12.5, int(r["last_frame"]) / 12.5) for r in csv.DictReader(table) if r["label"] == "car"]

    motions = scan(film)
    events = motion_events(motions)

    assert len(events) == len(spans)
    for (begin_s, end_s), (car_begin_s, car_end_s) in zip(events, spans, strict=True):
        assert abs(begin_s - car_begin_s) <= 0.5  # the table is good to 5 frames of 0.08 s
        assert abs(end_s - car_end_s) <= 0.6
    recovering = [m for m in motions if 28.2 <= m.time_s <= 29.4]  # frames 353 to 368: still dark, nobody there
    assert not any(m.area for m in recovering)
    assert any(m.is_lighting for m in recovering)


def test_every_visit_of_one_by_one_begins_an_event(shared_data: Path) -> None:
    film = shared_data / "surveillance" / "intel_sample_videos" / "one-by-one-person-detection.mp4"
    with (film.parent / "presence.csv").open() as table:
        visits = [(int(r["first_frame"]) / 10, int(r["last_frame"]) / 10) for r in csv.DictReader(table) if r["label"] == "person"]

    motions = scan(film)
    begins = [begin for begin, _ in motion_events(motions)]

    for first_s, _ in visits:
        assert min(abs(begin - first_s) for begin in begins) <= 0.8
    empty = [m for m in motions if m.time_s < 5.5 or 20.8 < m.time_s < 22.0 or 45.8 < m.time_s < 49.6]
    assert not any(m.area for m in empty)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (3000, 1), (2, 2), (4320, 7680), (37, 61)])
def test_any_size_is_looked_at(shape: tuple[int, int]) -> None:
    gate = MotionGate(GateSettings())
    for index in range(3):
        motion = gate.step(np.full(shape, 40 * index, np.uint8), index / HZ)
    assert 0.0 <= motion.area <= 1.0
    assert max(shrink(np.zeros(shape, np.uint8)).shape) <= 240


def test_a_change_of_size_starts_afresh_without_motion() -> None:
    rng = np.random.default_rng(3)
    gate = MotionGate(GateSettings())
    motions = [gate.step(rng.integers(90, 110, (HEIGHT, WIDTH), np.uint8), i / HZ) for i in range(20)]
    motions += [gate.step(rng.integers(140, 160, (480, 640), np.uint8), 2 + i / HZ) for i in range(20)]
    assert not any(m.is_moving for m in motions)


def test_time_that_stands_still_or_goes_back_is_borne() -> None:
    rng = np.random.default_rng(4)
    gate = MotionGate(GateSettings())
    for time_s in (0.0, 0.1, 0.1, 0.05, 1e9, 0.2):
        motion = gate.step(rng.integers(90, 110, (HEIGHT, WIDTH), np.uint8), time_s)
        assert not motion.is_moving


def test_what_is_no_luma_is_refused() -> None:
    gate = MotionGate(GateSettings())
    for wrong in (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8)):
        with pytest.raises(InputError, match="luma"):
            gate.step(wrong, 0.0)


def test_events_end_with_the_last_moving_frame() -> None:
    none = np.empty((0, 4), np.float32)
    verdicts = [(0.0, 0.0, False), (1.0, 0.1, True), (2.0, 0.1, True), (3.0, 0.0, True), (4.0, 0.0, False), (5.0, 0.2, True)]
    assert motion_events(Motion(t, area, moving, none) for t, area, moving in verdicts) == [(1.0, 2.0), (5.0, 5.0)]


def test_what_comes_again_and_again_to_the_same_place_is_seen_as_large_every_time() -> None:
    """Its own coming and going must not be learned as the place's noise."""
    rng = np.random.default_rng(5)
    picture, gate, areas = np.clip(room(rng), 70, 180), MotionGate(GateSettings()), []
    for visit in range(16):
        largest = 0.0
        for i in range(180):
            frame = picture.copy()
            if i >= 100:
                sway = int(12 * np.sin((i - 100) / 6))
                frame[40:100, 80 + sway : 110 + sway] += 25 * np.sign(np.sin((i - 100) / 9) + 0.3)
            motion = gate.step(seen(frame, rng, 2.0), visit * 18 + i / HZ)
            largest = max(largest, motion.area if i >= 100 else 0.0)
        areas.append(largest)
    assert min(areas) > 0.9 * areas[0] > 0.05
