"""A camera's health: offline however it goes, frozen, dark."""

from __future__ import annotations

import numpy as np

from domains.surveillance.config import SurveillanceSettings
from domains.surveillance.health import HealthWatch
from domains.surveillance.policy import AlertPolicy
from domains.surveillance.stream import CameraFrame, StreamChange, StreamState


def frame(time_s, luma=None):
    if luma is None:
        luma = np.random.default_rng(int(time_s * 10)).integers(0, 255, (64, 64), np.uint8)
    return CameraFrame("yard", 0, time_s, None, luma, lambda: luma)


def kinds(judgements):
    return {j.kind for j in judgements if j.score}


def opened_at(policy, moments):
    for time_s, judgements in moments:
        for alert in policy.step(judgements, time_s, None):
            return alert, time_s
    return None


def test_a_camera_that_hangs_is_offline_within_five_seconds():
    health, policy = HealthWatch("yard"), AlertPolicy(SurveillanceSettings(), "yard")
    assert not policy.step(health.see(frame(10.0)), 10.0, None)
    alert, time_s = opened_at(policy, ((t / 2, health.tick(t / 2, None)) for t in range(21, 60)))
    assert alert.kind == "camera-offline"
    assert time_s <= 15.0
    assert "connection is still open" in alert.reason


def test_a_closed_connection_is_told_at_once_and_ends_with_the_first_frame():
    health, policy = HealthWatch("yard"), AlertPolicy(SurveillanceSettings(), "yard")
    policy.step(health.see(frame(10.0)), 10.0, None)
    (alert,) = policy.step(health.change(StreamChange("yard", StreamState.OFFLINE, 10.2, None, "connection reset")), 10.2, None)
    assert alert.reason == "the camera went offline: connection reset"
    policy.step(health.tick(12.0, None), 12.0, None)
    policy.step(health.change(StreamChange("yard", StreamState.ONLINE, 14.0, None)), 14.0, None)
    closed = [a for t in range(14, 22) for a in policy.step(health.see(frame(t + 0.5)), t + 0.5, None)]
    assert [(a.state.value, a.id) for a in closed] == [("closed", alert.id)]


def test_a_film_that_ended_is_not_offline():
    health = HealthWatch("yard")
    health.see(frame(1.0))
    assert not health.change(StreamChange("yard", StreamState.ENDED, 2.0, None))
    assert not health.tick(60.0, None)


def test_a_microphone_without_a_picture_is_not_offline_at_each_pause():
    health = HealthWatch("yard")
    assert not kinds(health.tick(1.0, None))
    assert not kinds(health.tick(100.0, None))
    assert kinds([j for t in range(200, 210) for j in health.tick(t / 2, None)]) == {"camera-offline"}


def test_frozen_and_dark_pictures():
    health = HealthWatch("yard")
    same = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    seen = {t: kinds(health.see(frame(float(t), same))) for t in range(40)}
    assert not seen[29]
    assert seen[31] == {"camera-frozen"}
    assert not kinds(health.see(frame(41.0)))
    black = [kinds(health.see(frame(float(t), np.full((64, 64), 16, np.uint8)))) for t in range(42, 90)]
    assert black[-1] == {"camera-dark"}
    assert not black[5]
