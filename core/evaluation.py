"""How good a checkpoint is on samples it has not seen: figures with intervals, by modality, beside baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from core.baselines import logistic_regression, majority
from core.checkpoints import Checkpoint
from core.errors import InputError
from core.featuresets import FeatureSet
from core.metrics import REPEATS, Estimate, bootstrap, paired_difference
from core.predicting import joint_logits
from core.samples import FloatArray, Modality
from core.tasks import task

FUSION, MAJORITY, LOGISTIC = "fusion", "majority", "logistic regression"


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """One line of the table.

    Attributes:
        model: `fusion`, `majority` or `logistic regression`.
        modalities: what it was shown.
        figures: name of the measure to its estimate.
    """

    model: str
    modalities: tuple[Modality, ...]
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The table.

    Attributes:
        rows: fusion with everything first, then by subsets of modalities, then the baselines.
        headline: the measure that the task is judged by.
        gains: fusion with everything minus each baseline in the headline measure, with the interval of the difference.
        abstained: share of samples that the conformal threshold lets no label stand for.
        coverage: share of the right labels that are accepted.
        samples, groups: how many.
        is_synthetic: the checkpoint was trained on made data.
    """

    rows: tuple[EvaluationRow, ...]
    headline: str
    gains: Mapping[str, Estimate]
    abstained: float
    coverage: float
    samples: int
    groups: int
    is_synthetic: bool

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def evaluate(
    checkpoint: Checkpoint, test: FeatureSet, *, train: FeatureSet | None = None, ablate: bool = True, repeats: int = REPEATS
) -> Evaluation:
    """Measure a checkpoint.

    Args:
        checkpoint: what is measured.
        test: labelled samples, none of a group that it was trained or validated on.
        train: the samples that it was trained on; gives the baselines, fitted on the same rows.
        ablate: also every smaller set of modalities.
        repeats: bootstrap draws over groups.

    Raises:
        InputError: no samples, labels that were not trained, or samples that it was trained on.
    """
    if not len(test):
        raise InputError("there is nothing to evaluate on; give labelled samples")
    if seen := set(test.ids) & {*checkpoint.split.train, *checkpoint.split.validation}:
        raise InputError(f"{len(seen)} of the samples were used in training, such as {min(seen)!r}; evaluate on others")
    if train is not None and (shared := set(test.groups) & set(train.groups)):
        raise InputError(f"{len(shared)} groups are in training too, such as {min(shared)!r}; evaluate on other groups")
    config, chosen = checkpoint.config, task(checkpoint.config.task)
    targets = chosen.targets(test.labels, config.labels)
    model, calibration = checkpoint.build(), checkpoint.calibration
    modalities = tuple(m for m in config.modalities if m in test.modalities)

    def row(name: str, shown: tuple[Modality, ...], probabilities: FloatArray) -> EvaluationRow:
        figures = {n: bootstrap(m, probabilities, targets, test.groups, repeats=repeats) for n, m in chosen.measures.items()}
        return EvaluationRow(name, shown, figures)

    def ask(shown: tuple[Modality, ...]) -> FloatArray:
        return calibration.probabilities(joint_logits(model, test.only(shown)), chosen)

    fused = ask(modalities)
    rows = [row(FUSION, modalities, fused)]
    if ablate:
        rows += [row(FUSION, shown, ask(shown)) for size in range(len(modalities) - 1, 0, -1) for shown in combinations(modalities, size)]
    gains: dict[str, Estimate] = {}
    if train is not None:
        train_targets = chosen.targets(train.labels, config.labels)
        together = logistic_regression(train, train_targets, test, chosen, modalities)
        for name, probabilities in ((LOGISTIC, together), (MAJORITY, majority(train_targets, len(test)))):
            rows.append(row(name, modalities if name == LOGISTIC else (), probabilities))
            measure = chosen.measures[chosen.headline]
            gains[name] = paired_difference(measure, fused, probabilities, targets, test.groups, repeats=repeats)
        if ablate and len(modalities) > 1:
            alone = [(m, logistic_regression(train, train_targets, test, chosen, (m,))) for m in modalities]
            rows += [row(LOGISTIC, (m,), probabilities) for m, probabilities in alone]
    accepted = calibration.accepted(fused)
    coverage = float((accepted & (targets > 0.5)).sum() / max(targets.sum(), 1))
    return Evaluation(
        tuple(rows),
        chosen.headline,
        gains,
        float((~accepted.any(1)).mean()),
        coverage,
        len(test),
        len(set(test.groups)),
        checkpoint.card.is_synthetic,
    )
