"""Normality: bounded, calibrated by events, aware of the hour, whole on disk."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError, ModelError, StoreError
from core.normality import ON_PROBABILITY, Normality
from core.normality_file import load_memory, save_memory
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
