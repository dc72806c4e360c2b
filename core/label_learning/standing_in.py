"""Linear probes that answer beside or in place of the fusion model where a row lacks modalities (preset quick).

Each set of modalities has a probe that was fitted on it and on nothing else. Where the fusion model falls behind it on validation
rows that are shown that set alone, the probe answers such rows, or both do. Rows with everything are the fusion model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.label_learning.answers import row_losses
from core.label_learning.crossing import FUSION, probe_names
from core.label_learning.linear import LinearMember, fit_linear
from core.label_learning.members import Lesson, Member
from core.label_learning.selection import Pattern, patterns_of, weigh
from core.label_learning.subsets import no_worse_than_alone
from core.samples import FloatArray, Modality


@dataclass(frozen=True, slots=True)
class StandIns:
    """Who answers which rows.

    Attributes:
        members: those probes that are asked, by name.
        weights: for each set of modalities, all of them first.
        alone: by modality, what the probe that reads it alone says of the validation rows, `[rows, labels]`.
    """

    members: dict[str, Member]
    weights: dict[Pattern, dict[str, float]]
    alone: dict[Modality, FloatArray]


def stand_ins(
    lesson: Lesson, fusion: Member, modalities: Sequence[Modality], train: Sequence[int], validation: Sequence[int], seed: int
) -> StandIns:
    """Fit a probe for each set of modalities on training rows, and choose on validation rows.

    Args:
        lesson: all rows.
        fusion: trained on the training rows.
        modalities: in the model's order.
        train, validation: places of rows.
        seed: of the solver.
    """
    taught, held = lesson.select(train), lesson.select(validation)
    probes = {name: _best_of(taught, held, name, chosen, seed) for name, chosen in probe_names(modalities).items()}
    patterns = patterns_of(modalities)
    whole = patterns[0]
    answers: dict[Pattern, dict[str, FloatArray]] = {}
    for pattern in patterns:
        shown = held.rows.only(pattern)
        fitting = [probe for probe in probes.values() if frozenset(probe.columns.modalities) <= pattern]
        answers[pattern] = {FUSION: fusion.ask(shown), **{probe.name: probe.ask(shown) for probe in fitting}}
    weights = {**weigh(held, answers, range(len(validation))), whole: {FUSION: 1.0}}
    singles = {probe.columns.modalities[0]: name for name, probe in probes.items() if len(probe.columns.modalities) == 1}
    weights = no_worse_than_alone(held, answers, weights, singles, modalities)
    asked = {name for chosen in weights.values() for name in chosen}
    alone = {m: answers[frozenset({m})][name] for m, name in singles.items()}
    return StandIns({name: probe for name, probe in probes.items() if name in asked}, weights, alone)


def _best_of(taught: Lesson, held: Lesson, name: str, modalities: Sequence[Modality], seed: int) -> LinearMember:
    """The probe of the strength of penalty that has the lowest loss on validation rows."""
    fitted = fit_linear(taught, modalities, name=name, seed=seed)
    shown = held.rows.only(modalities)
    losses = [float(row_losses(held.task, probe.ask(shown), held.targets, held.weights).mean()) for probe in fitted]
    return fitted[int(np.argmin(losses))]
