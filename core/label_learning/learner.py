"""Train a label model from a table: read, encode, fit, compare, choose, calibrate, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.calibration import Calibration, calibrate
from core.cards import Card
from core.encoders.tabular import TabularState
from core.errors import InputError
from core.featuresets import FeatureSet
from core.fusion import FusionConfig
from core.label_learning.answers import row_losses, to_logits
from core.label_learning.boosting import fit_boosted
from core.label_learning.card import render_card
from core.label_learning.crossing import BOOSTING, FUSION, LINEAR, Crossing, balanced, cross, probe_names
from core.label_learning.fusion_member import configure, fit_fusion, found_rate, training_of
from core.label_learning.labels import Labelled, label_space, labelled, separator_of
from core.label_learning.learned import LabelLearned
from core.label_learning.linear import fit_linear
from core.label_learning.members import Lesson, Member, lesson_weights
from core.label_learning.model import LabelModel, read_model, write_model
from core.label_learning.options import LabelOptions
from core.label_learning.rows import Rows, pool
from core.label_learning.scripts import kept_text_encoder, text_encoder_of
from core.label_learning.selection import Pattern, cross_fitted, mix, patterns_of, weigh
from core.label_learning.standing_in import stand_ins
from core.label_learning.subsets import SubsetScore, no_worse_than_alone, score_subsets, tell_subsets
from core.learners.contract import Outcome, Say
from core.metrics import Estimate, paired_difference
from core.model_folder import check_place, save_whole
from core.samples import FloatArray, Modality
from core.splits import Split, hold_out
from core.table.defaults import default_encoders
from core.table.encoding import encode_table
from core.table.splitting import check_disjoint
from core.table.values import ColumnKind, Table
from core.tasks import Task, task
from core.training import TrainingConfig

DIFFERENCE_DRAWS = 500


@dataclass(frozen=True, slots=True)
class Comparison:
    """What cross-validation said.

    Attributes:
        shipped: member, or several.
        scores: headline measure of each candidate, out of fold.
        weights: for each set of modalities.
        answers: of what is shipped, out of fold, `[rows, labels]`.
        notes: which won, by how much, what was left out.
    """

    shipped: str
    scores: dict[str, float]
    weights: dict[Pattern, dict[str, float]]
    answers: FloatArray
    notes: tuple[str, ...]


def fit_labels(
    task_name: str, train: Table, out: Path, options: LabelOptions, *, validation: Table | None = None, say: Say = print
) -> Outcome:
    """Train and write a model folder; see `core.learners.contract.Learner.fit`.

    Raises:
        InputError: the table cannot be learned from; says what is missing, and where.
        ModelError: the folder holds something else, or weights are not here.
    """
    begun_s = time.monotonic()
    check_place(out, kind="model")
    learned = task(task_name)
    given, held, separator, notes = _read(learned, train, validation, options)
    labels = label_space(learned, given, options.order)
    options = options.model_copy(update={"text_encoder": text_encoder_of(given.table, options, say)})
    rows, tabular, split = _encode(given, held, options, say)
    targets = learned.targets(rows.features.labels, labels)  # also says which validation label is not among the training's
    lesson = Lesson(
        learned, labels, rows, targets, lesson_weights(learned, targets, rows.features.weights, class_weights=options.class_weights)
    )
    fusion, training = configure(rows.features, task_name, labels, options), training_of(options)
    place = {name: i for i, name in enumerate(rows.features.ids)}
    if options.learning_rate == "find":
        training = found_rate(rows.features.select([place[name] for name in split.train]), fusion, training)
        say(f"learning rate found: {training.learning_rate:.2g}")
    encoded_s = time.monotonic() - begun_s
    build = _quick if options.preset == "quick" else _best
    model, scores, subsets, extra = build(lesson, fusion, training, split, options, say)
    seconds = time.monotonic() - begun_s
    figures = {**scores, **{f"validation {one.name}": one.value for one in subsets}, "training_s": seconds, "encoding_s": encoded_s}
    figures |= {f"{one.name} alone, linear": one.alone for one in subsets if len(one.modalities) == 1 and one.alone is not None}
    notes = (*notes, *extra, *tell_subsets(model.task.headline, subsets))
    kept = [c for c in given.table.columns if c.kind.modality in rows.means or c.kind in _ROLES]
    model = replace(
        model,
        kinds={c.name: c.kind for c in kept},
        tabular=tabular,
        groups=frozenset(rows.features.groups) if train.of(ColumnKind.GROUP) else frozenset(),
        separator=separator,
        metrics=figures,
    )
    card = render_card(model, given.table, notes, subsets)
    save_whole(out, lambda folder: write_model(model, folder, card), kind="model")
    return Outcome(out, figures, notes)


_ROLES = (ColumnKind.LABEL, ColumnKind.GROUP, ColumnKind.ID, ColumnKind.WEIGHT)


def load_labels(task_name: str, folder: Path) -> LabelLearned:
    """From a model folder.

    Raises:
        ModelError: it is missing, damaged, or of another task.
    """
    return LabelLearned(folder.name, read_model(folder, task_name))


def _read(
    learned: Task, train: Table, validation: Table | None, options: LabelOptions
) -> tuple[Labelled, Labelled | None, str | None, tuple[str, ...]]:
    separator = None
    if learned.kind == "several":
        separator = options.separator or separator_of(train)
    given = labelled(train, learned, separator)
    held = None
    if validation is not None and len(validation):
        check_disjoint(train, validation, content=False)
        held = labelled(validation, learned, separator)
    problems = [*given.problems, *(held.problems if held else ())]
    notes = [f"{len(problems)} rows were left out for want of a label; the first: {problems[0]}"] if problems else []
    if len(set(given.table.ids)) != len(given.table.ids):
        raise InputError(f"{train.name}: an id occurs twice; give each row its own")
    return given, held, separator, tuple(notes)


def _encode(given: Labelled, held: Labelled | None, options: LabelOptions, say: Say) -> tuple[Rows, TabularState | None, Split]:
    """All rows of training and validation, encoded by encoders that were fitted on the training rows."""
    encoders = default_encoders(given.table, threads=options.threads, text=kept_text_encoder(options), image=options.image_encoder)
    state = getattr(encoders.get(Modality.TABULAR), "state", None)
    sides = [given] + ([held] if held else [])
    weights = [side.weights or (1.0,) * len(side.table) for side in sides]
    sets = [encode_table(side.table, encoders=encoders, say=say) for side in sides]
    everything = FeatureSet(
        tuple(name for one in sets for name in one.ids),
        {m: tuple(row for one in sets for row in one.rows[m]) for m in sets[0].rows},
        tuple(label for side in sides for label in side.labels),
        tuple(group for one in sets for group in one.groups),
        tuple(w for part in weights for w in part) if any(side.weights for side in sides) else (),
    )
    present = everything.only(everything.modalities)
    if not present.modalities:
        raise InputError(f"{given.table.name}: not one value of the rows could be read; see the problems told above")
    if held:
        return pool(present), state, Split(sets[0].ids, sets[1].ids)
    return (
        pool(present),
        state,
        hold_out(present.ids, balanced(present), present.groups, fraction=options.validation_fraction, seed=options.seed),
    )


_Built = tuple[LabelModel, dict[str, float], tuple[SubsetScore, ...], tuple[str, ...]]


def _quick(
    lesson: Lesson, fusion: FusionConfig, training: TrainingConfig, split: Split, options: LabelOptions, say: Callable[[str], None]
) -> _Built:
    """The fusion model, calibrated on validation rows; where modalities are missing, linear probes stand in as far as they are better."""
    member = fit_fusion(lesson.rows.features, fusion, training, split=split, card=_card(), say=say)
    whole = frozenset(fusion.modalities)
    model = _model(lesson, fusion, {FUSION: member}, {whole: {FUSION: 1.0}}, split, options)
    place = {name: i for i, name in enumerate(lesson.rows.features.ids)}
    taught, held = ([place[name] for name in side] for side in (split.train, split.validation))
    if not held:
        return model, {}, (), ("no group was held out: the epoch was not chosen, and nothing is calibrated",)
    alone: dict[Modality, FloatArray] = {}
    if len(whole) > 1:
        found = stand_ins(lesson, member, fusion.modalities, taught, held, options.seed)
        model, alone = replace(model, members={FUSION: member, **found.members}, weights=found.weights), found.alone
    judged = lesson.select(held)
    answers = model.raw(judged.rows)
    model = replace(model, calibration=_calibrate(lesson, answers, held, options))
    scores = {f"validation_{n}": m(answers, judged.targets) for n, m in lesson.task.measures.items()}
    by_set = {pattern: answers if pattern == whole else model.raw(judged.rows.only(pattern)) for pattern in patterns_of(fusion.modalities)}
    return model, scores, score_subsets(judged, by_set, alone, fusion.modalities), _who_stands_in(model)


def _who_stands_in(model: LabelModel) -> tuple[str, ...]:
    sets = {"+".join(m for m in model.modalities if m in p): w for p, w in model.weights.items() if set(w) != {FUSION}}
    told = "; ".join(f"{name}: {', '.join(f'{n} {w:.0%}' for n, w in weights.items())}" for name, weights in sets.items())
    return (f"where modalities are missing, linear probes stand in for the fusion model: {told}",) if told else ()


def _best(
    lesson: Lesson, fusion: FusionConfig, training: TrainingConfig, split: Split, options: LabelOptions, say: Callable[[str], None]
) -> _Built:
    """Whatever answers best out of its folds, fitted again on all rows."""
    crossing = cross(lesson, fusion, training, options, say)
    found = compare_members(lesson, crossing)
    say(found.notes[0])
    singles = {chosen[0]: name for name, chosen in probe_names(fusion.modalities).items() if len(chosen) == 1 < len(fusion.modalities)}
    found = replace(found, weights=no_worse_than_alone(lesson, crossing.by_pattern, found.weights, singles, fusion.modalities))
    needed = {name for weights in found.weights.values() for name in weights}
    members: dict[str, Member] = {}
    for name, modalities in probe_names(fusion.modalities).items():
        if name in needed:
            members |= {name: fit_linear(lesson, modalities, name=name, strengths=(crossing.strengths[name],), seed=options.seed)[0]}
    if BOOSTING in needed:
        members[BOOSTING] = fit_boosted(lesson, name=BOOSTING, seed=options.seed)
    if FUSION in needed:
        members[FUSION] = fit_fusion(lesson.rows.features, fusion, training, split=split, card=_card(), say=say)
    model = _model(lesson, fusion, members, found.weights, split, options)
    model = replace(model, calibration=_calibrate(lesson, found.answers, range(len(lesson.rows)), options))
    scores = {f"folds_{n}": m(found.answers, lesson.targets) for n, m in lesson.task.measures.items()}
    scores |= {f"folds {lesson.task.headline}: {name}": value for name, value in found.scores.items()}
    scores |= {f"seconds: {name}": seconds for name, seconds in crossing.seconds.items()}
    shown = {pattern: mix(crossing.by_pattern[pattern], weights) for pattern, weights in found.weights.items()}
    alone = {m: crossing.by_pattern[frozenset({m})][name] for m, name in singles.items()}
    return model, scores, score_subsets(lesson, shown, alone, fusion.modalities), found.notes


def compare_members(lesson: Lesson, crossing: Crossing) -> Comparison:
    """Choose one member or several, by the loss of their out-of-fold answers; the headline measure is told beside it.

    The loss sees how sure an answer was, so it tells members apart with far fewer rows than a count of right answers does. The
    figure of several is of weights that were chosen on the other folds, so that choosing them is not paid for with luck.
    """
    measure, headline = lesson.task.measures[lesson.task.headline], lesson.task.headline
    groups, everything = lesson.rows.features.groups, range(len(lesson.rows))
    alone = {name: measure(answers, lesson.targets) for name, answers in crossing.whole.items()}
    losses = {name: _loss(lesson, answers) for name, answers in crossing.whole.items()}
    best = min(losses, key=lambda name: losses[name])
    together = cross_fitted(lesson, crossing.by_pattern, crossing.folds)
    scores = {**alone, "together": measure(together, lesson.targets)}
    weights = weigh(lesson, crossing.by_pattern, everything)
    whole = next(iter(weights))
    gain = paired_difference(measure, together, crossing.whole[best], lesson.targets, groups, repeats=DIFFERENCE_DRAWS)
    notes = []
    if (loss := _loss(lesson, together)) < losses[best] and len(weights[whole]) > 1:
        shipped, answers = "together", together
        parts = ", ".join(f"{name} {share:.0%}" for name, share in sorted(weights[whole].items(), key=lambda pair: -pair[1]))
        notes.append(f"several together win with loss {loss:.3f} and {headline} {scores['together']:.3f} out of fold ({parts})")
        notes.append(
            f"the best alone is {best}, loss {losses[best]:.3f}; together {headline} is {_span(gain)} more than its {alone[best]:.3f}"
        )
    else:
        shipped, answers = best, crossing.whole[best]
        plain = [name for name in alone if name == best or LINEAR in name]
        small = {p: {n: answers[n] for n in plain if n in answers} for p, answers in crossing.by_pattern.items()}
        weights = {**weigh(lesson, small, everything), whole: {best: 1.0}}
        notes.append(f"{best} alone wins with loss {losses[best]:.3f} and {headline} {alone[best]:.3f} out of fold")
        notes.append(f"several together have no lower loss ({loss:.3f}); their {headline} is {_span(gain)} more")
    if FUSION in alone:
        others = {name: value for name, value in alone.items() if name != FUSION}
        rival = min(others, key=lambda name: losses[name])
        gap = paired_difference(measure, crossing.whole[FUSION], crossing.whole[rival], lesson.targets, groups, repeats=DIFFERENCE_DRAWS)
        verdict = "the fusion model wins" if gap.low > 0 else "a plain model wins" if gap.high < 0 else "no difference is shown"
        notes.append(f"fusion alone against {rival}: {_span(gap)}; {verdict}")
    notes += [f"{name} was left out: {why}" for name, why in crossing.dropped.items()]
    if FUSION not in weights[whole]:
        notes.append("a plain model wins here: the fusion model is not part of what is shipped")
    return Comparison(shipped, scores, weights, answers, tuple(notes))


def _loss(lesson: Lesson, answers: FloatArray) -> float:
    return float(row_losses(lesson.task, answers, lesson.targets, lesson.weights).mean())


def _span(gain: Estimate) -> str:
    return f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def _model(
    lesson: Lesson,
    fusion: FusionConfig,
    members: dict[str, Member],
    weights: dict[Pattern, dict[str, float]],
    split: Split,
    options: LabelOptions,
) -> LabelModel:
    return LabelModel(lesson.task, lesson.labels, fusion.modalities, {}, None, members, weights, Calibration(), options, split)


def _calibrate(lesson: Lesson, answers: FloatArray, places: Sequence[int] | range, options: LabelOptions) -> Calibration:
    rows = list(places)
    return calibrate(to_logits(lesson.task, answers), lesson.targets[rows], lesson.task, alpha=options.alpha)


def _card() -> Card:
    return Card(title="fusion", data="a part of the model in the folder above, whose card says all")
