"""Learned normality: odd things inserted into hours of usual footage, by event and by look, and false alerts an hour.

Two made cameras. `hall`: the six visits of the one-by-one film are usual, two of them shown only in the measured part; falls, cars and a
crowd from other films are odd. `room`: daily life in room B of GMDCSA-24 is usual, a third of its clips shown only in the measured part;
the falls of the same room are odd: the harder question, and few clips. Sound is left out, since only some films have it.

Each odd thing is shown to a copy of what was learned until then, so each is the first of its kind, as in life: several an hour in one
footage would themselves be what recurs here. Usual footage goes on in the original, which never sees them.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.benchmark import BenchContext, Metric
from core.errors import InputError
from core.samples import FloatArray
from domains.surveillance.benches.recombined import CAMERA, LOOK_S, Happening, cut, footage, see_film, spans_of
from domains.surveillance.config import DetectorSettings, NormalitySettings, SurveillanceSettings
from domains.surveillance.detector import Detector, load_detector
from domains.surveillance.moment_features import SCALES, moment
from domains.surveillance.policy import AlertPolicy
from domains.surveillance.usual import UsualHere

GAP_S = 45.0
ROOM = "B"
CROWD_S = 10.0
SEED = 3
REDRAWN = 1_000
RATE_PER_HOUR = 0.2
PEER = "isolation forest, same features"


@dataclass(frozen=True, slots=True)
class Camera:
    """A made camera: what is usual there, early and late, and what is odd."""

    name: str
    early: tuple[Happening, ...]
    late: tuple[Happening, ...]
    odd: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run over made footage gave, of its measured part.

    Attributes:
        odd: `[looks]`, whether each look was odd.
        distances, areas, forest: `[looks]`, how strange each look was: ours, the share that moves, an isolation forest.
        events: `[looks]`, the happening's number or -1.
        alerts_s: when alerts opened.
        hours: how long the measured part was.
        starts_s: for each odd event, from when to when.
    """

    odd: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    distances: FloatArray
    areas: FloatArray
    forest: FloatArray
    events: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    alerts_s: tuple[float, ...]
    hours: float
    spans_s: tuple[tuple[float, float], ...]


def run(context: BenchContext) -> list[Metric]:
    """Measure.

    Raises:
        InputError: the films are not in the data folder.
        ModelError: the detector's weights are missing.
    """
    learn_h, measure_h = (2.0, 3.0) if context.is_quick else (4.0, 12.0)
    detector = load_detector(DetectorSettings(), threads=2)
    metrics: list[Metric] = []
    for camera in _cameras(context, detector):
        note = (
            f"{len(camera.early) + len(camera.late)} usual clips ({len(camera.late)} of them new in the measured part), {len(camera.odd)}"
            f" odd; scenes of real clips recombined in time, far less varied than real days: an upper bound;"
            f" {learn_h:.0f} h learned before, {measure_h:.0f} h measured, seed {SEED}"
        )
        context.say(f"{camera.name}: {learn_h + measure_h:.0f} h with odd things")
        metrics += _ranked(camera.name, _watched(camera, learn_h, measure_h, with_odd=True), note)
        context.say(f"{camera.name}: {learn_h + measure_h:.0f} h of usual footage")
        calm = _watched(camera, learn_h, measure_h, with_odd=False)
        rate = len(calm.alerts_s) / calm.hours
        metrics.append(
            Metric(
                f"{camera.name}: false alerts an hour",
                rate,
                "1/h",
                f"<= {RATE_PER_HOUR:g} as configured",
                rate <= RATE_PER_HOUR,
                note=f"{len(calm.alerts_s)} in {calm.hours:.1f} h; {note}",
            )
        )
    return metrics


def _cameras(context: BenchContext, detector: Detector) -> list[Camera]:
    data = context.data / "surveillance"
    films, falls = data / "intel_sample_videos", data / "gmdcsa24_fall"
    for needed in (films / "presence.csv", falls / "clips.csv", data / "vtest" / "vtest.avi"):
        if not needed.is_file():
            raise InputError(f"{needed}: not there; point TRIVIUM_DATA at the public data sets")
    spans = spans_of(films / "presence.csv")
    context.say("seeing the films once")
    visits = _happenings(films / "one-by-one-person-detection.mp4", spans["one-by-one-person-detection.mp4"], detector)
    cars = _happenings(films / "car-detection.mp4", spans["car-detection.mp4"], detector, is_odd=True)
    crowd_s = 20.0 if context.is_quick else 60.0
    scenes = see_film(data / "vtest" / "vtest.avi", detector, crowd_s)
    starts = range(0, len(scenes) - 1, int(CROWD_S * 5))
    crowds = [
        cut(f"vtest {i}", scenes, scenes[i][0], scenes[min(i + int(CROWD_S * 5), len(scenes) - 1)][0], scenes[i][1].time_s) for i in starts
    ]
    daily, fallen = _falls(falls, detector)
    room_daily, room_falls = [h for room, h in daily if room == ROOM], [h for room, h in fallen if room == ROOM]
    rng = np.random.default_rng(SEED)
    odd = [*(h for _, h in fallen), *cars, *(c for c in crowds if c is not None)]
    hall = Camera("hall", tuple(visits[:-2]), tuple(visits[-2:]), tuple(odd[i] for i in rng.permutation(len(odd))))
    third = max(1, len(room_daily) // 3)
    room = Camera(f"room {ROOM}", tuple(room_daily[:-third]), tuple(room_daily[-third:]), tuple(room_falls))
    return [hall, room]


def _happenings(film: Path, spans: Sequence[tuple[int, int]], detector: Detector, is_odd: bool = False) -> list[Happening]:
    scenes = see_film(film, detector)
    odd_from_s = float("-inf") if is_odd else float("inf")
    found = [cut(f"{film.stem} {i}", scenes, first, last, odd_from_s) for i, (first, last) in enumerate(spans)]
    return [h for h in found if h is not None]


def _falls(folder: Path, detector: Detector) -> tuple[list[tuple[str, Happening]], list[tuple[str, Happening]]]:
    """Daily life and falls, each with its room."""
    with (folder / "segments.csv").open(newline="", encoding="utf-8") as file:
        begins = {row["path"]: float(row["start_s"]) for row in csv.DictReader(file) if row["label"] == "falling"}
    daily: list[tuple[str, Happening]] = []
    fallen: list[tuple[str, Happening]] = []
    with (folder / "clips.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            scenes = see_film(folder / row["path"], detector)
            begin_s = begins.get(row["path"], float("inf"))
            if scenes and (happening := cut(row["path"], scenes, 0, scenes[-1][0], begin_s)) is not None:
                (fallen if row["label"] == "fall" else daily).append((row["room"], happening))
    return daily, fallen


def _watched(camera: Camera, learn_h: float, measure_h: float, with_odd: bool) -> Outcome:
    from sklearn.ensemble import IsolationForest

    learn_s, end_s = learn_h * 3600.0, (learn_h + measure_h) * 3600.0
    times = np.linspace(learn_s, end_s, len(camera.odd), endpoint=False)
    odd = list(zip(times.tolist(), camera.odd, strict=True)) if with_odd else []

    def usual(time_s: float, rng: np.random.Generator) -> Happening:
        choice = camera.early if time_s < learn_s else (*camera.early, *camera.late)
        return choice[int(rng.integers(len(choice)))]

    normality = NormalitySettings(false_alerts_per_hour=RATE_PER_HOUR)
    ours, policy = UsualHere(CAMERA, normality, None), AlertPolicy(SurveillanceSettings(), CAMERA)
    learned, rows, vectors = [], [], []
    alerts_s: dict[str, float] = {}
    spans: dict[int, list[float]] = {}
    copies = (-1, ours, policy)
    for look in footage(end_s, usual, odd, SEED, GAP_S):
        scene, watcher, raising = look.scene, ours, policy
        if look.is_inserted and look.event is not None:
            if copies[0] != look.event:
                copies = (look.event, deepcopy(ours), deepcopy(policy))
            _, watcher, raising = copies
        judgement = watcher.see(scene)
        for alert in raising.step((judgement,), scene.time_s, None):
            alerts_s.setdefault(alert.id, alert.start_s)
        vector = moment(scene, None, None) / SCALES
        if scene.time_s < learn_s:
            learned.append(vector)
            continue
        distance = watcher.newest.distance if watcher.newest is not None else 0.0
        vectors.append(vector)
        rows.append((look.is_odd, distance, scene.motion.area, -1 if look.event is None else look.event))
        if look.is_odd and look.event is not None:
            spans.setdefault(look.event, [scene.time_s, scene.time_s])[1] = scene.time_s
    forest = IsolationForest(n_estimators=100, random_state=SEED).fit(np.array(learned[:: max(1, len(learned) // 20_000)]))
    return Outcome(
        odd=np.array([r[0] for r in rows], np.bool_),
        distances=np.array([r[1] for r in rows], np.float32),
        areas=np.array([r[2] for r in rows], np.float32),
        forest=-forest.score_samples(np.array(vectors)).astype(np.float32),
        events=np.array([r[3] for r in rows], np.int64),
        alerts_s=tuple(s for s in alerts_s.values() if s >= learn_s),
        hours=len(rows) * LOOK_S / 3600.0,
        spans_s=tuple((a, b) for a, b in spans.values()),
    )


def _ranked(name: str, outcome: Outcome, note: str) -> list[Metric]:
    from sklearn.metrics import roc_auc_score

    def by_event(values: FloatArray) -> tuple[FloatArray, FloatArray]:
        numbers = [n for n in np.unique(outcome.events) if n >= 0]
        peaks = np.array([values[outcome.events == n].max() for n in numbers], np.float32)
        return np.array([outcome.odd[outcome.events == n].any() for n in numbers], np.float32), peaks

    truth, peaks = by_event(outcome.distances)
    rng = np.random.default_rng(SEED)
    redrawn = []
    for _ in range(REDRAWN):
        chosen = rng.integers(0, len(truth), len(truth))
        if 0 < truth[chosen].sum() < len(chosen):
            redrawn.append(roc_auc_score(truth[chosen], peaks[chosen]))
    interval = (float(np.quantile(redrawn, 0.025)), float(np.quantile(redrawn, 0.975)))
    found = sum(any(a - 2.0 <= s <= b + 5.0 for s in outcome.alerts_s) for a, b in outcome.spans_s)
    forest = float(roc_auc_score(*by_event(outcome.forest)))
    counts = f"{int(truth.sum())} odd of {len(truth)} events; the intervals redraw events, not clips; {note}"
    looks = f"{int(outcome.odd.sum())} odd of {len(outcome.odd)} looks; {note}"
    by_look, by_look_forest = (float(roc_auc_score(outcome.odd, v)) for v in (outcome.distances, outcome.forest))
    moving = float(roc_auc_score(*by_event(outcome.areas)))
    ranked = float(roc_auc_score(truth, peaks))
    return [
        Metric(f"{name}: AUROC by event", ranked, "", peer=PEER, peer_value=forest, interval=interval, note=counts),
        Metric(f"{name}: AUROC by event, share that moves alone", moving, "", note=counts),
        Metric(f"{name}: AUROC by look", by_look, "", peer=PEER, peer_value=by_look_forest, note=looks),
        Metric(f"{name}: odd events that raised an alert", found / max(len(outcome.spans_s), 1), "", note=counts),
    ]
