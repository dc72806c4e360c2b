"""A live camera's post: what comes is judged, and what stops coming is noticed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

from domains.surveillance.config import CameraSettings, DetectorSettings
from domains.surveillance.eyes import Eyes
from domains.surveillance.mailbox import Mail
from domains.surveillance.post import CameraPost
from domains.surveillance.stream import CameraFrame, SoundBlock, StreamChange, StreamCounts, StreamEvent, StreamState


class Played:
    """A stream that gives these events."""

    camera = "door"

    def __init__(self, events: list[StreamEvent]) -> None:
        self.events = events
        self.counts = StreamCounts()

    def __iter__(self) -> Iterator[StreamEvent]:
        yield from self.events

    def close(self) -> None:
        """Nothing to let go."""


class Noted:
    """Stands in for the line (which needs models): notes what it is told."""

    last_alert = ""
    alerts = classified = utterances = words_dropped = 0

    def __init__(self) -> None:
        self.ticks: list[float] = []
        self.heard = 0

    def tick(self, time_s: float, wall_s: float | None) -> None:
        self.ticks.append(time_s)

    def listen(self, block: SoundBlock) -> None:
        self.heard += 1


def post_of(events: list[StreamEvent], line: Noted) -> CameraPost:
    settings = CameraSettings(url=cast("Any", "rtsp://127.0.0.1/x"))
    made = CameraPost(
        cast("Any", Played(events)), cast("Any", Played([])), Eyes("door", settings, DetectorSettings()), lambda models: cast("Any", line),
        threading.Condition(),
    )  # fmt: skip
    made.equip(cast("Any", None))
    return made


def frame(time_s: float) -> CameraFrame:
    return CameraFrame("door", 0, time_s, time.time(), np.zeros((48, 64), np.uint8), lambda: np.zeros((48, 64, 3), np.uint8))


def sound(time_s: float) -> SoundBlock:
    return SoundBlock("door", time_s, time.time(), np.zeros(1600, np.float32))


def read_once(post: CameraPost, events: list[StreamEvent]) -> None:
    for event in events:
        post._receive(event)


def test_a_picture_that_stops_while_the_sound_goes_on_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Noted()
    post = post_of([], line)
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    read_once(post, [frame(0.0)])
    now[0] += 4.0
    read_once(post, [sound(4.0)])
    post.judge(Mail((), (), None))

    assert line.ticks == [pytest.approx(4.0)]


def test_a_microphone_without_pictures_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Noted()
    post = post_of([], line)
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    for second in range(5):
        now[0] += 1.0
        read_once(post, [sound(float(second))])
        post.judge(Mail((), (), None))

    assert line.ticks == []


def test_speech_that_was_not_written_down_is_among_the_dropped() -> None:
    line = Noted()
    post = post_of([], line)
    line.utterances, line.words_dropped = 5, 3

    status = post.status()

    assert status.dropped == 3
    assert (status.counts["utterances"], status.counts["words_dropped"]) == (5, 3)


def test_the_state_follows_the_connection_and_says_why() -> None:
    post = post_of([], Noted())
    assert post.status().state == "starting"

    read_once(post, [StreamChange("door", StreamState.ONLINE, 0.0, None)])
    assert post.status().state == "online"
    read_once(post, [StreamChange("door", StreamState.OFFLINE, 1.0, None, "refused the login")])

    assert (post.status().state, post.status().note) == ("offline", "refused the login")
