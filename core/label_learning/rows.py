"""Rows: encoded samples beside what plain models read of them, a mean token a modality and its words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.features import Features
from core.featuresets import FeatureSet
from core.samples import BoolArray, FloatArray, Modality


@dataclass(frozen=True, slots=True)
class Rows:
    """Samples as every member of a model reads them.

    Attributes:
        features: for the fusion model.
        means: by modality the mean token, `[rows, width]`; zeros where the row lacks it.
        here: by modality whether the row has it, `[rows]`.
        texts: by modality the sentences of each row; empty where it lacks it.
    """

    features: FeatureSet
    means: Mapping[Modality, FloatArray]
    here: Mapping[Modality, BoolArray]
    texts: Mapping[Modality, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.features)

    @property
    def patterns(self) -> tuple[frozenset[Modality], ...]:
        """Which modalities each row has."""
        return tuple(frozenset(m for m, here in self.here.items() if here[i]) for i in range(len(self)))

    def select(self, places: Sequence[int]) -> Rows:
        """The rows at these places, in this order."""
        chosen = list(places)
        return Rows(
            self.features.select(chosen),
            {m: means[chosen] for m, means in self.means.items()},
            {m: here[chosen] for m, here in self.here.items()},
            {m: tuple(texts[i] for i in chosen) for m, texts in self.texts.items()},
        )

    def only(self, modalities: Sequence[Modality] | frozenset[Modality]) -> Rows:
        """The same rows, with nothing of any other modality."""
        kept = [m for m in self.means if m in modalities]
        return Rows(
            self.features.only(kept), {m: self.means[m] for m in kept}, {m: self.here[m] for m in kept}, {m: self.texts[m] for m in kept}
        )


def pool(features: FeatureSet) -> Rows:
    """Average the tokens of every row, once for all members and folds."""
    means, here, texts = {}, {}, {}
    for modality, rows in features.rows.items():
        width = next((row.width for row in rows if row is not None), 0)
        means[modality] = np.stack([_mean(row, width) for row in rows]) if rows else np.zeros((0, width), np.float32)
        here[modality] = np.array([row is not None for row in rows], np.bool_)
        texts[modality] = tuple("" if row is None else " ".join(row.sentences[0]) for row in rows)
    return Rows(features, means, here, texts)


def ask_by_weights(
    rows: Rows, weights: Mapping[frozenset[Modality], Mapping[str, float]], members: Mapping[str, Callable[[Rows], FloatArray]], labels: int
) -> FloatArray:
    """The weighted mean of members' answers, by what each row has, `[rows, labels]`.

    Args:
        rows: to be answered.
        weights: for each set of modalities the weight of each member; the first set is all of them.
        members: by name.
        labels: how many.
    """
    by_weights: dict[frozenset[Modality], list[int]] = {}
    for place, here in enumerate(rows.patterns):
        by_weights.setdefault(here if here in weights else _nearest(here, weights), []).append(place)
    found = np.zeros((len(rows), labels), np.float32)
    for pattern, places in by_weights.items():
        part = rows if len(places) == len(rows) else rows.select(places)
        found[places] = sum(members[name](part).astype(np.float64) * weight for name, weight in weights[pattern].items())
    return found


def weights_from_json(told: Sequence[Mapping[str, Any]]) -> dict[frozenset[Modality], dict[str, float]]:
    """Who answers what, as a model's folder and its export write it.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is none of that.
    """
    return {frozenset(Modality(m) for m in one["modalities"]): {str(k): float(v) for k, v in one["members"].items()} for one in told}


def weights_fit(weights: Mapping[frozenset[Modality], Mapping[str, float]], members: Collection[str]) -> bool:
    """Whether each set of modalities is answered, by members that are there and count."""
    return bool(weights) and all(w and set(w) <= set(members) and all(0 < v <= 1 for v in w.values()) for w in weights.values())


def _nearest(here: frozenset[Modality], weights: Mapping[frozenset[Modality], Mapping[str, float]]) -> frozenset[Modality]:
    """The largest known set within these modalities; the set of all where there is none."""
    within = [pattern for pattern in weights if pattern <= here]
    return max(within, key=len) if within else next(iter(weights))


def _mean(row: Features | None, width: int) -> FloatArray:
    if row is None or not row.mask.any():
        return np.zeros(width, np.float32)
    return np.asarray(row.tokens[row.mask].mean(0), np.float32)
