"""The made cameras of the normality bench: for each place what is usual there, early and late, and what is odd.

Whole clips are held out: a third of a place's usual clips is shown only in the measured part. Where falls are the odd things, what the
same people do before they fall is usual too; so that no clip is on both sides, the falls are halved, each half being odd in one
fold and giving its quiet beginnings to the other.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import InputError
from domains.surveillance.benches.recombined import Happening, Seen, cut, see_film, spans_of
from domains.surveillance.detector import Detector
from domains.surveillance.look import Looker

STREET_WINDOW_S = 10.0
TABLE_WINDOW_S = 4.0
QUICK_FILM_S = 40.0
LEAST_BEGINNING_S = 1.5
BEFORE_FALL_S = 1.0
HELD_OUT = 1 / 3
ROOM = "B"
FOLDS = 2


@dataclass(frozen=True, slots=True)
class Camera:
    """A made camera: what is usual there, early and late, and what is odd."""

    early: tuple[Happening, ...]
    late: tuple[Happening, ...]
    odd: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A place, as one camera or as one for each fold.

    Attributes:
        name: of the place.
        folds: the cameras; no odd clip is in two of them.
    """

    name: str
    folds: tuple[Camera, ...]

    @property
    def about(self) -> str:
        """How many clips there are."""
        usual = [len(c.early) + len(c.late) for c in self.folds]
        late = [len(c.late) for c in self.folds]
        each = " a fold" if len(self.folds) > 1 else ""
        odd = sum(len(c.odd) for c in self.folds)
        return f"{_span(usual)} usual clips{each} ({_span(late)} of them new in the measured part), {odd} odd"


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of the fall set.

    Attributes:
        room: where.
        whole: all of it, odd from the fall on.
        beginning: what goes before the fall, where that is long enough; None for a clip without a fall.
    """

    room: str
    whole: Happening
    beginning: Happening | None

    @property
    def is_fall(self) -> bool:
        return self.whole.odd_from_s < float("inf")


def see_places(data: Path, detector: Detector, looker: Looker | None, seed: int, is_quick: bool, say: Callable[[str], None]) -> list[Place]:
    """See the films once and put the places together.

    Args:
        data: the folder of public data sets.
        detector, looker: what looks.
        seed: of the choice of what is held out.
        is_quick: less of the longest film.
        say: tells a person how far it has come.

    Raises:
        InputError: the films are not there.
    """
    films, falls, street = (data / "surveillance" / n for n in ("intel_sample_videos", "gmdcsa24_fall", "vtest/vtest.avi"))
    for needed in (films / "presence.csv", falls / "clips.csv", street):
        if not needed.is_file():
            raise InputError(f"{needed}: not there; point TRIVIUM_DATA at the public data sets")
    say("seeing the films once")
    spans = spans_of(films / "presence.csv")

    def visits_of(name: str) -> list[Happening]:
        seen = see_film(films / name, detector, looker)
        return [h for i, (a, b) in enumerate(spans[name]) if (h := cut(f"{name} {i}", seen, a, b)) is not None]

    visits, cars = visits_of("one-by-one-person-detection.mp4"), visits_of("car-detection.mp4")
    bottles = _windows("bottle", see_film(films / "bottle-detection.mp4", detector, looker), TABLE_WINDOW_S)
    crowds = _windows("street", see_film(street, detector, looker, QUICK_FILM_S if is_quick else float("inf")), STREET_WINDOW_S)
    clips = _fall_clips(falls, detector, looker)
    rng = np.random.default_rng(seed)
    fallen = [c.whole for c in clips if c.is_fall]
    odd = {name: [_odd(h) for h in happenings] for name, happenings in (("visits", visits), ("cars", cars), ("crowds", crowds))}
    return [
        Place("hall", (_camera(visits, [*fallen, *odd["cars"], *odd["crowds"]], rng),)),
        Place("street", (_camera(crowds, [*fallen, *odd["cars"]], rng),)),
        Place("table", (_camera(bottles, [*fallen, *odd["cars"], *odd["visits"]], rng),)),
        Place(f"room {ROOM}", _folds([c for c in clips if c.room == ROOM], rng)),
        Place("three rooms", _folds(clips, rng)),
    ]


def _folds(clips: Sequence[Clip], rng: np.random.Generator) -> tuple[Camera, ...]:
    """Two cameras: the falls of each are odd there, their beginnings usual at the other."""
    daily = [c.whole for c in clips if not c.is_fall]
    falls = [c for c in clips if c.is_fall]
    order = rng.permutation(len(falls))
    cameras = []
    for fold in range(FOLDS):
        chosen = set(order[fold::FOLDS].tolist())
        beginnings = [c.beginning for i, c in enumerate(falls) if i not in chosen and c.beginning is not None]
        cameras.append(_camera([*daily, *beginnings], [falls[i].whole for i in sorted(chosen)], rng))
    return tuple(cameras)


def _camera(usual: Sequence[Happening], odd: Sequence[Happening], rng: np.random.Generator) -> Camera:
    shown = [usual[i] for i in rng.permutation(len(usual))]
    late = max(1, round(len(shown) * HELD_OUT))
    return Camera(tuple(shown[late:]), tuple(shown[:late]), tuple(odd[i] for i in rng.permutation(len(odd))))


def _odd(happening: Happening) -> Happening:
    """The same, odd from its begin."""
    return Happening(happening.name, happening.scenes, float("-inf"), happening.looks)


def _windows(name: str, seen: Sequence[Seen], length_s: float) -> list[Happening]:
    """A film in which always something happens, cut into pieces that share no frame."""
    pieces = []
    for number in range(int(seen[-1].scene.time_s // length_s)):
        inside = [s for s in seen if number * length_s <= s.scene.time_s < (number + 1) * length_s]
        if (piece := cut(f"{name} {number}", inside, 0, inside[-1].index if inside else 0)) is not None:
            pieces.append(piece)
    return pieces


def _fall_clips(folder: Path, detector: Detector, looker: Looker | None) -> list[Clip]:
    with (folder / "segments.csv").open(newline="", encoding="utf-8") as file:
        begins = {row["path"]: float(row["start_s"]) for row in csv.DictReader(file) if row["label"] == "falling"}
    clips = []
    with (folder / "clips.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            seen = see_film(folder / row["path"], detector, looker)
            begin_s = begins.get(row["path"], float("inf"))
            whole = cut(row["path"], seen, 0, seen[-1].index, begin_s) if seen else None
            if whole is None:
                continue
            before = [s for s in seen if s.scene.time_s < begin_s - BEFORE_FALL_S]
            is_long = before and np.isfinite(begin_s) and begin_s >= LEAST_BEGINNING_S
            beginning = cut(f"{row['path']} before", before, 0, before[-1].index) if is_long else None
            clips.append(Clip(row["room"], whole, beginning))
    return clips


def _span(numbers: Sequence[int]) -> str:
    return f"{min(numbers)}" if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"
