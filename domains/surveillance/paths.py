"""The last seconds of each track: where its box was, and what follows from it: place, speed, direction, descent.

Lengths are in picture heights: x is multiplied by the picture's aspect, so that a step counts the same in every direction.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from domains.surveillance.scene import Track

REMEMBER_S = 4.0
MOST_POINTS = 256
SPEED_S = 1.0  # speed is taken over this span
DESCENT_S = 1.0
STILL_HEIGHTS = 0.25  # within this of its place, in its own heights, a thing is still
STILL_SPEED = 0.15  # slower than this, in own heights a second, has no direction
LEAST_HEIGHT = 1e-3  # picture heights

Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Point:
    """Where a track's box was at one moment, in picture heights.

    Attributes:
        time_s: when.
        x, y: the box's centre.
        top: its upper edge.
        width, height: its size.
    """

    time_s: float
    x: float
    y: float
    top: float
    width: float
    height: float

    @property
    def foot(self) -> Spot:
        """The middle of the lower edge."""
        return self.x, self.top + self.height


@dataclass(slots=True)
class Path:
    """What is remembered of one track.

    Attributes:
        points: the last seconds, only where it was seen.
        place: where it settled.
        place_s: since when.
    """

    points: deque[Point] = field(default_factory=lambda: deque(maxlen=MOST_POINTS))
    place: Spot | None = None
    place_s: float = 0.0

    def follow(self, track: Track, aspect: float, time_s: float) -> None:
        """Take in where the track is now."""
        if track.is_seen or not self.points:
            x1, y1, x2, y2 = (float(v) for v in track.box)
            self.points.append(Point(time_s, (x1 + x2) / 2 * aspect, (y1 + y2) / 2, y1, (x2 - x1) * aspect, max(y2 - y1, LEAST_HEIGHT)))
        while len(self.points) > 1 and self.points[0].time_s < time_s - REMEMBER_S:
            self.points.popleft()
        now = self.points[-1]
        if self.place is None or math.dist(self.place, (now.x, now.y)) > STILL_HEIGHTS * self.own_height:
            self.place, self.place_s = (now.x, now.y), time_s

    @property
    def own_height(self) -> float:
        """The tallest it has been lately, so that one who falls is still measured by the standing height."""
        return max(point.height for point in self.points)

    def speed_and_direction(self, time_s: float) -> tuple[float, float | None]:
        """Own heights a second over the last second, and degrees: 0 right, 90 up; None when still."""
        now, then = self.points[-1], self._before(time_s - SPEED_S)
        elapsed_s = now.time_s - then.time_s
        if elapsed_s <= 0.0 or now.time_s < time_s - SPEED_S:
            return 0.0, None
        dx, dy = now.x - then.x, now.y - then.y
        speed = math.hypot(dx, dy) / self.own_height / elapsed_s
        return speed, math.degrees(math.atan2(-dy, dx)) % 360.0 if speed >= STILL_SPEED else None

    def descent(self, time_s: float) -> float:
        """How fast its top came down over the last second, in own heights a second; negative when it rose."""
        now, then = self.points[-1], self._before(time_s - DESCENT_S)
        elapsed_s = now.time_s - then.time_s
        if elapsed_s <= 0.0 or now.time_s < time_s - DESCENT_S:
            return 0.0
        return (now.top - then.top) / self.own_height / max(elapsed_s, DESCENT_S / 2)

    def _before(self, time_s: float) -> Point:
        """The last point at or before a time, else the oldest."""
        chosen = self.points[0]
        for point in self.points:
            if point.time_s > time_s + 1e-6:
                break
            chosen = point
        return chosen
