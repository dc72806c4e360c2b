"""Falls: leave one room out, fusion against majority, logistic regression on the same features, and video alone.

23 clips of four people in three rooms: small, and the intervals say so. Every figure is on rooms that the model never saw; inside
the training rooms whole clips are set aside to choose the epoch and the temperature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from pydantic import SecretStr

from core.baselines import logistic_regression, majority
from core.benchmark import BenchContext, Metric
from core.encoders.sound.tagger import load_tagger
from core.feature_cache import CachedEncoder, FeatureCache
from core.featuresets import FeatureSet, encode_samples
from core.fusion import FusionConfig
from core.metrics import Estimate, balanced_accuracy, bootstrap, expected_calibration_error, paired_difference
from core.predicting import joint_logits
from core.samples import FloatArray, Modality
from core.tasks import task
from core.training import TrainingConfig, fit, inputs_of
from domains.surveillance.config import CameraSettings, SurveillanceSettings
from domains.surveillance.detector import load_detector
from domains.surveillance.encoders import fusion_encoders
from domains.surveillance.examples import film_windows, labelled_windows
from domains.surveillance.labels import DAILY

LABELS = ("daily", "fall")
ROOM = "room "  # what the groups of the fall set begin with
DAILY_HOP_S = 1.5
SEEDS = (0, 1, 2)
REPEATS = 2000
ALL = (Modality.VIDEO, Modality.AUDIO, Modality.TEXT)
SUBSETS = (ALL, (Modality.VIDEO, Modality.TEXT), (Modality.VIDEO, Modality.AUDIO), (Modality.AUDIO, Modality.TEXT), *((m,) for m in ALL))


def run(context: BenchContext) -> list[Metric]:
    """Leave each room out once."""
    everything = encoded_windows(context)
    in_rooms = [i for i, group in enumerate(everything.groups) if group.startswith(ROOM)]
    samples = everything.select(in_rooms)
    seeds = SEEDS[:1] if context.is_quick else SEEDS
    targets = task("classification").targets(samples.labels, LABELS)
    truth, clips = clip_truth(samples)
    note = f"{len(clips)} clips, {len(samples)} windows of 4 s, 3 rooms, leave one room out, seeds {list(seeds)}; made by acting"
    context.say("fusion of all modalities")
    fused = {subset: answers[in_rooms] for subset, answers in _answers(everything, ALL, seeds).items()}
    context.say("video alone")
    video = _answers(everything, (Modality.VIDEO,), seeds)[(Modality.VIDEO,)][in_rooms]
    baselines = {
        "logistic regression, same features": _by_room(everything, logistic_regression_of)[in_rooms],
        "majority": _by_room(everything, majority_of)[in_rooms],
    }
    score = partial(_clip_score, samples=samples, clips=clips, truth=truth)
    best = score(fused[ALL])
    metrics = [_metric("falls by clip, balanced accuracy, fusion", best, note=note)]
    for name, answers in {"video only, trained so": video, **baselines}.items():
        other = score(answers)
        gain = _clip_gain(fused[ALL], answers, samples, clips, truth)
        metrics.append(
            Metric(
                f"falls by clip, fusion over {name}",
                gain.value,
                "",
                interval=(gain.low, gain.high),
                peer=name,
                peer_value=other.value,
                note=f"difference in balanced accuracy, paired by clip; the peer's own interval {other.low:.2f} to {other.high:.2f}",
            )
        )
    for subset in SUBSETS:
        windows = bootstrap(balanced_accuracy, fused[subset], targets, _clips_of(samples), repeats=REPEATS)
        clip = score(fused[subset])
        shown = "+".join(m.value for m in subset)
        metrics.append(_metric(f"falls by window, shown {shown}", windows, note=f"ablation at inference; by clip {clip.value:.3f}"))
    gap = expected_calibration_error(fused[ALL], targets)
    metrics.append(Metric("falls by window, expected calibration error", gap, "", note="temperature fitted on clips of the training rooms"))
    return metrics


def encoded_windows(context: BenchContext) -> FeatureSet:
    """Windows of the fall set and of other daily films, encoded with the default encoders.

    The daily films (people at a table, a hand among bottles, cars) are always in training and never scored: without them a model
    that knows three rooms takes whatever it has not seen for a fall.
    """
    settings = SurveillanceSettings()
    detector, tagger = load_detector(settings.detector, 2), load_tagger(settings.sound_tagger)
    context.say("cutting windows")
    hop_s = 1.0 if context.is_quick else 0.5
    samples = list(labelled_windows(context.data / "surveillance" / "gmdcsa24_fall", settings, detector, tagger, hop_s))
    for film in sorted((context.data / "surveillance" / "intel_sample_videos").glob("*.mp4")):
        camera = CameraSettings(url=SecretStr(str(film)))
        for _, end_s, sample in film_windows(film, camera, settings, detector, tagger, DAILY_HOP_S):
            samples.append(replace(sample, id=f"{film.stem}@{end_s:.2f}", labels=(DAILY,), group=f"film {film.stem}"))
    context.say(f"encoding {len(samples)} windows")
    cache = FeatureCache()
    encoders = {m: CachedEncoder(e, cache) for m, e in fusion_encoders(settings.sound_tagger, 2).items()}
    return encode_samples(samples, encoders)


def by_clip(samples: FeatureSet) -> FeatureSet:
    """The same windows with the clip as their group: what validation inside training rooms must not split."""
    return replace(samples, groups=_clips_of(samples))


def _clips_of(samples: FeatureSet) -> tuple[str, ...]:
    return tuple(f"{group} {name.partition('@')[0]}" for name, group in zip(samples.ids, samples.groups, strict=True))


def clip_truth(samples: FeatureSet) -> tuple[FloatArray, tuple[str, ...]]:
    """Whether each clip holds a fall, `[clips, labels]`, and the clips."""
    names = _clips_of(samples)
    clips = tuple(sorted(set(names)))
    falls = {name for name, labels in zip(names, samples.labels, strict=True) if "fall" in labels}
    return np.array([[clip not in falls, clip in falls] for clip in clips], np.float32), clips


def clip_probabilities(windows: FloatArray, samples: FeatureSet, clips: Sequence[str]) -> FloatArray:
    """A clip is as sure to hold a fall as its surest two windows in a row, as when watching live: `[clips, labels]`."""
    names = np.array(_clips_of(samples))
    falls = np.array([_surest_pair(windows[names == clip, 1]) for clip in clips], np.float32)
    return np.stack([1 - falls, falls], 1)


def _surest_pair(falls: FloatArray) -> float:
    return float(np.minimum(falls[1:], falls[:-1]).max()) if len(falls) > 1 else float(falls.max())


def _clip_score(windows: FloatArray, samples: FeatureSet, clips: Sequence[str], truth: FloatArray) -> Estimate:
    return bootstrap(balanced_accuracy, clip_probabilities(windows, samples, clips), truth, clips, repeats=REPEATS)


def _clip_gain(ours: FloatArray, theirs: FloatArray, samples: FeatureSet, clips: Sequence[str], truth: FloatArray) -> Estimate:
    a, b = (clip_probabilities(windows, samples, clips) for windows in (ours, theirs))
    return paired_difference(balanced_accuracy, a, b, truth, clips, repeats=REPEATS)


def _rooms(samples: FeatureSet) -> list[tuple[list[int], list[int]]]:
    groups = np.array(samples.groups)
    rooms = sorted(group for group in set(samples.groups) if group.startswith(ROOM))
    return [(np.flatnonzero(groups != room).tolist(), np.flatnonzero(groups == room).tolist()) for room in rooms]


def _answers(samples: FeatureSet, modalities: Sequence[Modality], seeds: Sequence[int]) -> dict[tuple[Modality, ...], FloatArray]:
    """Mean probabilities over seeds; with all modalities trained also what smaller subsets give."""
    shown = SUBSETS if len(modalities) > 1 else (tuple(modalities),)
    sums = {subset: np.zeros((len(samples), len(LABELS)), np.float32) for subset in shown}
    for train, test in _rooms(samples):
        known, unseen = by_clip(samples.select(train)).only(modalities), samples.select(test)
        for seed in seeds:
            checkpoint = fit(known, fusion(known), training(seed))
            model, chosen = checkpoint.build(), task("classification")
            for subset in shown:
                probabilities = checkpoint.calibration.probabilities(joint_logits(model, unseen.only(subset)), chosen)
                sums[subset][test] += probabilities / len(seeds)
    return sums


def fusion(samples: FeatureSet) -> FusionConfig:
    """The model of the shipped checkpoint and of every fold.

    Pictures of three rooms are learned by heart soon, and the rest would never be listened to: more than half of what is there is
    left out of each training step.
    """
    return FusionConfig(inputs=inputs_of(samples), labels=LABELS, modality_dropout=0.6)


def training(seed: int) -> TrainingConfig:
    """How the shipped checkpoint and every fold are trained."""
    return TrainingConfig(seed=seed, epochs=15, patience=4, threads=1)


def _by_room(samples: FeatureSet, answer: Callable[[FeatureSet, FeatureSet], FloatArray]) -> FloatArray:
    """What a baseline says of each room, fitted on the rest: `[windows, labels]`, zeros for windows of no room."""
    out = np.zeros((len(samples), len(LABELS)), np.float32)
    for train, test in _rooms(samples):
        out[test] = answer(samples.select(train), samples.select(test))
    return out


def logistic_regression_of(train: FeatureSet, test: FeatureSet) -> FloatArray:
    """Logistic regression on the same features, averaged over time."""
    chosen = task("classification")
    return logistic_regression(train, chosen.targets(train.labels, LABELS), test, chosen, ALL)


def majority_of(train: FeatureSet, test: FeatureSet) -> FloatArray:
    """The labels' shares in training."""
    return majority(task("classification").targets(train.labels, LABELS), len(test))


def _metric(name: str, estimate: Estimate, note: str) -> Metric:
    return Metric(name, estimate.value, "", interval=(estimate.low, estimate.high), note=note)
