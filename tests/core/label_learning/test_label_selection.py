"""Selection: what helps is taken, what does not is left, each set of modalities by itself, and a plain model that wins is said to win."""

from __future__ import annotations

import numpy as np
import pytest

from core.featuresets import FeatureSet
from core.label_learning.comparing import sign_flip_p
from core.label_learning.crossing import Crossing
from core.label_learning.learner import compare_members
from core.label_learning.members import Lesson
from core.label_learning.rows import Rows
from core.label_learning.selection import cross_fitted, greedy, mixed, patterns_of, weigh
from core.samples import FloatArray, Modality
from core.tasks import task

ROWS = 240
TEXT, IMAGE = Modality.TEXT, Modality.IMAGE
BOTH = frozenset({TEXT, IMAGE})


@pytest.fixture
def lesson() -> Lesson:
    answer = np.arange(ROWS) % 2
    ids = tuple(f"r{i}" for i in range(ROWS))
    here = {TEXT: np.ones(ROWS, bool), IMAGE: np.arange(ROWS) % 3 > 0}
    means = {m: np.zeros((ROWS, 1), np.float32) for m in here}
    rows = Rows(FeatureSet(ids, {}, ((),) * ROWS, ids), means, here, dict.fromkeys(here, ("",) * ROWS))
    return Lesson(task("classification"), ("a", "b"), rows, np.eye(2, dtype=np.float32)[answer], np.ones(ROWS, np.float32))


def _noisy(lesson: Lesson, sure: float, seed: int) -> FloatArray:
    score = sure * (2 * lesson.targets[:, 1] - 1) + np.random.default_rng(seed).normal(size=ROWS)
    above = 1 / (1 + np.exp(-score))
    return np.stack([1 - above, above], axis=1).astype(np.float32)


def test_greedy_takes_what_helps_and_leaves_what_does_not(lesson: Lesson) -> None:
    answers = {"good": _noisy(lesson, 1.0, 0), "other": _noisy(lesson, 1.0, 1), "noise": _noisy(lesson, 0.0, 2)}
    weights = greedy(lesson, answers, range(ROWS))
    assert set(weights) == {"good", "other"}
    assert sum(weights.values()) == pytest.approx(1)


def test_each_set_of_modalities_has_its_own_weights(lesson: Lesson) -> None:
    good, noise = _noisy(lesson, 2.0, 0), _noisy(lesson, 0.0, 1)
    by_pattern = {
        BOTH: {"reads text": good, "reads image": noise},
        frozenset({TEXT}): {"reads text": good, "reads image": noise},
        frozenset({IMAGE}): {"reads text": noise, "reads image": good},
    }
    weights = weigh(lesson, by_pattern, range(ROWS))
    assert {p: max(w, key=lambda name: w[name]) for p, w in weights.items()} == {
        BOTH: "reads text",
        frozenset({TEXT}): "reads text",
        frozenset({IMAGE}): "reads image",
    }


def test_too_few_rows_of_a_set_take_the_weights_of_all_as_far_as_those_members_answer_it(lesson: Lesson) -> None:
    good, noise = _noisy(lesson, 2.0, 0), _noisy(lesson, 0.0, 1)
    by_pattern = {
        BOTH: {"fusion": noise, "reads text": good},
        frozenset({TEXT}): {"fusion": noise, "reads text": good},
        frozenset({IMAGE}): {"fusion": noise, "reads image": good},
    }
    weights = weigh(lesson, by_pattern, range(3))

    assert weights[frozenset({TEXT})] == weights[BOTH]
    assert set(weights[frozenset({IMAGE})]) <= {"fusion", "reads image"}
    assert sum(weights[frozenset({IMAGE})].values()) == pytest.approx(1)


def test_weights_are_never_chosen_on_the_rows_they_are_judged_by(lesson: Lesson) -> None:
    folds = [list(range(0, ROWS, 2)), list(range(1, ROWS, 2))]
    first, second = _noisy(lesson, 1.0, 0), _noisy(lesson, 1.0, 1)
    by_pattern = {frozenset({TEXT}): {"first": first, "second": second}, frozenset({IMAGE}): {"first": first, "second": second}}
    before = cross_fitted(lesson, by_pattern, folds)
    turned = Lesson(lesson.task, lesson.labels, lesson.rows, lesson.targets.copy(), lesson.weights)
    turned.targets[folds[0]] = turned.targets[folds[0]][:, ::-1]
    np.testing.assert_array_equal(cross_fitted(turned, by_pattern, folds)[folds[0]], before[folds[0]])


def test_rows_are_answered_by_what_they_have(lesson: Lesson) -> None:
    one, two = np.full((ROWS, 2), 0.1, np.float32), np.full((ROWS, 2), 0.9, np.float32)
    weights = {BOTH: {"one": 1.0}, frozenset({TEXT}): {"two": 1.0}}
    found = mixed(lesson.rows.patterns, {BOTH: {"one": one, "two": two}}, weights)
    np.testing.assert_array_equal(found[:, 0] > 0.5, ~lesson.rows.here[IMAGE])


def _crossing(answers: dict[str, FloatArray]) -> Crossing:
    return Crossing({p: dict(answers) for p in patterns_of([TEXT, IMAGE])}, [list(range(0, ROWS, 2)), list(range(1, ROWS, 2))])


def test_a_plain_model_that_wins_is_said_to_win(lesson: Lesson) -> None:
    found = compare_members(lesson, _crossing({"linear probe": _noisy(lesson, 2.5, 0), "fusion": _noisy(lesson, 0.2, 1)}))
    assert found.shipped == "linear probe"
    assert any("a plain model wins" in note for note in found.notes)
    assert found.weights[BOTH] == {"linear probe": 1.0}


def test_several_together_ship_only_if_better_out_of_fold(lesson: Lesson) -> None:
    found = compare_members(lesson, _crossing({"linear probe": _noisy(lesson, 0.8, 0), "fusion": _noisy(lesson, 0.8, 1)}))
    assert found.shipped == "together"
    assert set(found.weights[BOTH]) == {"linear probe", "fusion"}
    assert found.scores["together"] > max(found.scores["linear probe"], found.scores["fusion"])


def test_permutation_takes_whole_groups() -> None:
    gaps = np.repeat([1.0, -1.0, 1.0, 1.0], 50)  # two hundred rows, but of four groups
    groups = tuple(str(i // 50) for i in range(200))
    assert sign_flip_p(gaps, groups) > 0.2
    assert sign_flip_p(gaps, tuple(map(str, range(200)))) < 0.001


def test_many_modalities_have_few_sets() -> None:
    assert len(patterns_of([TEXT, IMAGE])) == 3
    assert len(patterns_of(list(Modality)[:6])) == 13
