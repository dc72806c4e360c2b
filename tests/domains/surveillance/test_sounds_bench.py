"""The sound benchmark's own arithmetic: how a clip votes, and how sure a mean is."""

from __future__ import annotations

import numpy as np
import pytest

from domains.surveillance.benches.sounds import interval_by_group, vote


def test_quiet_patches_and_background_do_not_vote() -> None:
    rows = np.array([[0.6, 0.2, 0.2], [0.1, 0.2, 0.7], [0.0, 1.0, 0.0]], np.float32)
    assert vote(rows, np.array([-20.0, -25.0, -70.0], np.float32)) == 0
    assert vote(rows, np.array([-20.0, -25.0, -21.0], np.float32)) == 1


def test_an_interval_over_recordings_is_wider_than_one_over_clips() -> None:
    right = np.repeat(np.random.default_rng(0).random(40) < 0.8, 10)
    by_clip = interval_by_group(right, [str(i) for i in range(400)])
    by_recording = interval_by_group(right, [str(i // 10) for i in range(400)])
    assert by_recording[1] - by_recording[0] > 2 * (by_clip[1] - by_clip[0])
    assert by_clip[0] < right.mean() < by_clip[1]


def test_what_is_always_right_has_no_spread() -> None:
    assert interval_by_group(np.ones(10, np.bool_), [str(i) for i in range(10)]) == pytest.approx((1.0, 1.0))
