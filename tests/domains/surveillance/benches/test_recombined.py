"""Made footage: what is inserted is there, once, marked, at its time; the same seed gives the same footage."""

from __future__ import annotations

import numpy as np
import pytest

from domains.surveillance.benches.recombined import Happening, Seen, cut, footage
from domains.surveillance.scene import Actor, Motion, Scene, Track


def scene(time_s, x=0.1):
    box = np.array([x, 0.2, x + 0.1, 0.6], np.float32)
    motion = Motion(time_s, 0.05, True, np.empty((0, 4), np.float32))
    return Scene("film", time_s, None, motion, (Actor(Track(1, "person", box, 0.9, 0, time_s), speed=1.0, near=(2,)),), (), 1)


def happening(name="walk", odd_from_s=float("inf")):
    return Happening(name, tuple(scene(t / 5, 0.1 + t / 100) for t in range(50)), odd_from_s)


def test_odd_things_are_inserted_once_and_marked():
    odd = [(600.0, happening("fall", odd_from_s=5.0)), (1200.0, happening("car", odd_from_s=float("-inf")))]
    looks = list(footage(2000, lambda *_: happening(), odd, seed=1, gap_s=30))
    times = [look.scene.time_s for look in looks]
    assert np.diff(times) == pytest.approx(1.0)
    events = sorted({look.event for look in looks if look.is_odd})
    assert len(events) == 2
    begins = [min(look.scene.time_s for look in looks if look.event == e) for e in events]
    assert 600 <= begins[0] < 760
    assert 1200 <= begins[1] < 1360
    assert [sum(look.is_odd for look in looks if look.event == e) for e in events] == [5, 10]
    ids = [{a.track.id for look in looks if look.event == e for a in look.scene.actors} for e in events]
    assert ids[0].isdisjoint(ids[1])


def test_the_seed_decides():
    def made(seed):
        return [(m.scene.time_s, m.event) for m in footage(500, lambda *_: happening(), [], seed, 20)]

    assert made(1) == made(1) != made(2)


def test_a_cut_has_a_second_around_it_and_knows_when_it_becomes_odd():
    seen = [Seen(i, scene(i / 10), np.full(2, i, np.float32)) for i in range(100)]
    taken = cut("x", seen, 30, 60, odd_from_s=4.0)
    assert taken.scenes[0].time_s == 0
    assert taken.scenes[-1].time_s == pytest.approx(5.0)
    assert taken.odd_from_s == pytest.approx(2.0)
    assert cut("x", seen, 200, 300) is None
