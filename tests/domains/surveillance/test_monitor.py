"""The judge shares itself out: no camera's window holds up the looks of the others, and none is forgotten."""

from __future__ import annotations

from typing import Any, cast

from core.errors import StoreError
from domains.surveillance.monitor import SurveillanceWatch


class Post:
    """Stands in for a camera whose window is always due, never due, or fails."""

    def __init__(self, camera: str, is_due: bool = True, fault: Exception | None = None) -> None:
        self.camera, self.is_due, self.fault = camera, is_due, fault
        self.read = 0

    def catch_up(self) -> bool:
        if self.fault is not None:
            raise self.fault
        self.read += self.is_due
        return self.is_due


def watch_over(*posts: Post) -> SurveillanceWatch:
    watch = SurveillanceWatch(lambda bell, stop: [], lambda: cast("Any", None))
    watch._posts = cast("Any", posts)
    return watch


def test_one_window_a_round_in_turn() -> None:
    posts = [Post("a"), Post("b"), Post("c")]
    watch = watch_over(*posts)

    watch._read_one_window()
    assert [p.read for p in posts] == [1, 0, 0]
    for _ in range(5):
        watch._read_one_window()

    assert [p.read for p in posts] == [2, 2, 2]


def test_a_camera_with_nothing_due_costs_nobody_a_turn() -> None:
    posts = [Post("a", is_due=False), Post("b")]
    watch = watch_over(*posts)

    for _ in range(3):
        watch._read_one_window()

    assert posts[1].read == 3


def test_a_fault_of_one_camera_is_counted_and_the_next_is_read() -> None:
    posts = [Post("a", fault=StoreError("disk full")), Post("b", fault=ValueError("a bug")), Post("c")]
    watch = watch_over(*posts)

    watch._read_one_window()

    assert posts[2].read == 1
    assert watch.failures == 2
