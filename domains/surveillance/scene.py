"""What the stages make of a frame: motion, detections, tracks, and the scene they add up to.

All boxes are `x1 y1 x2 y2` as fractions (0 to 1) of the frame's width and height, so that nothing depends on the size at
which a stage looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.samples import FloatArray


@dataclass(frozen=True, slots=True)
class Motion:
    """What the gate saw in one frame.

    Attributes:
        time_s: the frame's time.
        area: fraction of the picture that moved, 0 to 1.
        is_moving: the gate's verdict, with its own hysteresis.
        regions: `[n, 4]` boxes around what moved.
        is_lighting: the whole picture changed at once (lights, exposure); counted as no motion.
    """

    time_s: float
    area: float
    is_moving: bool
    regions: FloatArray
    is_lighting: bool = False


@dataclass(frozen=True, slots=True)
class Detections:
    """What the detector found in one frame.

    Attributes:
        boxes: `[n, 4]`.
        scores: `[n]`, 0 to 1.
        labels: a name for each, COCO's words.
    """

    boxes: FloatArray
    scores: FloatArray
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.boxes)


class Posture(StrEnum):
    """How a person holds the body."""

    UPRIGHT = "upright"
    BENT = "bent"
    LYING = "lying"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Track:
    """One object followed through time, as it stands now.

    Attributes:
        id: stable through a short occlusion; never used again in the same run.
        label: what it is, by vote over its detections.
        box: `[4]`.
        score: the last detection's confidence.
        first_s, last_s: when it was first and last detected.
        is_seen: detected in this very frame (False: predicted through an occlusion).
    """

    id: int
    label: str
    box: FloatArray
    score: float
    first_s: float
    last_s: float
    is_seen: bool = True


@dataclass(frozen=True, slots=True)
class Actor:
    """A track with what it does.

    Attributes:
        track: the track.
        dwell_s: how long it has been in view.
        still_s: how long it has not left its place.
        speed: of the box's centre, in its own heights a second (a walking person: about 0.8).
        direction_deg: where it moves in the picture: 0 right, 90 up, 180 left, 270 down; None when still.
        posture: of a person; `UNKNOWN` for others.
        lying_s: how long it has been lying, 0 when it is not.
        descent: how fast the top of the box came down over the last second, in own heights a second; a fall shows above 0.5.
        zones: names of the zones its foot point is in, with the seconds since it entered each.
        near: ids of tracks closer than one of its heights.
        is_abandoned: a bag or suitcase that stands still with nobody near, whose bringer left.
    """

    track: Track
    dwell_s: float = 0.0
    still_s: float = 0.0
    speed: float = 0.0
    direction_deg: float | None = None
    posture: Posture = Posture.UNKNOWN
    lying_s: float = 0.0
    descent: float = 0.0
    zones: Mapping[str, float] = field(default_factory=dict)
    near: tuple[int, ...] = ()
    is_abandoned: bool = False


@dataclass(frozen=True, slots=True)
class Crossing:
    """A track crossed a line in this frame.

    Attributes:
        line: the line's name.
        track_id: who.
        direction: `in` (from the line's left to its right, seen from its first to its second point) or `out`.
    """

    line: str
    track_id: int
    direction: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What a camera shows at one moment.

    Attributes:
        camera: the camera's name.
        time_s, wall_s: the frame's times.
        motion: what the gate saw.
        actors: who is there.
        crossings: lines crossed in this frame.
        crowding: people in view.
        is_inspected: False when the gate let the frame pass without detection.
    """

    camera: str
    time_s: float
    wall_s: float | None
    motion: Motion
    actors: tuple[Actor, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    crowding: int = 0
    is_inspected: bool = True


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a microphone heard over one span.

    Attributes:
        camera: the camera's name.
        start_s, end_s: on the camera's clock.
        wall_s: Unix time of the begin, or None.
        level_dbfs: root mean square level, 0 for full scale; -inf for digital silence.
        tags: sound name to calibrated probability, most probable first; only those that stand out.
        speech: probability that somebody speaks.
    """

    camera: str
    start_s: float
    end_s: float
    wall_s: float | None
    level_dbfs: float
    tags: Mapping[str, float] = field(default_factory=dict)
    speech: float = 0.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """What somebody said, written down; only where `words` is on. It may be wrong.

    Attributes:
        camera: the camera's name.
        start_s, end_s: when it was said, on the camera's clock.
        wall_s: Unix time of the begin, or None.
        text: one line without double quotes.
    """

    camera: str
    start_s: float
    end_s: float
    wall_s: float | None
    text: str
