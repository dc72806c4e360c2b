"""Who stands in which zone, and since when: a zone holds a track's foot point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domains.surveillance.config import Zone

LEAVE_S = 1.0  # a foot point that was out for less than this never left


class ZoneWatch:
    """Entry times of each track into each zone.

    Args:
        zones: by name; points as fractions of the frame.
    """

    def __init__(self, zones: Mapping[str, Zone]) -> None:
        self._polygons = {name: tuple(zone.polygon) for name, zone in zones.items()}
        self._spans: dict[tuple[int, str], tuple[float, float]] = {}  # entered, last inside

    def step(self, feet: Mapping[int, tuple[float, float]], time_s: float) -> dict[int, dict[str, float]]:
        """Where everybody stands now.

        Args:
            feet: track id to foot point, fractions of the frame.
            time_s: now.

        Returns:
            Track id to zone name to seconds since it entered.
        """
        inside: dict[int, dict[str, float]] = {track_id: {} for track_id in feet}
        for track_id, foot in feet.items():
            for name, polygon in self._polygons.items():
                if is_inside(foot, polygon):
                    entered_s = self._spans.get((track_id, name), (time_s, time_s))[0]
                    self._spans[track_id, name] = (entered_s, time_s)
                    inside[track_id][name] = time_s - entered_s
        self._spans = {key: span for key, span in self._spans.items() if key[0] in feet and time_s - span[1] <= LEAVE_S}
        return inside


def is_inside(point: tuple[float, float], polygon: Sequence[tuple[float, float]]) -> bool:
    """Whether a point lies in a polygon, by counting the edges to its right; a point on the edge may be either."""
    x, y = point
    is_in = False
    for (x1, y1), (x2, y2) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            is_in = not is_in
    return is_in
