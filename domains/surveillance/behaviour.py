"""What those in view do: dwell, speed, posture, zones, lines, closeness, things left behind. Tracks in, a scene out."""

from __future__ import annotations

import math
from dataclasses import replace

from domains.surveillance.abandoned import AbandonedWatch, Body
from domains.surveillance.coco import BAGS
from domains.surveillance.config import CameraSettings
from domains.surveillance.crossing import LineWatch
from domains.surveillance.paths import Path
from domains.surveillance.posture import PostureWatch, posture_of_box
from domains.surveillance.scene import Actor, Motion, Posture, Scene, Track
from domains.surveillance.zones import ZoneWatch

NEAR_HEIGHTS = 1.0


class Behaviour:
    """The memory of one camera's tracks.

    Args:
        camera: the camera's name.
        settings: its zones and lines.
    """

    def __init__(self, camera: str, settings: CameraSettings) -> None:
        self._camera = camera
        self._zones = ZoneWatch(settings.zones)
        self._lines = LineWatch(settings.lines)
        self._abandoned = AbandonedWatch()
        self._paths: dict[int, Path] = {}
        self._postures: dict[int, PostureWatch] = {}

    def step(self, tracks: tuple[Track, ...], motion: Motion, aspect: float, time_s: float, wall_s: float | None) -> Scene:
        """The scene at one moment.

        Args:
            tracks: who is there, from the tracker.
            motion: what the gate saw in the same frame.
            aspect: the frame's width over its height.
            time_s, wall_s: the frame's times.
        """
        self._paths = {t.id: self._paths.get(t.id) or Path() for t in tracks}
        self._postures = {t.id: self._postures.get(t.id) or PostureWatch() for t in tracks if t.label == "person"}
        for track in tracks:
            self._paths[track.id].follow(track, aspect, time_s)
        actors = [self._actor(track, aspect, time_s) for track in tracks]

        feet = {t.id: _foot(t) for t in tracks}
        spots = {track_id: (x * aspect, y) for track_id, (x, y) in feet.items()}
        heights = {track_id: path.own_height for track_id, path in self._paths.items()}
        zones = self._zones.step(feet, time_s)
        seen = {t.id: spots[t.id] for t in tracks if t.is_seen}
        crossings = self._lines.step(seen, heights, set(feet), aspect)
        bodies = {t.id: Body(t.id, spots[t.id], heights[t.id]) for t in tracks}
        people = [bodies[t.id] for t in tracks if t.label == "person"]
        bags = [bodies[t.id] for t in tracks if t.label in BAGS]
        left = self._abandoned.step(bags, people, {a.track.id: a.still_s for a in actors}, time_s)
        finished = tuple(
            replace(a, zones=zones[a.track.id], near=_near(bodies[a.track.id], bodies), is_abandoned=a.track.id in left) for a in actors
        )
        return Scene(self._camera, time_s, wall_s, motion, finished, crossings, len(people))

    def _actor(self, track: Track, aspect: float, time_s: float) -> Actor:
        path = self._paths[track.id]
        speed, direction_deg = path.speed_and_direction(time_s)
        posture, lying_s = Posture.UNKNOWN, 0.0
        if track.label == "person":
            x1, y1, x2, y2 = (float(v) for v in track.box)
            look = posture_of_box((x1, y1, x2, y2), aspect, path.own_height) if track.is_seen else Posture.UNKNOWN
            posture, lying_s = self._postures[track.id].step(look, time_s)
        return Actor(
            track,
            dwell_s=max(0.0, time_s - track.first_s),
            still_s=max(0.0, time_s - path.place_s),
            speed=speed,
            direction_deg=direction_deg,
            posture=posture,
            lying_s=lying_s,
            descent=path.descent(time_s),
        )


def _foot(track: Track) -> tuple[float, float]:
    x1, _, x2, y2 = (float(v) for v in track.box)
    return (x1 + x2) / 2, y2


def _near(body: Body, bodies: dict[int, Body]) -> tuple[int, ...]:
    """Ids of those whose foot points are closer than the taller one's height."""
    reach = {i: NEAR_HEIGHTS * max(body.height, b.height) for i, b in bodies.items()}
    return tuple(i for i, b in bodies.items() if i != body.id and math.dist(b.foot, body.foot) < reach[i])
