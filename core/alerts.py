"""Alert: an event that a policy raised, before it is stored.

The policy opens an alert, may update it while it lasts, and closes it. The store keeps the rows; this is the value
that travels between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class AlertState(StrEnum):
    """Where an alert stands in its life."""

    OPEN = "open"
    CLOSED = "closed"
    INTERRUPTED = "interrupted"  # the process died while it was open; closed at the next start


class EvidenceKind(StrEnum):
    """What a piece of evidence shows."""

    SNAPSHOT = "snapshot"
    CLIP = "clip"
    SPECTROGRAM = "spectrogram"
    TRANSCRIPT = "transcript"
    SOUND = "sound"
    EXPLANATION = "explanation"
    USUAL = "usual"  # a usual moment, to compare with


@dataclass(frozen=True, slots=True)
class Box:
    """A box in a picture, as fractions of its size.

    Attributes:
        x1, y1, x2, y2: left, top, right, bottom, 0 to 1.
        label: what is inside.
        score: the detector's confidence, 0 to 1.
        track_id: the track it belongs to, or None.
    """

    x1: float
    y1: float
    x2: float
    y2: float
    label: str
    score: float = 1.0
    track_id: int | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """One event.

    Attributes:
        id: 32 hexadecimal digits, given by the policy when it opens the alert; the same through all its updates.
        domain: the domain that raised it.
        source: the camera, study or drive.
        kind: what was seen, in the policy's words (`fall`, `zone:door`, `unusual`, `camera-offline`).
        way: how it was found: `rule`, `normality`, `classifier` or `health`.
        state: open or closed.
        start_s, end_s: in the source's own clock; `end_s` is the last moment it held so far.
        wall_start_s, wall_end_s: Unix times, or None where the source has no wall clock.
        score: how sure, 0 to 1 (a calibrated probability for a classifier, 1 for a rule that holds).
        reason: one plain sentence that says why.
        contributions: modality name to its share, summing to 1.
        boxes: what to draw on the snapshot.
        details: whatever else a person may want to read (near examples, abstained labels), JSON values only.
    """

    id: str
    domain: str
    source: str
    kind: str
    way: str
    state: AlertState
    start_s: float
    end_s: float
    wall_start_s: float | None
    wall_end_s: float | None
    score: float
    reason: str
    contributions: Mapping[str, float] = field(default_factory=dict)
    boxes: tuple[Box, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)
