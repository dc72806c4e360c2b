"""Where modalities are missing a model is no worse than one that reads what is left alone, and it says where it falls short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.featuresets import FeatureSet
from core.label_learning.answers import row_losses
from core.label_learning.crossing import probe_names
from core.label_learning.members import Lesson
from core.label_learning.rows import Rows, ask_by_weights
from core.label_learning.selection import patterns_of
from core.label_learning.standing_in import stand_ins
from core.label_learning.subsets import SubsetScore, no_worse_than_alone, score_subsets, tell_subsets
from core.metrics import balanced_accuracy
from core.samples import FloatArray, Modality
from core.tasks import task

TEXT, IMAGE, TABULAR = Modality.TEXT, Modality.IMAGE, Modality.TABULAR
ALL = (TEXT, IMAGE, TABULAR)
ROWS = 240
TAUGHT, HELD = range(160), range(160, ROWS)


class NeedsEverything:
    """Right where nothing is missing, and without any idea otherwise: as a model may be whose modality dropout did not help."""

    name = "fusion"

    def ask(self, rows: Rows) -> FloatArray:
        answer = np.array([int(name[1:]) % 3 for name in rows.features.ids])
        found = np.where(np.eye(3)[answer] > 0, 0.9, 0.05)
        found[[len(here) < len(ALL) for here in rows.patterns]] = 1 / 3
        return found.astype(np.float32)

    def save(self, folder: Path) -> dict[str, Any]:
        return {}


@pytest.fixture
def lesson() -> Lesson:
    """Text tells much, the picture some, the numbers nothing."""
    rng, answer = np.random.default_rng(0), np.arange(ROWS) % 3
    means = {m: rng.normal(size=(ROWS, 6)).astype(np.float32) for m in ALL}
    means[TEXT][:, :3] += 2.5 * np.eye(3)[answer]
    means[IMAGE][:, :3] += 1.0 * np.eye(3)[answer]
    ids = tuple(f"r{i}" for i in range(ROWS))
    rows = Rows(FeatureSet(ids, {}, ((),) * ROWS, ids), means, {m: np.ones(ROWS, bool) for m in ALL}, dict.fromkeys(ALL, ("",) * ROWS))
    return Lesson(task("classification"), ("a", "b", "c"), rows, np.eye(3, dtype=np.float32)[answer], np.ones(ROWS, np.float32))


def test_probes_answer_where_the_fusion_model_falls_behind(lesson: Lesson) -> None:
    found = stand_ins(lesson, NeedsEverything(), ALL, TAUGHT, HELD, 0)
    held = lesson.select(HELD)
    asks = {name: member.ask for name, member in {"fusion": NeedsEverything(), **found.members}.items()}
    answers = {p: ask_by_weights(held.rows.only(p), found.weights, asks, 3) for p in patterns_of(ALL)}
    assert list(found.weights) == list(patterns_of(ALL))
    assert found.weights[frozenset(ALL)] == {"fusion": 1.0}
    scores = score_subsets(held, answers, found.alone, ALL)
    assert [one.name for one in scores][:2] == ["text+image+tabular", "text+image"]
    for pattern, given in list(answers.items())[1:]:
        lowest = min(_loss(held, alone) for m, alone in found.alone.items() if m in pattern)
        assert _loss(held, given) <= lowest + 0.01
    by_name = {one.name: one.value for one in scores}
    assert by_name["text+image"] > 0.9
    assert by_name["image"] > 0.5


def _loss(lesson: Lesson, answers: FloatArray) -> float:
    return float(row_losses(lesson.task, answers, lesson.targets, lesson.weights).mean())


def test_a_fusion_model_that_needs_no_help_is_left_alone(lesson: Lesson) -> None:
    class Knows(NeedsEverything):
        def ask(self, rows: Rows) -> FloatArray:
            answer = np.array([int(name[1:]) % 3 for name in rows.features.ids])
            return np.where(np.eye(3)[answer] > 0, 0.98, 0.01).astype(np.float32)

    found = stand_ins(lesson, Knows(), ALL, TAUGHT, HELD, 0)
    assert set(found.members) == set()
    assert all(weights == {"fusion": 1.0} for weights in found.weights.values())


def test_what_loss_prefers_gives_way_where_it_costs_the_measure(lesson: Lesson) -> None:
    sure, right = np.full((ROWS, 3), 1 / 3, np.float32), np.where(lesson.targets > 0, 0.34, 0.33).astype(np.float32)
    whole, text = frozenset(ALL), frozenset({TEXT})
    by_pattern = {whole: {"all": lesson.targets, "text alone": right}, text: {"all": sure, "text alone": right}}
    weights = {whole: {"all": 1.0}, text: {"all": 1.0}}
    found = no_worse_than_alone(lesson, by_pattern, weights, {TEXT: "text alone"}, ALL)
    assert found == {whole: {"all": 1.0}, text: {"text alone": 1.0}}
    by_pattern[text]["all"] = lesson.targets
    assert no_worse_than_alone(lesson, by_pattern, weights, {TEXT: "text alone"}, ALL) == weights


def test_each_set_has_a_probe_of_its_own_up_to_four_modalities() -> None:
    assert len(probe_names(ALL)) == 7
    assert len(probe_names(list(Modality)[:4])) == 15
    assert len(probe_names(list(Modality)[:5])) == 11  # all, all but one, one
    assert len(patterns_of(list(Modality)[:5])) == 31  # but every set is scored
    assert probe_names([TEXT]) == {"linear probe": (TEXT,)}


def _score(name: str, value: float, alone: float | None) -> SubsetScore:
    return SubsetScore(tuple(Modality(m) for m in name.split("+")), value, alone, None if alone is None else TEXT, 50)


def test_sets_that_neither_keep_their_share_nor_match_a_plain_model_are_named() -> None:
    scores = [_score("text+image+tabular", 0.8, 0.6), _score("text+image", 0.75, 0.9), _score("image", 0.3, 0.3), _score("text", 0.5, 0.6)]
    notes = tell_subsets("balanced_accuracy", scores)
    assert notes[0].startswith("worst set of modalities, image: balanced_accuracy 0.300 of 0.800 with all; not within 10% of it")
    assert notes[1:] == ("text has 0.500: not within 10% of all, and below text alone (0.600)",)
    assert tell_subsets("balanced_accuracy", scores[:1]) == ()


def test_a_set_is_scored_on_rows_that_have_any_of_it(lesson: Lesson) -> None:
    lesson.rows.here[IMAGE][:] = np.arange(ROWS) % 4 == 0
    right = lesson.targets.copy()
    wrong_elsewhere = np.where(lesson.rows.here[IMAGE][:, None], right, right[:, ::-1])
    (one,) = score_subsets(lesson, {frozenset({IMAGE}): wrong_elsewhere}, {IMAGE: right}, ALL)
    assert (one.rows, one.value, one.alone, one.best_alone) == (ROWS // 4, 1.0, 1.0, IMAGE)
    assert balanced_accuracy(wrong_elsewhere, right) < 1
