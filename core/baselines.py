"""What fusion must beat: the majority, and logistic regression on the same features, averaged over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from core.features import Features
from core.featuresets import FeatureSet
from core.samples import FloatArray, Modality
from core.tasks import Task

STRENGTH = 0.01  # inverse of the L2 penalty; features are standardised, and there are far more of them than samples


def majority(train_targets: FloatArray, rows: int) -> FloatArray:
    """The labels' shares in training (or the mean of the numbers), for every row: `[rows, labels]`."""
    return np.tile(train_targets.mean(0).astype(np.float32), (rows, 1))


def logistic_regression(
    train: FeatureSet, train_targets: FloatArray, test: FeatureSet, task: Task, modalities: Sequence[Modality]
) -> FloatArray:
    """Probabilities `[rows, labels]` of a logistic regression on each modality's mean token and its words (TF-IDF).

    Where numbers are learned it is a ridge regression.

    Args:
        train: what it is fitted on.
        train_targets: `[rows, labels]`.
        test: what it is asked.
        task: decides between one label and several.
        modalities: those that it may see; an absent one is the training mean.
    """
    parts = [_describe(train.rows[m], test.rows.get(m, (None,) * len(test))) for m in modalities]
    seen, asked = (csr_matrix(hstack(side)) for side in zip(*parts, strict=True))
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500)
    probabilities = np.zeros((len(test), train_targets.shape[1]), np.float32)
    if task.kind == "value":
        return np.asarray(Ridge(alpha=1 / STRENGTH).fit(seen, train_targets).predict(asked), np.float32).reshape(len(test), -1)
    if task.kind == "one":
        answer = train_targets.argmax(1)
        if len(set(answer)) < 2:
            return majority(train_targets, len(test))
        model.fit(seen, answer)
        probabilities[:, model.classes_] = model.predict_proba(asked)
        return probabilities
    mixed = np.flatnonzero((train_targets.min(0) < 0.5) & (train_targets.max(0) > 0.5))
    probabilities[:] = train_targets.mean(0)
    if len(mixed):
        probabilities[:, mixed] = OneVsRestClassifier(model).fit(seen, train_targets[:, mixed]).predict_proba(asked).reshape(len(test), -1)
    return probabilities


def _describe(train: Sequence[Features | None], test: Sequence[Features | None]) -> tuple[csr_matrix, csr_matrix]:
    """Standardised mean tokens beside TF-IDF of the sentences, of both sides, fitted on the first."""
    width = next((row.width for row in train if row is not None), 0)
    seen: list[csr_matrix] = []
    asked: list[csr_matrix] = []
    if width:
        scaler = StandardScaler().fit(_means([row for row in train if row is not None], width))
        for side, out in ((train, seen), (test, asked)):
            here = np.array([row is not None for row in side])
            pooled = np.zeros((len(side), width + 1), np.float32)
            if here.any():
                pooled[here, :width] = scaler.transform(_means([row for row in side if row is not None], width))
            pooled[:, width] = here
            out.append(csr_matrix(pooled))
    texts = [[" ".join(row.sentences[0]) if row is not None else "" for row in side] for side in (train, test)]
    if any(any(c.isalnum() for c in text) for text in texts[0]):
        vectorizer = TfidfVectorizer(sublinear_tf=True).fit(texts[0])
        scale = np.sqrt(max(width, 1))  # as loud as the tokens
        seen.append(vectorizer.transform(texts[0]) * scale)
        asked.append(vectorizer.transform(texts[1]) * scale)
    if not seen:
        return csr_matrix((len(train), 1)), csr_matrix((len(test), 1))
    return csr_matrix(hstack(seen)), csr_matrix(hstack(asked))


def _means(rows: Sequence[Features], width: int) -> FloatArray:
    return np.stack([row.tokens[row.mask].mean(0) if row.mask.any() else np.zeros(width, np.float32) for row in rows])
