"""Linear probes: logistic or ridge regression over mean tokens and words, fitted for several strengths of penalty at once.

A penalised linear model depends on its inputs only through their inner products. Where there are fewer rows than columns the
fit is done in the rows' own space (from the eigenvectors of X Xᵀ) and turned back, which gives the same model some twenty times quicker.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression, Ridge

from core.errors import ModelError
from core.label_learning.members import Lesson
from core.label_learning.rows import Rows
from core.label_learning.words import Words, fit_words, words_from_json
from core.metrics import Array
from core.samples import FloatArray, Modality

STRENGTHS = (0.0003, 0.003, 0.03, 0.3)  # inverse of the L2 penalty
WORDY = (Modality.TEXT, Modality.IMAGE, Modality.VIDEO, Modality.AUDIO)  # the others' sentences say what their tokens say
MOST_ROWS_TURNED = 4000
MOST_ITERATIONS = 200
TOLERANCE = 3e-4  # of the gradient; answers differ by less than folds do
WEIGHTS, WORDS = "linear.safetensors", "words.json"


@dataclass(frozen=True, slots=True)
class Columns:
    """How rows become columns.

    Attributes:
        modalities: those that are read.
        centre, spread: by modality, `[width]`, of the mean tokens.
        words: by modality.
    """

    modalities: tuple[Modality, ...]
    centre: dict[Modality, FloatArray]
    spread: dict[Modality, FloatArray]
    words: dict[Modality, Words]

    @property
    def width(self) -> int:
        return sum(len(c) + 1 for c in self.centre.values()) + sum(len(w) for w in self.words.values())

    def dense(self, rows: Rows) -> FloatArray:
        """Standardised mean tokens and whether the modality is there, `[rows, columns]`."""
        parts = []
        for modality in self.modalities:
            width = len(self.centre[modality])
            part = np.zeros((len(rows), width + 1), np.float32)
            here = rows.here.get(modality)
            if here is not None and here.any():
                part[here, :width] = (rows.means[modality][here] - self.centre[modality]) / self.spread[modality]
                part[here, width] = 1.0
            parts.append(part)
        return np.concatenate(parts, axis=1)

    def sparse(self, rows: Rows) -> csr_matrix | None:
        """Words, as loud as the tokens, `[rows, words]`."""
        parts = [
            words.transform(rows.texts.get(m, ("",) * len(rows))) * np.sqrt(max(len(self.centre[m]), 1)) for m, words in self.words.items()
        ]
        return csr_matrix(hstack(parts)) if parts else None


@dataclass(frozen=True, slots=True)
class LinearMember:
    """A fitted probe.

    Attributes:
        name: of the member.
        kind: of the task.
        columns: its inputs.
        slopes: `[columns, outputs]`.
        offsets: `[outputs]`.
        strength: inverse of the penalty.
    """

    name: str
    kind: str
    columns: Columns
    slopes: FloatArray
    offsets: FloatArray
    strength: float

    def ask(self, rows: Rows) -> FloatArray:
        """Probabilities or numbers, `[rows, labels]`."""
        dense = self.columns.dense(rows)
        scores = dense.astype(np.float64) @ self.slopes[: dense.shape[1]] + self.offsets
        sparse = self.columns.sparse(rows)
        if sparse is not None:
            scores = scores + sparse @ self.slopes[dense.shape[1] :].astype(np.float64)
        return _answers(self.kind, scores)

    def save(self, folder: Path) -> dict[str, Any]:
        """Coefficients as safetensors, words as JSON."""
        from safetensors.numpy import save_file

        from core.model_folder import write_json

        tensors = {"slopes": self.slopes, "offsets": self.offsets}
        for m in self.columns.modalities:
            tensors |= {f"centre.{m}": self.columns.centre[m], f"spread.{m}": self.columns.spread[m]}
        save_file({key: np.ascontiguousarray(value, np.float32) for key, value in tensors.items()}, folder / WEIGHTS)
        write_json(folder / WORDS, {m.value: words.to_json() for m, words in self.columns.words.items()})
        return {"modalities": [m.value for m in self.columns.modalities], "strength": self.strength}


def load_linear(folder: Path, name: str, told: dict[str, Any], kind: str, labels: int) -> LinearMember:
    """From a folder whose hashes were compared.

    Raises:
        ModelError: shapes do not fit, or a number is not finite.
    """
    from core.model_folder import read_json, read_weights

    tensors = {key: value.numpy() for key, value in read_weights(folder, WEIGHTS).items()}
    try:
        modalities = tuple(Modality(m) for m in told["modalities"])
        centre = {m: tensors[f"centre.{m}"] for m in modalities}
        spread = {m: tensors[f"spread.{m}"] for m in modalities}
        words = {Modality(m): words_from_json(one, name) for m, one in read_json(folder, WORDS).items()}
        columns = Columns(modalities, centre, spread, {m: words[m] for m in modalities if m in words})
        member = LinearMember(name, kind, columns, tensors["slopes"], tensors["offsets"], float(told["strength"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the member {name[:40]!r} is not what this version writes; train again") from error
    fits = member.slopes.shape == (columns.width, labels) and member.offsets.shape == (labels,)
    fits &= all(centre[m].ndim == 1 and spread[m].shape == centre[m].shape and bool((spread[m] > 0).all()) for m in modalities)
    if not fits or not all(np.isfinite(value).all() for value in tensors.values()):
        raise ModelError(f"the weights of {name[:40]!r} do not fit or are not finite; train again")
    return member


def fit_linear(
    lesson: Lesson, modalities: Sequence[Modality], *, name: str, strengths: Sequence[float] = STRENGTHS, seed: int = 0
) -> list[LinearMember]:
    """One probe a strength, in order; the words and standards are those of the lesson's rows.

    Args:
        lesson: training rows.
        modalities: those that are read.
        name: of the members.
        strengths: inverse penalties, ascending.
        seed: of the solver.
    """
    with import_module("threadpoolctl").threadpool_limits(
        1, user_api="blas"
    ):  # two wait for each other at each of thousands of small products
        return _fit(lesson, modalities, name, strengths, seed)


def _fit(lesson: Lesson, modalities: Sequence[Modality], name: str, strengths: Sequence[float], seed: int) -> list[LinearMember]:
    columns = _fit_columns(lesson.rows, modalities)
    dense, sparse = columns.dense(lesson.rows).astype(np.float64), columns.sparse(lesson.rows)
    turned, back = _turned(dense, sparse)
    found = []
    for strength, (slopes, offsets) in zip(strengths, _path(turned, lesson, strengths, seed), strict=True):
        whole = np.asarray(back(slopes), np.float32)
        found.append(LinearMember(name, lesson.task.kind, columns, whole, np.asarray(offsets, np.float32), strength))
    return found


def _fit_columns(rows: Rows, modalities: Sequence[Modality]) -> Columns:
    centre, spread, words = {}, {}, {}
    for modality in modalities:
        seen = rows.means[modality][rows.here[modality]].astype(np.float64)
        width = rows.means[modality].shape[1]
        centre[modality] = np.asarray(seen.mean(0) if len(seen) else np.zeros(width), np.float32)
        deviation = seen.std(0) if len(seen) else np.ones(width)
        spread[modality] = np.asarray(np.where(deviation > 1e-8, deviation, 1.0), np.float32)
        if modality in WORDY and (found := fit_words(rows.texts[modality])) is not None:
            words[modality] = found
    return Columns(tuple(modalities), centre, spread, words)


def _turned(dense: Any, sparse: csr_matrix | None) -> tuple[Any, Any]:
    """Inputs in the smaller of the two spaces, and the way back from slopes there to slopes of the columns."""
    rows, width = len(dense), dense.shape[1] + (0 if sparse is None else sparse.shape[1])
    if width <= rows or rows > MOST_ROWS_TURNED:
        whole = dense if sparse is None else csr_matrix(hstack([csr_matrix(dense), sparse]))
        return whole, lambda slopes: slopes
    products = dense @ dense.T
    if sparse is not None:
        products += (sparse @ sparse.T).toarray()
    values, vectors = eigh(products)
    kept = values > values[-1] * 1e-7
    roots, vectors = np.sqrt(values[kept]), vectors[:, kept]

    def back(slopes: Any) -> Any:
        mixed = vectors @ (slopes / roots[:, None])  # [rows, outputs]
        parts = [dense.T @ mixed] + ([] if sparse is None else [sparse.T @ mixed])
        return np.concatenate(parts)

    return vectors * roots, back


def _path(inputs: Any, lesson: Lesson, strengths: Sequence[float], seed: int) -> list[tuple[Array, Array]]:
    """For each strength slopes `[columns, labels]` and offsets `[labels]`; each fit but the first begins where the one before it ended."""
    labels = lesson.targets.shape[1]
    if lesson.task.kind == "value":
        fitted = [Ridge(alpha=1 / strength, random_state=seed).fit(inputs, lesson.targets, lesson.weights) for strength in strengths]
        return [(np.asarray(one.coef_).reshape(labels, -1).T, np.asarray(one.intercept_).reshape(labels)) for one in fitted]
    found = [(np.zeros((inputs.shape[1], labels)), np.zeros(labels)) for _ in strengths]
    if lesson.task.kind == "one":
        answer = lesson.targets.argmax(1)
        present = np.unique(answer)
        for _, offsets in found:
            offsets[:] = -30.0  # a label that no row has
            offsets[present] = 0.0
        if len(present) == 1:
            return found
        for (slopes, offsets), (coefficients, intercepts) in zip(found, _logistic(inputs, answer, lesson, strengths, seed), strict=True):
            chosen = present[1:] if len(present) == 2 else present  # of two labels one score: of the second against the first
            slopes[:, chosen], offsets[chosen] = coefficients.T, intercepts
        return found
    for label in range(labels):
        truth = lesson.targets[:, label] > 0.5
        if truth.all() or not truth.any():
            share = np.clip(truth.mean(), 1e-3, 1 - 1e-3)
            for _, offsets in found:
                offsets[label] = np.log(share / (1 - share))
            continue
        for (slopes, offsets), (coefficients, intercepts) in zip(found, _logistic(inputs, truth, lesson, strengths, seed), strict=True):
            slopes[:, label], offsets[label] = coefficients[0], intercepts[0]
    return found


def _logistic(inputs: Any, truth: Any, lesson: Lesson, strengths: Sequence[float], seed: int) -> Iterator[tuple[Array, Array]]:
    model = LogisticRegression(max_iter=MOST_ITERATIONS, tol=TOLERANCE, warm_start=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged to the last digit is no matter: the penalty is chosen by what it predicts
        for strength in strengths:
            model.set_params(C=strength).fit(inputs, truth, lesson.weights)
            yield model.coef_.copy(), model.intercept_.copy()


def _answers(kind: str, scores: Any) -> FloatArray:
    from scipy.special import expit, softmax

    if kind == "value":
        return np.asarray(scores, np.float32)
    return np.asarray(softmax(scores, axis=1) if kind == "one" else expit(scores), np.float32)
