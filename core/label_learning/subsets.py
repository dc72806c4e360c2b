"""How a model does where modalities are missing, beside models that read one modality alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.label_learning.members import Lesson
from core.label_learning.selection import Pattern, mix
from core.samples import FloatArray, Modality

WORST_SHARE = 0.9  # the least that a set of modalities should keep of what all together reach


@dataclass(frozen=True, slots=True)
class SubsetScore:
    """The headline measure where a set of modalities is given and nothing else.

    Attributes:
        modalities: the set, in the model's order.
        value: of the model, on rows that have any of the set.
        alone: of the best model that reads one modality of the set, on the same rows; None where there is none.
        best_alone: that modality.
        rows: how many.
    """

    modalities: tuple[Modality, ...]
    value: float
    alone: float | None
    best_alone: Modality | None
    rows: int

    @property
    def name(self) -> str:
        return "+".join(self.modalities)

    def holds(self, whole: float) -> bool:
        """Whether it keeps its share of what all modalities reach, or is no worse than a model of one modality alone."""
        return self.value >= WORST_SHARE * whole or (self.alone is not None and self.value >= self.alone)


def score_subsets(
    lesson: Lesson, answers: Mapping[Pattern, FloatArray], alone: Mapping[Modality, FloatArray], modalities: Sequence[Modality]
) -> tuple[SubsetScore, ...]:
    """Score each set of modalities, all of them first.

    Args:
        lesson: the rows that are judged.
        answers: for each set the model's, shown nothing else, `[rows, labels]`.
        alone: by modality those of a model that reads it alone, `[rows, labels]`.
        modalities: in the model's order.
    """
    measure, natural = lesson.task.measures[lesson.task.headline], lesson.rows.patterns
    found = []
    for pattern, given in answers.items():
        rows = [i for i, here in enumerate(natural) if here & pattern]
        if not rows:
            continue
        truth = lesson.targets[rows]
        own = {m: measure(one[rows], truth) for m, one in alone.items() if m in pattern}
        best = max(own, key=lambda m: own[m]) if own else None
        chosen = tuple(m for m in modalities if m in pattern)
        found.append(SubsetScore(chosen, measure(given[rows], truth), own[best] if best else None, best, len(rows)))
    return tuple(found)


def no_worse_than_alone(
    lesson: Lesson,
    by_pattern: Mapping[Pattern, Mapping[str, FloatArray]],
    weights: Mapping[Pattern, Mapping[str, float]],
    singles: Mapping[Modality, str],
    modalities: Sequence[Modality],
) -> dict[Pattern, dict[str, float]]:
    """The weights, but where a set of modalities falls short the probe that reads the best of them alone answers.

    Members are weighed by loss, which may cost some of the headline measure.

    Args:
        lesson: the rows that are judged.
        by_pattern: for each set the answers of members that are shown nothing else.
        weights: of those members.
        singles: by modality the member that reads it alone.
        modalities: in the model's order.
    """
    answers = {pattern: mix(by_pattern[pattern], chosen) for pattern, chosen in weights.items()}
    alone = {m: by_pattern[frozenset({m})][name] for m, name in singles.items()}
    scores = score_subsets(lesson, answers, alone, modalities)
    short = {frozenset(one.modalities): one.best_alone for one in scores[1:] if not one.holds(scores[0].value)}
    taken = {pattern: {singles[m]: 1.0} for pattern, m in short.items() if m is not None}
    return {pattern: taken.get(pattern, dict(chosen)) for pattern, chosen in weights.items()}


def tell_subsets(headline: str, scores: Sequence[SubsetScore]) -> tuple[str, ...]:
    """What a person should know: how far the worst set falls, and which sets neither keep their share nor match a plain model."""
    if len(scores) < 2:
        return ()
    whole = scores[0].value
    worst = min(scores, key=lambda one: one.value)
    verdict = "within" if worst.value >= WORST_SHARE * whole else "not within"
    beside = f"; {worst.best_alone} read alone by a linear probe has {worst.alone:.3f}" if worst.alone is not None else ""
    notes = [
        f"worst set of modalities, {worst.name}: {headline} {worst.value:.3f} of {whole:.3f} with all; "
        f"{verdict} {1 - WORST_SHARE:.0%} of it{beside}"
    ]
    for one in scores[1:]:
        if not one.holds(whole):
            told = "" if one.alone is None else f", and below {one.best_alone} alone ({one.alone:.3f})"
            notes.append(f"{one.name} has {one.value:.3f}: not within {1 - WORST_SHARE:.0%} of all{told}")
    return tuple(notes)
