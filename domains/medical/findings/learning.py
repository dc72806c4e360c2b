"""Train a findings model from rows: split by patient beforehand, fit, calibrate, set thresholds, test once, write the folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.errors import InputError
from core.feature_cache import features_kept_in
from core.label_learning.options import LabelOptions
from core.model_folder import check_place, save_whole
from core.samples import FloatArray
from core.splits import folds, hold_out
from core.table.progress import silent
from domains.medical.findings.columns import Row
from domains.medical.findings.evaluation import Asked, figures_of
from domains.medical.findings.fitted import ABSENT, Fitted, by_finding
from domains.medical.findings.folder import FindingsModel, ModelFacts, write_facts
from domains.medical.findings.thresholds import Thresholds, fit_thresholds

ENOUGH = 30  # positives and negatives of every finding on held-out rows, from which on no folds are needed
FOLDS = 4
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is asked of training.

    Attributes:
        title: of the model.
        data: on what it is trained, in a sentence or two.
        licence: of the data.
        is_synthetic: made data, at least in part.
        limits: what it must not be used for.
        options: of the label learner.
        alpha: share that may be wrong in each direction of a threshold.
        test_fraction: of the patients, set aside before anything is fitted; 0 for none.
        codes: finding to `SCHEME:CODE:meaning`.
    """

    title: str
    data: str
    licence: str = "not stated"
    is_synthetic: bool = False
    limits: tuple[str, ...] = ()
    options: LabelOptions = field(default_factory=LabelOptions)
    alpha: float = 0.1
    test_fraction: float = 0.2
    codes: dict[str, str] = field(default_factory=dict)


def train_findings(rows: Sequence[Row], out: Path, lesson: Lesson, *, say: Say = print) -> FindingsModel:
    """Train and write a model folder.

    Args:
        rows: with findings; those without are left out.
        out: the folder; must not exist, or hold an older model.
        lesson: what is asked.
        say: told how far it has come.

    Raises:
        InputError: too few rows, patients or findings to learn from.
        ModelError: the folder holds something else, or weights are not here.
    """
    check_place(out, kind="findings model")
    with tempfile.TemporaryDirectory(prefix="trivium-features-") as kept, features_kept_in(Path(kept)):  # nothing of a patient stays
        return _train(rows, out, lesson, say)


def _train(rows: Sequence[Row], out: Path, lesson: Lesson, say: Say) -> FindingsModel:
    known = [row for row in rows if row.findings is not None]
    names = finding_names(known)
    groups = [row.patient or row.id for row in known]
    labels = [_first(row) for row in known]
    parts = hold_out([row.id for row in known], labels, groups, fraction=lesson.test_fraction, seed=lesson.options.seed)
    place = {row.id: row for row in known}
    learned, tested = [place[name] for name in parts.train], [place[name] for name in parts.validation]
    say(f"{len(learned)} studies to learn from, {len(tested)} of other patients to test on; findings: {', '.join(names)}")
    thresholds = thresholds_of(learned, names, lesson.options, lesson.alpha, say)
    facts = ModelFacts(
        title=lesson.title,
        data=lesson.data,
        licence=lesson.licence,
        is_synthetic=lesson.is_synthetic,
        limits=lesson.limits,
        findings=names,
        codes=lesson.codes,
        thresholds=dict(zip(names, thresholds, strict=True)),
        alpha=lesson.alpha,
        studies=len(learned),
        patients=len({row.patient or row.id for row in learned}),
        columns={},
        figures={},
        modalities=_each(row.modality for row in learned),
        body_parts=_each(row.body_part for row in learned),
    )
    with tempfile.TemporaryDirectory(prefix="trivium-findings-") as scratch:
        inner = Path(scratch) / "model"
        fitted = Fitted.of(learned, names, inner, lesson.options, Path(scratch), say)
        facts = facts.model_copy(update={"columns": {name: kind.value for name, kind in fitted.model.kinds.items()}})
        if tested:
            asked = Asked(names, fitted.ask(tested), truth_of(tested, names), tuple(row.patient or row.id for row in tested))
            facts = facts.model_copy(update={"figures": figures_of(asked, thresholds), "tested": len(tested)})
        save_whole(out, lambda folder: write_facts(folder, facts, inner), kind="findings model")
    return FindingsModel.load(out)


def finding_names(rows: Sequence[Row]) -> tuple[str, ...]:
    """Every finding that occurs, in order.

    Raises:
        InputError: there is none, or one that every study has.
    """
    names = tuple(sorted({name for row in rows for name in row.findings or ()}))
    if not names:
        raise InputError("no study has a finding: nothing can be learned; fill in the findings, separated by |")
    if always := [name for name in names if all(name in (row.findings or ()) for row in rows)]:
        raise InputError(f"every study has the finding {always[0]!r}: it cannot be learned; add studies without it, with `none`")
    return names


def truth_of(rows: Sequence[Row], names: Sequence[str]) -> FloatArray:
    """`[rows, findings]`, 0 or 1."""
    return np.array([[name in (row.findings or ()) for name in names] for row in rows], np.float32).reshape(len(rows), len(names))


def thresholds_of(rows: Sequence[Row], names: tuple[str, ...], options: LabelOptions, alpha: float, say: Say) -> list[Thresholds]:
    """From answers to patients that a model like this one was not trained on: one held-out part where it is large enough, else folds.

    Args:
        rows: with findings.
        names: of the findings.
        options: of the model.
        alpha: share that may be wrong in each direction.
        say: told how far it has come.
    """
    ids, groups = [row.id for row in rows], [row.patient or row.id for row in rows]
    labels = [_first(row) for row in rows]
    one = hold_out(ids, labels, groups, fraction=1 / FOLDS, seed=options.seed)
    place = {row.id: row for row in rows}
    truth = truth_of([place[name] for name in one.validation], names)
    rarest = min(truth.sum(0).min(), (1 - truth).sum(0).min()) if len(truth) else 0
    parts = min(FOLDS, len(set(groups)))
    splits = [one] if rarest >= ENOUGH else folds(ids, labels, groups, parts=parts, seed=options.seed)
    answers: list[FloatArray] = []
    asked: list[Row] = []
    for number, split in enumerate(splits, start=1):
        say(f"thresholds: part {number} of {len(splits)}")
        tested = [place[name] for name in (*split.validation, *split.test)]
        with tempfile.TemporaryDirectory(prefix="trivium-fold-") as scratch:
            learned = [place[name] for name in split.train]
            seen = tuple(name for name in names if 0 < sum(name in (row.findings or ()) for row in learned) < len(learned))
            if not seen:
                continue
            fitted = Fitted.of(learned, seen, Path(scratch) / "model", options, Path(scratch), silent)
            answers.append(by_finding(fitted.ask(tested), seen, names))
        asked += tested
    if not answers:
        return [Thresholds() for _ in names]
    said, truth = np.concatenate(answers), truth_of(asked, names)
    return [fit_thresholds(said[:, i], truth[:, i], alpha=alpha) for i in range(len(names))]


def _each(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({word for word in words if word}))


def _first(row: Row) -> tuple[str, ...]:
    """What splits are balanced by."""
    return row.findings or (ABSENT,)
