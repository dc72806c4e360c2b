"""Between reader and judge nothing piles up, and what is dropped is counted."""

from __future__ import annotations

import threading

import numpy as np

from domains.surveillance.mailbox import MAX_SOUND_BLOCKS, Due, Mailbox
from domains.surveillance.scene import Motion
from domains.surveillance.stream import CameraFrame, SoundBlock, StreamChange, StreamState


def due(time_s: float) -> Due:
    luma = np.zeros((4, 4), np.uint8)
    frame = CameraFrame("door", 0, time_s, None, luma, lambda: np.zeros((4, 4, 3), np.uint8))
    return Due(frame, Motion(time_s, 0.1, True, np.empty((0, 4), np.float32)))


def block(time_s: float) -> SoundBlock:
    return SoundBlock("door", time_s, None, np.zeros(1600, np.float32))


def test_a_newer_frame_replaces_one_that_waits_and_is_counted() -> None:
    box = Mailbox(threading.Condition())

    for time_s in (1.0, 2.0, 3.0):
        box.put(due(time_s))

    taken = box.take().due
    assert taken is not None
    assert taken.frame.time_s == 3.0
    assert (box.frames_due, box.frames_dropped) == (3, 2)


def test_sound_is_bounded_and_the_oldest_is_dropped_and_counted() -> None:
    box = Mailbox(threading.Condition())

    for index in range(MAX_SOUND_BLOCKS + 5):
        box.put(block(float(index)))

    sounds = box.take().sounds
    assert len(sounds) == MAX_SOUND_BLOCKS
    assert sounds[0].time_s == 5.0
    assert box.sounds_dropped == 5


def test_a_change_of_the_connection_is_never_dropped() -> None:
    box = Mailbox(threading.Condition())

    for index in range(500):
        box.put(StreamChange("door", StreamState.OFFLINE, float(index), None, "gone"))

    assert len(box.take().changes) == 500
    assert len(box) == 0


def test_putting_something_wakes_the_judge() -> None:
    bell = threading.Condition()
    box = Mailbox(bell)
    woken = threading.Event()

    def judge() -> None:
        with bell:
            if bell.wait_for(lambda: len(box), timeout=10):
                woken.set()

    thread = threading.Thread(target=judge)
    thread.start()
    box.put(block(0.0))
    thread.join(10)

    assert woken.is_set()
