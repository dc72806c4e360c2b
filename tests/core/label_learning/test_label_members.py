"""Members: loaded ones say what saved ones said, trees are LightGBM's, quick probes are the plain ones, hostile files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from core.errors import ModelError
from core.featuresets import FeatureSet
from core.label_learning import boosting, linear
from core.label_learning.answers import to_logits
from core.label_learning.boosting import fit_boosted, load_boosted
from core.label_learning.linear import fit_linear, load_linear
from core.label_learning.members import Lesson
from core.label_learning.pieces import pieces
from core.label_learning.rows import Rows
from core.label_learning.words import fit_words
from core.samples import Modality
from core.tasks import task

ROWS, WIDTH = 60, 100
TEXT, TABULAR = Modality.TEXT, Modality.TABULAR


def _lesson(name: str = "classification", labels: int = 3, seed: int = 0) -> Lesson:
    rng = np.random.default_rng(seed)
    answer = np.arange(ROWS) % labels
    means = {TEXT: rng.normal(size=(ROWS, WIDTH)).astype(np.float32), TABULAR: rng.normal(size=(ROWS, 4)).astype(np.float32)}
    means[TABULAR][:, 0] += 2 * answer
    ids = tuple(f"r{i}" for i in range(ROWS))
    here = {TEXT: np.ones(ROWS, bool), TABULAR: np.arange(ROWS) % 7 > 0}
    means[TABULAR][~here[TABULAR]] = 0
    texts = {TEXT: tuple(f"about {('red', 'blue', 'green')[a % 3]} things" for a in answer), TABULAR: ("",) * ROWS}
    rows = Rows(FeatureSet(ids, {}, ((),) * ROWS, ids), means, here, texts)
    targets = np.eye(labels, dtype=np.float32)[answer]
    if name == "regression":
        targets = answer[:, None].astype(np.float32)
    if name == "multilabel":
        targets = np.concatenate([targets[:, :-1], np.ones((ROWS, 1), np.float32)], axis=1)  # the last label is everywhere
    return Lesson(task(name), tuple("abcdefgh"[: targets.shape[1]]), rows, targets, np.ones(ROWS, np.float32))


@pytest.mark.parametrize("name", ["classification", "multilabel", "ordinal", "regression"])
@pytest.mark.parametrize("kind", ["linear", "boosted"])
def test_member_says_the_same_after_saving(name: str, kind: str, tmp_path: Path) -> None:
    lesson = _lesson(name)
    member: Any
    if kind == "linear":
        member = fit_linear(lesson, [TEXT, TABULAR], name="one", strengths=(0.03,))[0]
        again: Any = load_linear(tmp_path, "one", member.save(tmp_path), lesson.task.kind, len(lesson.labels))
    else:
        member = fit_boosted(lesson, name="one")
        again = load_boosted(tmp_path, "one", member.save(tmp_path), lesson.task.kind, len(lesson.labels))
    for rows in (lesson.rows, lesson.rows.only([TEXT]), lesson.rows.only([])):
        np.testing.assert_allclose(again.ask(rows), member.ask(rows), atol=1e-5)
    if lesson.task.kind == "one":
        np.testing.assert_allclose(member.ask(lesson.rows).sum(1), 1, atol=1e-5)


def test_trees_as_arrays_are_those_of_lightgbm() -> None:
    import lightgbm

    lesson = _lesson()
    member = fit_boosted(lesson, name="b", seed=3)
    inputs = member.components.of(lesson.rows)
    settings = {**boosting._SETTINGS, "seed": 3, "objective": "multiclass", "num_class": 3}
    data = lightgbm.Dataset(inputs, lesson.targets.argmax(1), weight=lesson.weights, params=settings)
    theirs: Any = lightgbm.train(settings, data, boosting.ROUNDS).predict(inputs)
    np.testing.assert_allclose(member.ask(lesson.rows), theirs, atol=1e-5)


@pytest.mark.parametrize("labels", [2, 3])
def test_probe_in_the_rows_space_is_the_plain_one(labels: int) -> None:
    lesson = _lesson(labels=labels)
    member = fit_linear(lesson, [TEXT, TABULAR], name="l", strengths=(0.03,))[0]
    dense, sparse = member.columns.dense(lesson.rows), member.columns.sparse(lesson.rows)
    assert sparse is not None
    whole = np.concatenate([dense, sparse.toarray()], axis=1)
    assert whole.shape[1] > ROWS
    plain = LogisticRegression(C=0.03, max_iter=2000, tol=1e-8).fit(whole, lesson.targets.argmax(1))
    np.testing.assert_allclose(member.ask(lesson.rows), plain.predict_proba(whole), atol=2e-3)


@pytest.mark.parametrize("name", ["classification", "multilabel", "ordinal", "regression"])
def test_probe_of_each_strength_is_what_it_would_be_alone(name: str) -> None:
    """A fit begins where the one before it ended; it must not end elsewhere for that."""
    lesson = _lesson(name)
    for strength, along in zip(linear.STRENGTHS, fit_linear(lesson, [TEXT, TABULAR], name="l"), strict=True):
        (alone,) = fit_linear(lesson, [TEXT, TABULAR], name="l", strengths=(strength,))
        assert along.strength == strength
        np.testing.assert_allclose(along.ask(lesson.rows), alone.ask(lesson.rows), atol=5e-3)


def test_probe_is_fitted_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads wait for each other at every small product: forty times the processor time was seen."""
    seen: set[int] = set()

    class Watched(LogisticRegression):  # type: ignore[misc]
        def fit(self, *given: Any) -> Any:
            seen.update(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
            return super().fit(*given)

    monkeypatch.setattr(linear, "LogisticRegression", Watched)
    before = {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}
    fit_linear(_lesson(), [TEXT, TABULAR], name="l")
    assert seen == {1}
    assert {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"} == before


def test_label_without_a_row_gets_no_probability() -> None:
    lesson = _lesson()
    fewer = lesson.select([i for i in range(ROWS) if i % 3 != 1])
    for member in (fit_linear(fewer, [TEXT, TABULAR], name="l")[0], fit_boosted(fewer, name="b")):
        assert member.ask(lesson.rows)[:, 1].max() < 1e-6


def _in_a_circle(tensors: dict[str, Any]) -> None:
    tensors["left"][0, 0] = 0


def _out_of_its_arrays(tensors: dict[str, Any]) -> None:
    tensors["right"][0, 0] = 10_000


def _to_a_column_that_is_not_there(tensors: dict[str, Any]) -> None:
    tensors["column"][0, 0] = 10_000


def _not_a_number(tensors: dict[str, Any]) -> None:
    tensors["value"][0, 0] = np.nan


def _of_another_shape(tensors: dict[str, Any]) -> None:
    tensors["threshold"] = tensors["threshold"][:, :1].copy()


@pytest.mark.parametrize("spoil", [_in_a_circle, _out_of_its_arrays, _to_a_column_that_is_not_there, _not_a_number, _of_another_shape])
def test_hostile_trees_are_refused(spoil: Any, tmp_path: Path) -> None:
    told = fit_boosted(_lesson(), name="b").save(tmp_path)
    tensors = load_file(tmp_path / boosting.WEIGHTS)
    spoil(tensors)
    save_file(tensors, tmp_path / boosting.WEIGHTS)
    with pytest.raises(ModelError, match="train again"):
        load_boosted(tmp_path, "b", told, "one", 3)


def test_hostile_slopes_are_refused(tmp_path: Path) -> None:
    told = fit_linear(_lesson(), [TEXT], name="l", strengths=(0.03,))[0].save(tmp_path)
    tensors = load_file(tmp_path / linear.WEIGHTS)
    save_file({**tensors, "slopes": tensors["slopes"][:-1].copy()}, tmp_path / linear.WEIGHTS)
    with pytest.raises(ModelError, match="do not fit"):
        load_linear(tmp_path, "l", told, "one", 3)
    with pytest.raises(ModelError, match="not what this version writes"):
        load_linear(tmp_path, "l", {"strength": 1}, "one", 3)


@pytest.mark.parametrize("name", ["classification", "multilabel", "ordinal", "regression"])
def test_logits_give_the_same_answers_back(name: str) -> None:
    answers = np.array([[0.2, 0.5, 0.3], [0.01, 0.01, 0.98]], np.float32)
    learned = task(name)
    np.testing.assert_allclose(learned.probabilities(to_logits(learned, answers)), answers, atol=1e-4)


def test_chinese_is_read_letter_by_letter() -> None:
    assert pieces("红烧肉 and Pork") == ["红", "烧", "肉", "红烧", "烧肉", "and", "pork"]


def test_texts_without_a_common_word_have_no_words() -> None:
    assert fit_words(["", "! !", ""]) is None
