"""LabelLearned: a trained model at work on tables."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.contributions import shapley
from core.encoders.contract import Encoder
from core.errors import InputError
from core.exporting.answers import LEAST
from core.feature_cache import FeatureCache
from core.label_learning.labels import labelled
from core.label_learning.model import LabelModel
from core.label_learning.rows import Rows, pool
from core.label_learning.scripts import kept_text_encoder
from core.metrics import REPEATS, Estimate, bootstrap
from core.samples import FloatArray, Modality
from core.table.casting import NOT_READ, cast_columns
from core.table.defaults import default_encoders
from core.table.encoding import encode_table
from core.table.progress import silent
from core.table.splitting import refuse_rows_of_training
from core.table.values import ColumnKind, Table

FEW_ROWS = 32  # of so few, features are not worth a place in the cache
BATCH = 256
MOST_FOR_SHAPLEY = 4
Shares = Literal["shapley", "leave_one_out"]


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers to labelled rows.

    Attributes:
        ids, groups: of the rows.
        answers: calibrated probabilities or numbers, `[rows, labels]`.
        targets: the truth, of the same shape.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    answers: FloatArray
    targets: FloatArray


class LabelLearned:
    """A trained model, ready to be asked.

    Attributes:
        task: its name.
        name: the folder's.
        model: what it asks.
        shares: how contributions are measured; None leaves them out and is the quickest.
    """

    def __init__(self, name: str, model: LabelModel, *, shares: Shares | None = "leave_one_out") -> None:
        self.task = model.task.name
        self.name = name
        self.model = model
        self.shares = shares
        self._encoders: dict[Modality, Encoder] = {}

    def predict(self, table: Table) -> Iterator[dict[str, Any]]:
        """One answer a row: `id`, `label` (`labels`, `value`), `probabilities`, `accepted`, `abstained`, `contributions`, `interval`.

        Raises:
            InputError: a column is missing that the model reads.
        """
        rows = self.encode(table)
        for start in range(0, len(rows), BATCH):
            part = rows.select(range(start, min(start + BATCH, len(rows)))) if len(rows) > BATCH else rows
            answers = self.model.answers(part)
            accepted = self.model.calibration.accepted(answers)
            shares = self._contributions(part, answers)
            for place, name in enumerate(part.features.ids):
                yield {"id": name, **self._told(answers[place], accepted[place]), "contributions": shares[place]}

    def evaluate(self, table: Table) -> Mapping[str, Estimate]:
        """Figures on labelled rows with bootstrap intervals over groups, the headline first.

        Raises:
            InputError: labels are missing or were never trained, or rows or groups were used in training.
        """
        answered = self.answer(table)
        return self._figures(answered.answers, answered)

    def subset_scores(self, table: Table) -> Mapping[tuple[Modality, ...], Estimate]:
        """The headline measure where only some modalities are given, for every set of them, all of them first.

        Raises:
            InputError: as `evaluate`.
        """
        rows, truth = self._labelled(table)
        measure, modalities = self.model.task.measures[self.model.task.headline], self.model.modalities
        sets = [chosen for size in range(len(modalities), 0, -1) for chosen in combinations(modalities, size)]
        return {
            chosen: bootstrap(measure, self.model.answers(rows.only(chosen)), truth, rows.features.groups, repeats=REPEATS)
            for chosen in sets
        }

    def answer(self, table: Table) -> Answered:
        """Answers beside the truth.

        Raises:
            InputError: as `evaluate`.
        """
        rows, truth = self._labelled(table)
        return Answered(rows.features.ids, rows.features.groups, self.model.answers(rows), truth)

    def encode(self, table: Table) -> Rows:
        """A table's rows as the model's members read them.

        Raises:
            InputError: a column is missing that the model reads, or there are no rows.
        """
        return self._encode(self._cast(table, NOT_READ))

    def _cast(self, table: Table, optional: Collection[ColumnKind]) -> Table:
        """The table with the columns, and their kinds, that the model was trained on."""
        if not len(table):
            raise InputError(f"{table.name}: there are no rows")
        return cast_columns(table, self.model.kinds, optional=optional)

    def _encode(self, known: Table) -> Rows:
        if not self._encoders:
            options = self.model.options
            text, image = kept_text_encoder(options), options.image_encoder
            self._encoders = default_encoders(known, tabular=self.model.tabular, threads=options.threads, text=text, image=image)
        encoders = {m: one for m, one in self._encoders.items() if m in self.model.modalities}
        if len(known) > FEW_ROWS:
            return pool(encode_table(known, encoders=encoders, say=silent))
        with tempfile.TemporaryDirectory(prefix="trivium-rows-") as folder:
            return pool(encode_table(known, encoders=encoders, cache=FeatureCache(Path(folder)), say=silent))

    def _labelled(self, table: Table) -> tuple[Rows, FloatArray]:
        cast = self._cast(table, [kind for kind in NOT_READ if kind is not ColumnKind.LABEL])
        given = labelled(cast, self.model.task, self.model.separator)
        refuse_rows_of_training(given.table, {*self.model.split.train, *self.model.split.validation})
        if self.model.groups and (shared := set(given.table.groups) & self.model.groups):
            raise InputError(
                f"{table.name}: {len(shared)} groups were used in training, such as {min(shared)!r}; give rows of other groups"
            )
        truth = self.model.task.targets(given.labels, self.model.labels)
        return self._encode(given.table), truth

    def _figures(self, answers: FloatArray, answered: Answered) -> dict[str, Estimate]:
        learned = self.model.task
        names = [learned.headline, *(name for name in learned.measures if name != learned.headline)]
        figures = {n: bootstrap(learned.measures[n], answers, answered.targets, answered.groups) for n in names}
        accepted = self.model.calibration.accepted(answers)
        if learned.kind == "value":
            width = np.asarray(self.model.calibration.thresholds)
            held = np.array(np.abs(answers - answered.targets) <= width, np.float32, ndmin=2)
            figures["coverage"] = bootstrap(_mean, held, answered.targets, answered.groups)
            return figures
        wanted = np.maximum(answered.targets.sum(1), 1)
        right = np.stack([(accepted & (answered.targets > 0.5)).sum(1) / wanted], axis=1).astype(np.float32)
        abstained = np.stack([~accepted.any(1)], axis=1).astype(np.float32)
        figures["coverage"] = bootstrap(_mean, right, answered.targets, answered.groups)
        figures["abstained"] = bootstrap(_mean, abstained, answered.targets, answered.groups)
        return figures

    def _told(self, answer: FloatArray, accepted: Any) -> dict[str, Any]:
        labels, kind = self.model.labels, self.model.task.kind
        if kind == "value":
            value, width = float(answer[0]), self.model.calibration.thresholds[0]
            interval = [value - width, value + width] if np.isfinite(width) else None
            return {"value": value, "interval": interval, "abstained": interval is None}
        probabilities = {label: float(p) for label, p in zip(labels, answer, strict=True)}
        stands = [label for label, is_in in zip(labels, accepted, strict=True) if is_in]
        told: dict[str, Any] = {"probabilities": probabilities, "accepted": stands, "abstained": not stands}
        if kind == "several":
            return {"labels": [label for label, p in probabilities.items() if p >= 0.5], **told}
        return {"label": max(labels, key=lambda label: probabilities[label]), **told}

    def _contributions(self, rows: Rows, answers: FloatArray) -> list[dict[str, float]]:
        """How much each modality moved the answer, by row; shares of the modalities that are there, which sum to 1."""
        players = [i for i, m in enumerate(self.model.modalities) if m in rows.here and rows.here[m].any()]
        if self.shares is None:
            return [{} for _ in range(len(rows))]
        whole = frozenset(players)
        is_exact = self.shares == "shapley" and len(players) <= MOST_FOR_SHAPLEY
        sets = (
            [frozenset(c) for size in range(len(players) + 1) for c in combinations(players, size)]
            if is_exact
            else [whole, *(whole - {p} for p in players)]
        )
        worth = {s: self._worth(rows, answers, None if s == whole else s) for s in sets}
        moved = shapley(worth, players) if is_exact else {p: worth[whole] - worth[whole - {p}] for p in players}
        shares = []
        for place, here in enumerate(rows.patterns):
            sizes = {self.model.modalities[p]: abs(float(moved[p][place])) for p in players if self.model.modalities[p] in here}
            total = sum(sizes.values())
            shares.append({m.value: size / total if total > 1e-9 else 1 / len(sizes) for m, size in sizes.items()})
        return shares

    def _worth(self, rows: Rows, answers: FloatArray, members: frozenset[int] | None) -> Any:
        """How well some modalities alone carry the answer that all give together, `[rows]`."""
        chosen = answers if members is None else self.model.answers(rows.only([self.model.modalities[i] for i in members]))
        if self.model.task.kind == "value":
            return -np.abs(chosen - answers).mean(1).astype(np.float64)
        best = answers.argmax(1)
        return np.log(np.clip(chosen[np.arange(len(chosen)), best].astype(np.float64), LEAST, 1))


def _mean(values: FloatArray, _: FloatArray) -> float:
    return float(values.mean())
