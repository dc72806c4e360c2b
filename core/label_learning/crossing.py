"""Cross-validation of members with groups: every row is answered once by members that never saw its group."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.errors import InputError
from core.featuresets import FeatureSet
from core.fusion import FusionConfig
from core.label_learning.answers import row_losses
from core.label_learning.boosting import fit_boosted
from core.label_learning.fusion_member import fit_fusion
from core.label_learning.linear import STRENGTHS, fit_linear
from core.label_learning.members import Lesson, Member
from core.label_learning.options import LabelOptions
from core.label_learning.rows import Rows
from core.label_learning.selection import Pattern, greedy, patterns_of, probed
from core.samples import FloatArray, Modality
from core.splits import folds as split_folds
from core.splits import hold_out
from core.training import TrainingConfig

FUSION, BOOSTING, LINEAR = "fusion", "gradient boosting", "linear probe"


@dataclass(slots=True)
class Crossing:
    """Out-of-fold answers.

    Attributes:
        by_pattern: for each set of modalities, the answers `[rows, labels]` of each member that was shown no more than it.
        folds: the rows of each fold.
        strengths: of the penalty of each linear probe, chosen by its out-of-fold loss.
        dropped: member to why it was not carried through.
        seconds: member to the time that its fits and answers took.
    """

    by_pattern: dict[Pattern, dict[str, FloatArray]]
    folds: list[list[int]]
    strengths: dict[str, float] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def whole(self) -> dict[str, FloatArray]:
        """The answers to rows as they are."""
        return next(iter(self.by_pattern.values()))


def probe_names(modalities: Sequence[Modality]) -> dict[str, tuple[Modality, ...]]:
    """The linear probes: one that reads everything, and one for each set of modalities that rows are looked at with."""
    found: dict[str, tuple[Modality, ...]] = {LINEAR: tuple(modalities)}
    for pattern in probed(modalities)[1:]:
        chosen = tuple(m for m in modalities if m in pattern)
        found[f"{LINEAR}, {'+'.join(chosen)} alone"] = chosen
    return found


def cross(lesson: Lesson, fusion: FusionConfig, training: TrainingConfig, options: LabelOptions, say: Callable[[str], None]) -> Crossing:
    """Answer every row out of its fold.

    Plain members go through all folds. The fusion model, by far the dearest, is first tried on one: where nothing is gained by
    adding it to the plain ones there, it is not carried through the others.

    Raises:
        InputError: too few groups.
    """
    folds = _folds(lesson.rows.features, options)
    patterns = patterns_of(fusion.modalities)
    found = Crossing({pattern: {} for pattern in patterns}, folds)
    everything = range(len(lesson.rows))
    rests = [sorted(set(everything) - set(fold)) for fold in folds]
    for name, modalities in probe_names(fusion.modalities).items():
        _cross_linear(found, lesson, rests, name, modalities, options)
    say(f"{LINEAR}s: {len(folds)} folds in {sum(found.seconds.values()):.0f} s")
    begun_s = time.monotonic()
    for fold, rest in zip(folds, rests, strict=True):
        member = fit_boosted(lesson.select(rest), name=BOOSTING, seed=options.seed)
        _ask(found, member, lesson.rows, fold, lesson.targets.shape)
    found.seconds[BOOSTING] = time.monotonic() - begun_s
    say(f"{BOOSTING}: {len(folds)} folds in {found.seconds[BOOSTING]:.0f} s")
    _cross_fusion(found, lesson, rests, fusion, training, say)
    return found


def _folds(features: FeatureSet, options: LabelOptions) -> list[list[int]]:
    distinct = len(set(features.groups))
    if distinct < 2:
        raise InputError("all rows are of one group, so models cannot be compared by group; give more groups, or use preset quick")
    parts = min(options.folds, distinct)
    place = {name: index for index, name in enumerate(features.ids)}
    splits = split_folds(features.ids, balanced(features), features.groups, parts=parts, seed=options.seed)
    return [[place[name] for name in split.test] for split in splits]


def balanced(features: FeatureSet) -> Sequence[Sequence[str]]:
    """The labels to balance folds by: none where their first ones hardly repeat (numbers that are learned, say)."""
    labels = features.labels
    return labels if 2 * len({row[:1] for row in labels}) <= len(labels) else ((),) * len(labels)


def _ask(found: Crossing, member: Member, rows: Rows, fold: Sequence[int], shape: tuple[int, ...], name: str = "") -> None:
    tested = rows.select(fold)
    for pattern, answers in found.by_pattern.items():
        is_whole = pattern == next(iter(found.by_pattern))
        given = member.ask(tested if is_whole else tested.only(pattern))
        answers.setdefault(name or member.name, np.zeros(shape, np.float32))[list(fold)] = given


def _cross_linear(
    found: Crossing, lesson: Lesson, rests: Sequence[Sequence[int]], name: str, modalities: tuple[Modality, ...], options: LabelOptions
) -> None:
    begun_s = time.monotonic()
    shape = (len(STRENGTHS), *lesson.targets.shape)
    read, everything = frozenset(modalities), next(iter(found.by_pattern))
    asked = [p for p in found.by_pattern if p == everything or read <= p or read == everything]  # others would answer without their eyes
    by_strength = {pattern: np.zeros(shape, np.float32) for pattern in asked}
    for fold, rest in zip(found.folds, rests, strict=True):
        members = fit_linear(lesson.select(rest), modalities, name=name, seed=options.seed)
        tested = lesson.rows.select(fold)
        for pattern, answers in by_strength.items():
            shown = tested.only(pattern)
            for index, member in enumerate(members):
                answers[index, list(fold)] = member.ask(shown)
    whole = next(iter(by_strength.values()))
    losses = [float(row_losses(lesson.task, one, lesson.targets, lesson.weights).mean()) for one in whole]
    best = int(np.argmin(losses))
    found.strengths[name] = STRENGTHS[best]
    for pattern, answers in by_strength.items():
        found.by_pattern[pattern][name] = answers[best]
    found.seconds[name] = time.monotonic() - begun_s


def _cross_fusion(
    found: Crossing,
    lesson: Lesson,
    rests: Sequence[Sequence[int]],
    config: FusionConfig,
    training: TrainingConfig,
    say: Callable[[str], None],
) -> None:
    begun_s = time.monotonic()
    plain: Mapping[str, FloatArray] = dict(found.whole)
    held: dict[Pattern, dict[str, FloatArray]] = {pattern: {} for pattern in found.by_pattern}
    own = Crossing(held, found.folds)
    for index, (fold, rest) in enumerate(zip(found.folds, rests, strict=True)):
        features = lesson.rows.features.select(rest)
        split = hold_out(features.ids, balanced(features), features.groups, fraction=training.validation_fraction, seed=training.seed)
        member = fit_fusion(features, config, training, split=split)
        _ask(own, member, lesson.rows, fold, lesson.targets.shape)
        say(f"{FUSION}: fold {index + 1} of {len(found.folds)} in {time.monotonic() - begun_s:.0f} s")
        if index == 0 and FUSION not in greedy(lesson, {**plain, FUSION: own.whole[FUSION]}, fold):
            found.dropped[FUSION] = "on the first fold nothing was gained by adding it to the plain models, so it was not trained further"
            break
    else:
        for pattern, answers in held.items():
            found.by_pattern[pattern] |= answers
    found.seconds[FUSION] = time.monotonic() - begun_s
