"""Captioning: a sentence for a picture, a sound, a film or numbers, learned from sentences that people wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import InputError
from core.learners._generation import GenerationOptions, answers_of, fit_prefix, texts
from core.learners._held_out import held_out
from core.learners.contract import Outcome, Say
from core.metrics import Estimate, bootstrap
from core.samples import FloatArray
from core.table import ColumnKind, Table

QUESTION = "What is there?"


class CaptioningLearned:
    """A trained captioner."""

    task = "captioning"

    def __init__(self, name: str, model: Any, encoders: Mapping[Any, Any], trained: frozenset[str]) -> None:
        self.name = name
        self._model = model
        self._encoders = encoders
        self._trained = trained

    def predict(self, table: Table) -> Iterator[dict[str, Any]]:
        """A caption a row; generated text, without a probability."""
        for name, caption in zip(table.ids, self._captions(table), strict=True):
            yield {"id": name, "caption": caption}

    def evaluate(self, table: Table) -> Mapping[str, Estimate]:
        """chrF (Popović, 2015) and BLEU of each caption against the true one, 0 to 100, means over rows with intervals by group.

        Raises:
            InputError: a caption is missing, or a row was used in training.
        """
        from sacrebleu import sentence_bleu, sentence_chrf

        from core.table.splitting import refuse_rows_of_training

        refuse_rows_of_training(table, self._trained)
        truth = _captions(table)
        written = self._captions(table)
        rows = [
            (sentence_chrf(said, [true]).score, sentence_bleu(said, [true]).score, float(said.strip().lower() == true.strip().lower()))
            for said, true in zip(written, truth, strict=True)
        ]
        scores = np.asarray(rows, np.float32)
        names = ("chrf", "bleu", "exact")
        return {name: bootstrap(_mean, scores[:, [i]], scores[:, [i]], table.groups) for i, name in enumerate(names)}

    def _captions(self, table: Table) -> list[str]:
        return answers_of(self._model, self._encoders, table, [QUESTION] * len(table))


class Captioning:
    """The task."""

    name = "captioning"
    summary = "a sentence that says what a picture, sound, film or row shows (a small language model writes it)"
    options = GenerationOptions

    def fit(self, train: Table, out: Path, options: GenerationOptions, *, validation: Table | None = None, say: Say = print) -> Outcome:
        """Train on the label column's sentences and write the model folder.

        Raises:
            InputError: there is no label column, or a row without a caption.
        """
        sides = held_out(train, validation, options)
        captions = tuple(_captions(side) for side in sides)
        questions = ([QUESTION] * len(sides[0]), [QUESTION] * len(sides[1]))
        written = fit_prefix(self.name, sides, questions, (captions[0], captions[1]), options, say)
        written.save(out, self.name)
        return Outcome(out, {"log_likelihood_a_piece": written.score})

    def load(self, folder: Path) -> CaptioningLearned:
        """From a model folder.

        Raises:
            ModelError: it is missing, damaged, of another task, or of another decoder than is here.
        """
        from core.generation.folder import load_prefix

        model, encoders, config = load_prefix(folder, self.name)
        return CaptioningLearned(folder.name, model, encoders, frozenset(map(str, config.get("trained_ids", ()))))


def _captions(table: Table) -> list[str]:
    column = table.one(ColumnKind.LABEL)
    found = texts(table, column)
    if gaps := [line for line, text in zip(table.lines, found, strict=True) if not (text or "").strip()]:
        raise InputError(f"{table.name}, line {gaps[0]}: {column!r} holds no caption ({len(gaps)} such rows); leave them out")
    return [text or "" for text in found]


def _mean(scores: FloatArray, _targets: FloatArray) -> float:
    return float(scores.mean())


LEARNER = Captioning()
