"""Learned normality: odd things inserted into hours of usual footage, by event and by look, and false alerts an hour.

Five made cameras, see `places`. `hall`: people who come to a table one by one. `street`: a street in which always somebody walks. `table`:
bottles that a hand puts down and takes. There falls, cars, people or crowds from other films are odd. `room`: daily life in one room of
GMDCSA-24, where falls in the same room are odd: the harder question, and few clips. `three rooms`: the same of all its rooms,
as if before one camera. Sound is left out, since only some films have it.

The same is measured with the look of the picture among the features. Only where odd and usual clips show the same rooms does that tell
anything: elsewhere an odd clip is known by its background alone, so those places are left out of that comparison.

Each odd thing is shown to a copy of what was learned until then, so each is the first of its kind, as in life: several an hour in one
footage would themselves be what recurs here. Usual footage goes on in the original, which never sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import numpy as np

from core.benchmark import BenchContext, Metric
from core.samples import FloatArray
from domains.surveillance.benches.places import Camera, see_places
from domains.surveillance.benches.recombined import CAMERA, LOOK_S, Happening, footage
from domains.surveillance.config import DetectorSettings, NormalitySettings, SurveillanceSettings
from domains.surveillance.detector import load_detector
from domains.surveillance.look import Looker
from domains.surveillance.moment_features import SCALES, moment
from domains.surveillance.policy import AlertPolicy
from domains.surveillance.usual import UsualHere

GAP_S = 45.0
LOOKS_PER_MINUTE = 12.0
SEED = 3
REDRAWN = 1_000
RATE_PER_HOUR = 0.2
PEER = "isolation forest, same features"


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
        ModelError: the detector's or the image encoder's weights are missing.
    """
    learn_h, measure_h = (2.0, 3.0) if context.is_quick else (4.0, 12.0)
    detector = load_detector(DetectorSettings(), threads=2)
    metrics: list[Metric] = []
    for place in see_places(context.data, detector, Looker(threads=2), SEED, context.is_quick, context.say):
        note = (
            f"{place.about}; scenes of real clips recombined in time, far less varied than real days: an upper bound;"
            f" {learn_h:.0f} h learned before, {measure_h:.0f} h measured, seed {SEED}"
        )
        for looks_per_minute in (0.0, LOOKS_PER_MINUTE) if len(place.folds) > 1 else (0.0,):
            name = f"{place.name}{f', with {looks_per_minute:.0f} looks a minute' if looks_per_minute else ''}"
            context.say(f"{name}: {len(place.folds)} x {learn_h + measure_h:.0f} h with odd things, and the same without")
            watched = [_watched(camera, learn_h, measure_h, True, looks_per_minute) for camera in place.folds]
            calm = [_watched(camera, learn_h, measure_h, False, looks_per_minute) for camera in place.folds]
            metrics += _ranked(name, watched, note, with_peer=not looks_per_minute)
            metrics.append(_calm(name, calm, note))
    return metrics


def _calm(name: str, outcomes: Sequence[Outcome], note: str) -> Metric:
    alerts, hours = sum(len(o.alerts_s) for o in outcomes), sum(o.hours for o in outcomes)
    rate = alerts / hours
    return Metric(
        f"{name}: false alerts an hour",
        rate,
        "1/h",
        f"<= {RATE_PER_HOUR:g} as configured",
        rate <= RATE_PER_HOUR,
        note=f"{alerts} in {hours:.1f} h; {note}",
    )


def _watched(camera: Camera, learn_h: float, measure_h: float, with_odd: bool, looks_per_minute: float) -> Outcome:
    from sklearn.ensemble import IsolationForest

    learn_s, end_s = learn_h * 3600.0, (learn_h + measure_h) * 3600.0
    times = np.linspace(learn_s, end_s, len(camera.odd), endpoint=False)
    odd = list(zip(times.tolist(), camera.odd, strict=True)) if with_odd else []

    def usual(time_s: float, rng: np.random.Generator) -> Happening:
        choice = camera.early if time_s < learn_s else (*camera.early, *camera.late)
        return choice[int(rng.integers(len(choice)))]

    normality = NormalitySettings(false_alerts_per_hour=RATE_PER_HOUR, looks_per_minute=looks_per_minute)
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
        judgement = watcher.see(scene, look=partial(getattr, look, "look"))
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


def _ranked(name: str, outcomes: Sequence[Outcome], note: str, with_peer: bool) -> list[Metric]:
    from sklearn.metrics import roc_auc_score

    def by_event(values_of: Callable[[Outcome], FloatArray]) -> tuple[FloatArray, FloatArray]:
        truth, peaks = [], []
        for outcome in outcomes:
            values = values_of(outcome)
            for number in np.unique(outcome.events[outcome.events >= 0]):
                truth.append(bool(outcome.odd[outcome.events == number].any()))
                peaks.append(float(values[outcome.events == number].max()))
        return np.array(truth, np.float32), np.array(peaks, np.float32)

    truth, peaks = by_event(lambda o: o.distances)
    rng = np.random.default_rng(SEED)
    redrawn = []
    for _ in range(REDRAWN):
        chosen = rng.integers(0, len(truth), len(truth))
        if 0 < truth[chosen].sum() < len(chosen):
            redrawn.append(roc_auc_score(truth[chosen], peaks[chosen]))
    interval = (float(np.quantile(redrawn, 0.025)), float(np.quantile(redrawn, 0.975)))
    found = sum(any(a - 2.0 <= s <= b + 5.0 for s in o.alerts_s) for o in outcomes for a, b in o.spans_s)
    odd_looks = np.concatenate([o.odd for o in outcomes])
    counts = f"{int(truth.sum())} odd of {len(truth)} events; the intervals redraw events, not clips; {note}"
    looks = f"{int(odd_looks.sum())} odd of {len(odd_looks)} looks; {note}"
    by_look, by_look_forest = (
        float(roc_auc_score(odd_looks, np.concatenate(values)))
        for values in ([o.distances for o in outcomes], [o.forest for o in outcomes])
    )
    peer, peer_by_event, peer_by_look = (
        (PEER, float(roc_auc_score(*by_event(lambda o: o.forest))), by_look_forest) if with_peer else ("", None, None)
    )
    ranked = float(roc_auc_score(truth, peaks))
    metrics = [
        Metric(f"{name}: AUROC by event", ranked, "", peer=peer, peer_value=peer_by_event, interval=interval, note=counts),
        Metric(f"{name}: AUROC by look", by_look, "", peer=peer, peer_value=peer_by_look, note=looks),
        Metric(f"{name}: odd events that raised an alert", found / max(int(truth.sum()), 1), "", note=counts),
    ]
    if with_peer:
        moving = float(roc_auc_score(*by_event(lambda o: o.areas)))
        metrics.insert(1, Metric(f"{name}: AUROC by event, share that moves alone", moving, "", note=counts))
    return metrics
