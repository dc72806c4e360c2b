"""Hours of footage made cheaply: each real clip is seen once, and the scenes of what happens in it are put together anew.

The stages (gate, detector, tracker, behaviour) see real pictures; what is recombined are their scenes, moved in time, with a little
noise in places and speeds. So it measures what learned normality makes of scenes, not how the stages fare in a changing light.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from core.samples import FloatArray
from domains.surveillance.config import CameraSettings, SurveillanceSettings
from domains.surveillance.detector import Detector
from domains.surveillance.eyes import Eyes
from domains.surveillance.look import Looker
from domains.surveillance.scene import Actor, Motion, Scene
from domains.surveillance.sources import open_film
from domains.surveillance.stream import CameraFrame

CAMERA = "made"
LOOK_S = 1.0
MARGIN_S = 1.0
PLACE_NOISE, SPEED_NOISE = 0.01, 0.1
REST = Motion(0.0, 0.0, False, np.empty((0, 4), np.float32))


@dataclass(frozen=True, slots=True)
class Seen:
    """What one frame of a film showed.

    Attributes:
        index: the frame's number.
        scene: what was seen.
        look: `[1280]`, what the picture looked like; None where nothing moved or nobody asked.
    """

    index: int
    scene: Scene
    look: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Happening:
    """The scenes of one thing that happens.

    Attributes:
        name: film and number.
        scenes: in order, times from 0.
        odd_from_s: from when on it is odd; infinite for what is usual.
        looks: one for each scene, or none at all.
    """

    name: str
    scenes: tuple[Scene, ...]
    odd_from_s: float = float("inf")
    looks: tuple[FloatArray | None, ...] = ()

    @property
    def duration_s(self) -> float:
        return self.scenes[-1].time_s + 0.2


@dataclass(frozen=True, slots=True)
class Moment:
    """One look at the made footage.

    Attributes:
        scene: what is seen.
        event: the number of the happening that goes on, or None for quiet.
        is_odd: whether it is odd now.
        is_inserted: whether what goes on becomes odd at some time.
        look: `[1280]`, what the picture looks like, or None.
    """

    scene: Scene
    event: int | None
    is_odd: bool
    is_inserted: bool = False
    look: FloatArray | None = None


def see_film(film: Path, detector: Detector, looker: Looker | None = None, until_s: float = float("inf")) -> list[Seen]:
    """What every due frame of a film shows.

    Args:
        film: a video file.
        detector: finds objects.
        looker: embeds the pictures in which something moves, where looks are wanted.
        until_s: the rest is not seen.
    """
    settings = SurveillanceSettings()
    eyes = Eyes(CAMERA, CameraSettings.model_validate({"url": "made"}), settings.detector)
    seen = []
    stream = open_film(film, CAMERA, sound=False)
    try:
        for event in stream:
            if not isinstance(event, CameraFrame):
                continue
            if event.time_s > until_s:
                break
            motion = eyes.gate(event)
            if eyes.is_due(event, motion):
                is_looked_at = eyes.needs_detection(motion)
                scene = eyes.look(event, motion, eyes.find(event, detector)) if is_looked_at else eyes.rest(event, motion)
                look = looker(event.colour(), scene) if looker is not None and motion.is_moving else None
                seen.append(Seen(event.index, scene, look))
    finally:
        stream.close()
    return seen


def cut(name: str, seen: Sequence[Seen], first: int, last: int, odd_from_s: float = float("inf")) -> Happening | None:
    """What happens between two frames, and a second around them; None where nothing was seen.

    Args:
        name: what to call it.
        seen: of the film.
        first, last: frame numbers.
        odd_from_s: from when on it is odd, on the film's clock.
    """
    inside = [s.scene for s in seen if first <= s.index <= last]
    if not inside:
        return None
    begin_s, end_s = inside[0].time_s - MARGIN_S, inside[-1].time_s + MARGIN_S
    taken = [s for s in seen if begin_s <= s.scene.time_s <= end_s]
    start_s = taken[0].scene.time_s
    scenes = tuple(replace(s.scene, time_s=s.scene.time_s - start_s) for s in taken)
    return Happening(name, scenes, odd_from_s - start_s, tuple(s.look for s in taken))


def spans_of(table: Path) -> Mapping[str, list[tuple[int, int]]]:
    """Film name to the frames of what happens in it, from `presence.csv`."""
    spans: dict[str, list[tuple[int, int]]] = {}
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            spans.setdefault(row["path"], []).append((int(row["first_frame"]), int(row["last_frame"])))
    return spans


def footage(
    duration_s: float,
    usual: Callable[[float, np.random.Generator], Happening],
    odd: Sequence[tuple[float, Happening]],
    seed: int,
    gap_s: float,
) -> Iterator[Moment]:
    """Footage of one made camera, looked at once a second.

    Args:
        duration_s: how long.
        usual: chooses what happens next, given the time.
        odd: what is inserted, each not before a time; in order.
        seed: of the order, the gaps and the noise.
        gap_s: mean quiet time between two happenings.
    """
    rng, waiting = np.random.default_rng(seed), list(odd)
    time_s, ids = 0.0, count(1)
    for number in count():
        quiet_until_s = time_s + 5.0 + rng.exponential(gap_s)
        while time_s < quiet_until_s:
            yield Moment(Scene(CAMERA, time_s, None, replace(REST, time_s=time_s), is_inspected=False), None, False)
            time_s += LOOK_S
        if time_s >= duration_s:
            return
        happening = waiting.pop(0)[1] if waiting and waiting[0][0] <= time_s else usual(time_s, rng)
        for moment in _played(happening, time_s, number, rng, ids):
            yield moment
            time_s = moment.scene.time_s + LOOK_S


def _played(happening: Happening, start_s: float, number: int, rng: np.random.Generator, ids: Iterator[int]) -> Iterator[Moment]:
    times = np.array([s.time_s for s in happening.scenes])
    names: dict[int, int] = {}
    shift = rng.normal(0.0, PLACE_NOISE, 2).astype(np.float32)
    pace = float(np.clip(rng.normal(1.0, SPEED_NOISE), 0.7, 1.3))
    for step, at_s in enumerate(np.arange(rng.uniform(0.0, LOOK_S), happening.duration_s, LOOK_S)):
        place = max(int(np.searchsorted(times, at_s, side="right")) - 1, 0)
        scene, look = happening.scenes[place], happening.looks[place] if happening.looks else None
        now_s = start_s + step * LOOK_S
        actors = tuple(_moved(actor, names, ids, shift, pace) for actor in scene.actors)
        area = scene.motion.area * float(np.clip(rng.normal(1.0, 0.1), 0.5, 1.5))
        made = replace(scene, time_s=now_s, wall_s=None, actors=actors, motion=replace(scene.motion, time_s=now_s, area=area))
        yield Moment(made, number, bool(at_s >= happening.odd_from_s), happening.odd_from_s < float("inf"), look)


def _moved(
    actor: Actor, names: dict[int, int], ids: Iterator[int], shift: np.ndarray[tuple[int, ...], np.dtype[np.float32]], pace: float
) -> Actor:
    track_id = names.setdefault(actor.track.id, next(ids)) if actor.track.id not in names else names[actor.track.id]
    box = np.clip(actor.track.box + np.tile(shift, 2), 0.0, 1.0).astype(np.float32)
    near = tuple(names.setdefault(other, next(ids)) if other not in names else names[other] for other in actor.near)
    return replace(actor, track=replace(actor.track, id=track_id, box=box), speed=actor.speed * pace, near=near)
