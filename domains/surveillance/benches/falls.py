"""Falls: leave one room out, fusion against majority, logistic regression on the same features, and video alone.

23 clips of four people in three rooms: small, and the intervals say so. Every figure is on rooms that the model never saw; inside
the training rooms whole clips are set aside to choose the epoch and the temperature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

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
from domains.surveillance.config import SurveillanceSettings
from domains.surveillance.detector import load_detector
from domains.surveillance.encoders import fusion_encoders
from domains.surveillance.examples import labelled_windows

LABELS = ("daily", "fall")
SEEDS = (0, 1, 2)
REPEATS = 2000
ALL = (Modality.VIDEO, Modality.AUDIO, Modality.TEXT)
SUBSETS = (ALL, (Modality.VIDEO, Modality.TEXT), (Modality.VIDEO, Modality.AUDIO), (Modality.AUDIO, Modality.TEXT), *((m,) for m in ALL))


@dataclass(frozen=True, slots=True)
class Answers:
    """What one model says of every window, each from a room that it was not trained on.

    Attributes:
        windows: `[windows, labels]` probabilities.
    """

    windows: FloatArray


def run(context: BenchContext) -> list[Metric]:
    """Leave each room out once."""
    samples = encoded_windows(context)
    seeds = SEEDS[:1] if context.is_quick else SEEDS
    targets = task("classification").targets(samples.labels, LABELS)
    truth, clips = clip_truth(samples)
    note = f"{len(clips)} clips, {len(samples)} windows of 4 s, 3 rooms, leave one room out, seeds {list(seeds)}; made by acting"
    context.say("fusion of all modalities")
    fused = _answers(samples, ALL, seeds)
    context.say("video alone")
    video = _answers(samples, (Modality.VIDEO,), seeds)
    baselines = {"logistic regression, same features": _regression(samples, targets), "majority": _majority(samples, targets)}
    score = partial(_clip_score, samples=samples, clips=clips, truth=truth)
    best = score(fused[ALL].windows)
    metrics = [_metric("falls by clip, balanced accuracy, fusion", best, note=note)]
    for name, answers in {"video only, trained so": video[(Modality.VIDEO,)].windows, **baselines}.items():
        other = score(answers)
        gain = _clip_gain(fused[ALL].windows, answers, samples, clips, truth)
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
        windows = bootstrap(balanced_accuracy, fused[subset].windows, targets, _clips_of(samples), repeats=REPEATS)
        clip = score(fused[subset].windows)
        shown = "+".join(m.value for m in subset)
        metrics.append(_metric(f"falls by window, shown {shown}", windows, note=f"ablation at inference; by clip {clip.value:.3f}"))
    gap = expected_calibration_error(fused[ALL].windows, targets)
    metrics.append(Metric("falls by window, expected calibration error", gap, "", note="temperature fitted on clips of the training rooms"))
    return metrics


def encoded_windows(context: BenchContext) -> FeatureSet:
    """The labelled windows of the fall set, encoded with the default encoders."""
    settings = SurveillanceSettings()
    dataset = context.data / "surveillance" / "gmdcsa24_fall"
    context.say("cutting windows")
    hop_s = 1.0 if context.is_quick else 0.5
    samples = list(labelled_windows(dataset, settings, load_detector(settings.detector, 2), load_tagger(settings.sound_tagger), hop_s))
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
    """A clip is as sure to hold a fall as its surest window: `[clips, labels]`."""
    names = np.array(_clips_of(samples))
    falls = np.array([windows[names == clip, 1].max() for clip in clips], np.float32)
    return np.stack([1 - falls, falls], 1)


def _clip_score(windows: FloatArray, samples: FeatureSet, clips: Sequence[str], truth: FloatArray) -> Estimate:
    return bootstrap(balanced_accuracy, clip_probabilities(windows, samples, clips), truth, clips, repeats=REPEATS)


def _clip_gain(ours: FloatArray, theirs: FloatArray, samples: FeatureSet, clips: Sequence[str], truth: FloatArray) -> Estimate:
    a, b = (clip_probabilities(windows, samples, clips) for windows in (ours, theirs))
    return paired_difference(balanced_accuracy, a, b, truth, clips, repeats=REPEATS)


def _rooms(samples: FeatureSet) -> list[tuple[list[int], list[int]]]:
    groups = np.array(samples.groups)
    return [(np.flatnonzero(groups != room).tolist(), np.flatnonzero(groups == room).tolist()) for room in sorted(set(samples.groups))]


def _answers(samples: FeatureSet, modalities: Sequence[Modality], seeds: Sequence[int]) -> Mapping[tuple[Modality, ...], Answers]:
    """Mean probabilities over seeds; with all modalities trained also what smaller subsets give."""
    shown = SUBSETS if len(modalities) > 1 else (tuple(modalities),)
    sums = {subset: np.zeros((len(samples), len(LABELS)), np.float32) for subset in shown}
    for train, test in _rooms(samples):
        known, unseen = by_clip(samples.select(train)).only(modalities), samples.select(test)
        for seed in seeds:
            checkpoint = fit(known, FusionConfig(inputs=inputs_of(known), labels=LABELS), training(seed))
            model, chosen = checkpoint.build(), task("classification")
            for subset in shown:
                probabilities = checkpoint.calibration.probabilities(joint_logits(model, unseen.only(subset)), chosen)
                sums[subset][test] += probabilities / len(seeds)
    return {subset: Answers(total) for subset, total in sums.items()}


def training(seed: int) -> TrainingConfig:
    """How the shipped checkpoint and every fold are trained."""
    return TrainingConfig(seed=seed, epochs=15, patience=4)


def _regression(samples: FeatureSet, targets: FloatArray) -> FloatArray:
    out = np.zeros_like(targets)
    for train, test in _rooms(samples):
        out[test] = logistic_regression(samples.select(train), targets[train], samples.select(test), task("classification"), ALL)
    return out


def _majority(samples: FeatureSet, targets: FloatArray) -> FloatArray:
    out = np.zeros_like(targets)
    for train, test in _rooms(samples):
        out[test] = majority(targets[train], len(test))
    return out


def _metric(name: str, estimate: Estimate, note: str) -> Metric:
    return Metric(name, estimate.value, "", interval=(estimate.low, estimate.high), note=note)
