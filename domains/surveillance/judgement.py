"""Judgement: one way's verdict on one moment, before the policy has looked at it in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.alerts import Box
from domains.surveillance.scene import Actor


class Way(StrEnum):
    """How something was found."""

    RULE = "rule"
    NORMALITY = "normality"
    CLASSIFIER = "classifier"
    HEALTH = "health"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on one moment of one camera.

    Every way gives a judgement for each of its kinds whenever it looks, also when nothing is wrong (score 0), so that the
    policy sees an event end.

    Attributes:
        camera: the camera's name.
        way: how it was found.
        kind: what was judged (`zone:door`, `fall`, `unusual`, `camera-offline`).
        time_s, wall_s: the moment.
        score: 0 to 1; calibrated where the way is learned, 0 or 1 for a rule.
        reason: one plain sentence; empty when the score is 0.
        contributions: modality name to share, summing to 1.
        boxes: what to draw.
        subjects: the tracks it is about; the policy raises an unmoving subject once.
        details: JSON values for the alert.
    """

    camera: str
    way: Way
    kind: str
    time_s: float
    wall_s: float | None
    score: float
    reason: str = ""
    contributions: Mapping[str, float] = field(default_factory=dict)
    boxes: tuple[Box, ...] = ()
    subjects: tuple[int, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


def box_of(actor: Actor) -> Box:
    """What to draw of an actor."""
    x1, y1, x2, y2 = (float(v) for v in actor.track.box)
    return Box(x1, y1, x2, y2, actor.track.label, float(actor.track.score), actor.track.id)
