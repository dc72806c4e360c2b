"""Things left behind: a bag that stands still with nobody near, whose bringer has left.

The bringer is who was nearest when the thing was first seen. A thing that was there from the start has none and is never
abandoned. Detectors lose small things now and then: what appears again at the same spot is the same thing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

STILL_S = 5.0  # a thing must have stood for so long
BRINGER_HEIGHTS = 1.0  # who is this near when it appears may have brought it
NEAR_HEIGHTS = 2.0  # somebody within this is with it
RECENT_S = 4.0  # one who was near so lately may have brought it
REMEMBER_S = 60.0  # what vanished may come back at the same spot for so long
SAME_SPOT_SIZES = 1.0  # within this many of its own sizes
MOST_THINGS = 64

Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Body:
    """A track as this watch sees it, in picture heights.

    Attributes:
        id: the track's.
        foot: the middle of its lower edge.
        height: its own.
    """

    id: int
    foot: Spot
    height: float


@dataclass(slots=True)
class _Thing:
    """A bag that was seen.

    Attributes:
        place: where it stands.
        size: its height.
        still_since_s: since when.
        last_s: when it was last there.
        bringers: who may have brought it.
    """

    place: Spot
    size: float
    still_since_s: float
    last_s: float
    bringers: set[int] = field(default_factory=set)


class AbandonedWatch:
    """Bags and who brought them, for one camera."""

    def __init__(self) -> None:
        self._things: dict[int, _Thing] = {}
        self._lost: list[_Thing] = []
        self._passers: dict[int, tuple[float, Body]] = {}  # people lately, with when

    def step(self, bags: Sequence[Body], people: Sequence[Body], still_s: Mapping[int, float], time_s: float) -> frozenset[int]:
        """Ids of the bags that are left behind now.

        Args:
            bags: tracks of bags.
            people: tracks of people.
            still_s: track id to how long it has not left its place.
            time_s: now.
        """
        self._forget(time_s, {bag.id for bag in bags})
        left = set()
        for bag in bags:
            thing = self._known(bag, still_s[bag.id], time_s)
            here = {p.id for p in people if math.dist(p.foot, bag.foot) <= NEAR_HEIGHTS * p.height}
            # a bringer whom the tracker lost and found under another id, still beside it, is still with it: `here` covers that
            if thing.bringers and not here and time_s - thing.still_since_s >= STILL_S:
                left.add(bag.id)
        for person in people:
            self._passers[person.id] = (time_s, person)
        return frozenset(left)

    def _known(self, bag: Body, still_s: float, time_s: float) -> _Thing:
        thing = self._things.get(bag.id)
        if thing is None:
            thing = self._found_again(bag)
            if thing is None:
                near = {i for i, (_, p) in self._passers.items() if math.dist(p.foot, bag.foot) <= BRINGER_HEIGHTS * p.height}
                thing = _Thing(bag.foot, bag.height, time_s, time_s, near)
            self._things[bag.id] = thing
        if math.dist(thing.place, bag.foot) > SAME_SPOT_SIZES * bag.height:  # carried on
            thing.place, thing.still_since_s = bag.foot, time_s - still_s
        thing.last_s = time_s
        return thing

    def _found_again(self, bag: Body) -> _Thing | None:
        for thing in self._lost:
            if math.dist(thing.place, bag.foot) <= SAME_SPOT_SIZES * max(bag.height, thing.size):
                self._lost.remove(thing)
                return thing
        return None

    def _forget(self, time_s: float, present: set[int]) -> None:
        for track_id in [i for i in self._things if i not in present]:
            self._lost.append(self._things.pop(track_id))
        self._lost = [thing for thing in self._lost if time_s - thing.last_s <= REMEMBER_S][-MOST_THINGS:]
        self._passers = {i: seen for i, seen in self._passers.items() if time_s - seen[0] <= RECENT_S}
