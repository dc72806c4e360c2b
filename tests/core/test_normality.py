"""Normality: bounded, calibrated by events, aware of the hour, whole on disk."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from core.errors import InputError, ModelError, StoreError
from core.normality import ON_PROBABILITY, Normality
from core.normality_file import load_memory, save_memory
from core.normality_pictures import (
    PICTURE_BYTES,
    PICTURES_KEPT,
    UsualPicture,
    forget_before,
    pictures_as_arrays,
    pictures_of_arrays,
    put_picture,
)
from core.tail import fit_tail


def visits(rng, count, gap_s=60.0, length_s=10.0, start_s=0.0):
    """Quiet, with visits of one kind: position along the first axis, speed about 1."""
    time_s = start_s
    for _ in range(count):
        end_s = time_s + rng.exponential(gap_s) + 5
        while time_s < end_s:
            yield time_s, np.zeros(3, np.float32)
            time_s += 1.0
        speed = rng.normal(1.0, 0.15)
        for step in range(int(length_s)):
            yield time_s, np.array([1.0, step / length_s * 4 + rng.normal(0, 0.2), speed + rng.normal(0, 0.05)], np.float32)
            time_s += 1.0


def learn(normality, moments):
    last = 0.0
    for time_s, vector in moments:
        normality.see(vector, time_s)
        last = time_s
    return last


def taught(count=120, **more):
    normality = Normality([1.0, 1.0, 0.3], **more)
    return normality, learn(normality, visits(np.random.default_rng(0), count))


def test_odd_speed_stands_out_and_usual_does_not():
    normality, now_s = taught()
    usual = normality.see(np.array([1, 2, 1], np.float32), now_s + 100)
    odd = normality.see(np.array([1, 2, 6], np.float32), now_s + 200)
    assert usual.probability < 0.2
    assert odd.probability > ON_PROBABILITY
    assert odd.distance > 10
    assert odd.nearest[0].visits >= 1
    assert odd.expected[2] == pytest.approx(1.0, abs=0.5)


def test_nothing_is_unusual_while_learning():
    normality = Normality([1.0, 1.0, 0.3], learn_for_s=600)
    learn(normality, visits(np.random.default_rng(0), 3))
    assert normality.is_learning
    assert normality.see(np.array([9, 9, 9], np.float32), normality.footage_s).probability == 0


def test_false_alerts_on_usual_footage_keep_to_the_rate():
    events = hours = 0.0
    for seed in range(3):
        normality, is_on, last_on_s = Normality([1.0, 1.0, 0.3], false_alerts_per_hour=0.5), False, -1e9
        for time_s, vector in visits(np.random.default_rng(seed), 200):
            is_on = normality.see(vector, time_s).probability >= ON_PROBABILITY
            if is_on and time_s - last_on_s > 30:
                events += 1
            last_on_s = time_s if is_on else last_on_s
        hours += normality.footage_s / 3600
    assert hours > 8
    assert events / hours <= 0.5


def test_what_recurs_becomes_usual_but_not_while_it_lasts():
    normality, now_s = taught()
    strange = np.array([1, 2, 4], np.float32)
    first = [normality.see(strange, now_s + 1 + t).probability for t in range(600)]
    assert min(first) > ON_PROBABILITY
    for occasion in range(6):
        now_s = learn(normality, visits(np.random.default_rng(occasion), 3, start_s=now_s + 1000))
        last = normality.see(strange, now_s + 1)
    assert last.probability < 0.2


def test_the_hour_is_judged_by_itself_once_it_is_known():
    normality = Normality([1.0, 1.0, 0.3], known_hour_s=3600)
    rng = np.random.default_rng(0)
    for day in range(3):
        for hour in (3.5, 15.5):
            start_s = day * 86_400 + hour * 3600
            for time_s, vector in visits(rng, 40, start_s=start_s):
                normality.see(vector if hour > 12 else np.zeros(3, np.float32), time_s, hour)
    person = np.array([1, 2, 1], np.float32)
    assert normality.see(person, 1e6, 15.5).probability < 0.2
    assert normality.see(person, 1e6 + 100, 3.5).distance > 1.5
    assert normality.see(person, 1e6 + 200, 9.0).distance < 0.7  # an hour not seen: as at any hour


def test_memory_is_bounded_and_keeps_the_visits():
    normality = Normality([0.01, 0.01], capacity=50)
    rng = np.random.default_rng(0)
    for time_s in range(500):
        normality.see(rng.normal(size=2).astype(np.float32), float(time_s))
    assert len(normality.memory.vectors) == len(normality.memory.notes) == 50
    assert normality.memory.visits.sum() == 500


def test_resting_scene_costs_no_search(monkeypatch):
    normality, now_s = taught()
    zero = np.zeros(3, np.float32)
    normality.see(zero, now_s)
    monkeypatch.setattr("core.normality._distances", lambda *_: pytest.fail("it searched"))
    for t in range(20):
        assert normality.see(zero, now_s + t).probability == 0


def test_saved_and_loaded_judges_the_same(tmp_path):
    normality, now_s = taught(40)
    file = tmp_path / "deep" / "m.safetensors"
    save_memory(normality.memory, file, "v1")
    again = Normality([1.0, 1.0, 0.3], memory=load_memory(file, "v1"))
    normality.recalibrate()
    probe = np.array([1, 2, 3], np.float32)
    one, two = normality.see(probe, now_s + 100), again.see(probe, now_s + 100)
    assert one.distance == pytest.approx(two.distance)
    assert again.footage_s == pytest.approx(normality.footage_s, abs=110)
    assert load_memory(file, "v2") is None
    assert load_memory(tmp_path / "none", "v1") is None
    assert [p.name for p in file.parent.iterdir()] == ["m.safetensors"]
    with pytest.raises(InputError, match="learn anew"):
        Normality([1.0], memory=load_memory(file, "v1"))


@pytest.mark.parametrize("damage", [lambda b: b[:-20], lambda b: b"", lambda b: b[:100], lambda b: b"\xff" * 200, lambda b: b"x" * 10_000])
def test_damaged_file_is_one_clear_error(tmp_path, damage):
    normality, _ = taught(5)
    file = tmp_path / "m.safetensors"
    save_memory(normality.memory, file, "v1")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ModelError, match="learned anew"):
        load_memory(file, "v1")


def test_arrays_that_do_not_belong_together_are_refused(tmp_path):
    normality, _ = taught(5)
    normality.memory.ids = normality.memory.ids[:-1]
    save_memory(normality.memory, tmp_path / "m", "v1")
    with pytest.raises(ModelError):
        load_memory(tmp_path / "m", "v1")


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/dev/full"), reason="no full device here")  # noqa: PTH110
def test_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    normality, _ = taught(5)
    file = tmp_path / "m"
    save_memory(normality.memory, file, "v1")
    before = file.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        save_memory(normality.memory, file, "v1")
    assert file.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_bad_vectors_are_refused():
    normality = Normality([1.0, 1.0])
    for bad in ([1.0], [1.0, np.nan], [[1.0, 1.0]]):
        with pytest.raises(InputError):
            normality.see(np.array(bad, np.float32), 0.0)
    with pytest.raises(InputError):
        Normality([1.0, 0.0])


@given(st.lists(st.floats(0, 100, width=32), max_size=200), st.floats(0, 200), st.floats(0, 200))
def test_exceedance_falls_and_stays_a_probability(values, one, two):
    tail = fit_tail(np.array(values, np.float32), 0.25)
    low, high = sorted((one, two))
    assert 0 <= tail.exceedance(high) <= tail.exceedance(low) + 1e-6
    assert tail.exceedance(low) <= 1


@given(st.lists(st.floats(0, 100, width=32), min_size=1, max_size=200), st.floats(1e-5, 0.5))
def test_level_is_where_the_exceedance_is_reached(values, share):
    tail = fit_tail(np.array(values, np.float32), 0.25)
    level = tail.level(share)
    if level > tail.threshold:
        assert tail.exceedance(level) == pytest.approx(share, rel=1e-2)


def test_tail_of_known_distribution_is_close():
    rng = np.random.default_rng(0)
    tail = fit_tail(rng.exponential(1.0, 5000).astype(np.float32), 0.01)
    assert np.exp(-9) / 3 < tail.exceedance(9.0) < np.exp(-9) * 6  # on the careful side


def jpeg(number, size=100):
    return b"\xff\xd8" + str(number).encode().ljust(size - 4, b"x") + b"\xff\xd9"


def pictured(count=20, capacity=1_024):
    """Learned with pictures that name the second in which they were taken."""
    normality = Normality([1.0, 1.0, 0.3], capacity=capacity)
    last_s = 0.0
    for time_s, vector in visits(np.random.default_rng(0), count):
        normality.see(vector, time_s, wall_s=1e9 + time_s, picture=lambda t=time_s: jpeg(int(t)))
        last_s = time_s
    return normality, last_s


def test_the_nearest_usual_moments_come_with_their_pictures():
    normality, now_s = pictured()
    odd = normality.see(np.array([1, 2, 6], np.float32), now_s + 200)
    assert len(odd.nearest) == 3
    for example in odd.nearest:
        assert example.picture.wall_s == 1e9 + example.picture.time_s
        assert example.picture.jpeg == jpeg(int(example.picture.time_s))


def test_a_picture_is_asked_for_only_where_it_is_kept():
    normality = Normality([1.0, 1.0, 0.3])
    asked = []
    for second in range(100):
        normality.see(np.zeros(3, np.float32), float(second), picture=lambda s=second: asked.append(s) or jpeg(s))
    assert asked == [0]


def test_pictures_are_few_small_and_go_with_their_moments():
    normality, _ = pictured(100, capacity=20)
    memory = normality.memory
    assert set(memory.pictures) <= set(memory.ids.tolist())
    pictures = {}
    for number in range(PICTURES_KEPT + 10):
        put_picture(pictures, number, UsualPicture(jpeg(number), 0.0, None))
    put_picture(pictures, 10_000, UsualPicture(jpeg(1, PICTURE_BYTES + 1), 0.0, None))
    put_picture(pictures, 10_001, UsualPicture(b"<svg onload=alert(1)>", 0.0, None))
    assert list(pictures) == list(range(10, PICTURES_KEPT + 10))


def test_pictures_live_on_but_not_where_more_must_be_hidden_now(tmp_path):
    normality, _ = pictured()
    save_memory(normality.memory, tmp_path / "m", "v1", shown_as="faces shown")
    assert load_memory(tmp_path / "m", "v1", shown_as="faces shown").pictures == normality.memory.pictures != {}
    assert load_memory(tmp_path / "m", "v1", shown_as="faces hidden").pictures == {}


def test_a_file_from_before_there_were_pictures_still_loads(tmp_path):
    normality, _ = pictured()
    save_memory(normality.memory, tmp_path / "m", "v1")
    with safe_open(tmp_path / "m", framework="numpy") as opened:
        header = {k: v for k, v in opened.metadata().items() if k not in ("sha256", "shown_as")}
        arrays = {k: opened.get_tensor(k) for k in opened.keys() if not k.startswith("picture_")}  # noqa: SIM118
    save_file(arrays, tmp_path / "old", metadata=header)
    memory = load_memory(tmp_path / "old", "v1")
    assert memory.footage_s == normality.memory.footage_s
    assert memory.pictures == {}


def test_a_changed_number_or_picture_is_noticed(tmp_path):
    normality, _ = pictured(5)
    save_memory(normality.memory, tmp_path / "m", "v1")
    whole = (tmp_path / "m").read_bytes()
    for at in (-1, len(whole) // 2, -len(jpeg(0)) * len(normality.memory.pictures) - 200):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        (tmp_path / "m").write_bytes(damaged)
        with pytest.raises(ModelError, match="learned anew"):
            load_memory(tmp_path / "m", "v1")


@pytest.mark.parametrize(
    "change",
    [
        {"picture_sizes": np.array([2**62, 2**62], np.int64)},
        {"picture_sizes": np.array([-100, 300], np.int64)},
        {"picture_ids": np.array([1, 1], np.int64)},
        {"picture_times": np.full((2, 2), np.nan)},
        {"picture_times": np.zeros((3, 2))},
        {"picture_bytes": np.zeros(200, np.uint8)},
        {"picture_bytes": np.zeros((2, 100), np.uint8)},
        {"picture_ids": np.array([1.0, 2.0])},
    ],
)
def test_hostile_pictures_are_refused(change):
    arrays = pictures_as_arrays({1: UsualPicture(jpeg(1), 1.0, None), 2: UsualPicture(jpeg(2), 2.0, 5.0)})
    assert len(pictures_of_arrays(arrays)) == 2
    with pytest.raises(ValueError, match="picture"):
        pictures_of_arrays(arrays | change)


def test_pictures_are_forgotten_by_age():
    pictures = {1: UsualPicture(jpeg(1), 1.0, 100.0), 2: UsualPicture(jpeg(2), 1.0, 300.0), 3: UsualPicture(jpeg(3), 1.0, None)}
    forget_before(pictures, 200.0)
    assert list(pictures) == [2, 3]
