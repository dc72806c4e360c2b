"""Who crosses a line, and which way: by the foot point's path from one side to the other.

A track must have settled on the far side, a little way off the line, so that one who stands on it does not cross it over and
over.
"""

from __future__ import annotations

from collections.abc import Mapping

from domains.surveillance.config import Line
from domains.surveillance.scene import Crossing

SETTLED_HEIGHTS = 0.06  # how far off the line, in own heights, a foot point has taken a side

Spot = tuple[float, float]


class LineWatch:
    """The side of each line that each track was last seen on.

    Args:
        lines: by name; points as fractions of the frame.
    """

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self._lines = {name: (line.start, line.end) for name, line in lines.items()}
        self._settled: dict[tuple[int, str], Spot] = {}

    def step(self, feet: Mapping[int, Spot], heights: Mapping[int, float], present: set[int], aspect: float) -> tuple[Crossing, ...]:
        """Lines crossed since the last step.

        Args:
            feet: foot points of the tracks seen now, in picture heights.
            heights: their own heights, in picture heights.
            present: every track that still lives, seen or not.
            aspect: the picture's width over its height.
        """
        crossings = []
        for track_id, foot in feet.items():
            for name, (start, end) in self._lines.items():
                a, b = (start[0] * aspect, start[1]), (end[0] * aspect, end[1])
                side = signed_distance(foot, a, b)
                if abs(side) < SETTLED_HEIGHTS * heights[track_id]:
                    continue
                before = self._settled.get((track_id, name))
                self._settled[track_id, name] = foot
                if before is None or signed_distance(before, a, b) * side >= 0.0:
                    continue
                if signed_distance(a, before, foot) * signed_distance(b, before, foot) <= 0.0:
                    crossings.append(Crossing(name, track_id, "in" if side > 0.0 else "out"))
        self._settled = {key: spot for key, spot in self._settled.items() if key[0] in present}
        return tuple(crossings)


def signed_distance(point: Spot, start: Spot, end: Spot) -> float:
    """How far a point is off the line through two points: positive on the right, seen from the first to the second."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5
    return (dx * (point[1] - start[1]) - dy * (point[0] - start[0])) / length if length else 0.0
