"""The made cameras: no clip is on both sides, whole clips are held out, what precedes a fall holds nothing of it."""

from __future__ import annotations

import numpy as np

from domains.surveillance.benches.places import Clip, Place, _camera, _folds, _windows
from domains.surveillance.benches.recombined import Happening, Seen
from domains.surveillance.scene import Motion, Scene


def seen(count, fps=10):
    motion = Motion(0.0, 0.05, True, np.empty((0, 4), np.float32))
    return [Seen(i, Scene("film", i / fps, None, motion, (), (), 0)) for i in range(count)]


def happening(name, odd_from_s=float("inf")):
    return Happening(name, tuple(s.scene for s in seen(20)), odd_from_s)


def test_a_fall_and_its_beginning_are_never_before_the_same_camera():
    clips = [Clip("B", happening(f"daily {i}"), None) for i in range(6)]
    clips += [Clip("B", happening(f"fall {i}", 1.0), happening(f"fall {i} before") if i != 3 else None) for i in range(8)]
    cameras = _folds(clips, np.random.default_rng(0))
    odd = [{h.name for h in c.odd} for c in cameras]
    assert odd[0].isdisjoint(odd[1])
    assert odd[0] | odd[1] == {f"fall {i}" for i in range(8)}
    for camera, falls in zip(cameras, odd, strict=True):
        usual = {h.name.removesuffix(" before") for h in (*camera.early, *camera.late)}
        assert usual.isdisjoint(falls)
        assert len(usual) >= 6 + 3
    assert Place("room", cameras).about.startswith("9 to 10 usual clips a fold (3 of them new in the measured part), 8 odd")


def test_held_out_clips_are_whole_and_not_shown_before():
    camera = _camera([happening(str(i)) for i in range(9)], [], np.random.default_rng(0))
    assert len(camera.late) == 3
    assert {h.name for h in camera.early}.isdisjoint({h.name for h in camera.late})


def test_windows_share_no_frame():
    pieces = _windows("street", seen(100), 3.0)
    assert [len(p.scenes) for p in pieces] == [30, 30, 30]
    assert all(p.scenes[0].time_s == 0 for p in pieces)
