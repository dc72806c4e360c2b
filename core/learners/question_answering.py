"""Question answering over any modalities: an answer in words, or 'not stated' where nothing that was seen carries one.

Rows are trained with their answer; some are trained with everything hidden and the answer 'not stated', so that the model learns
to say so. Where the training answers are few (yes and no, say), each is scored in place of writing freely, and the scores,
calibrated on validation rows, are probabilities.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from core.errors import InputError
from core.learners._generation import GenerationOptions, answers_of, fit_prefix, texts
from core.learners._held_out import held_out
from core.learners.contract import Outcome, Say
from core.metrics import Estimate, balanced_accuracy, bootstrap
from core.samples import FloatArray
from core.table import ColumnKind, Table

NOT_STATED = "not stated"
MOST_CLOSED = 12  # different answers up to which each is scored


class QuestionOptions(GenerationOptions):
    """As for all generation, and:

    Attributes:
        hidden: share of the training rows whose every modality is hidden and whose answer is then 'not stated'.
    """

    hidden: float = Field(default=0.1, ge=0, le=0.5)


class QuestionLearned:
    """A trained answerer."""

    task = "question_answering"

    def __init__(
        self, name: str, model: Any, encoders: Mapping[Any, Any], closed: Sequence[str], temperature: float, trained: frozenset[str]
    ) -> None:
        self.name = name
        self._model = model
        self._encoders = encoders
        self.closed = tuple(closed)
        self._temperature = temperature
        self._trained = trained

    def predict(self, table: Table) -> Iterator[dict[str, Any]]:
        """An answer a row; with few possible answers their calibrated probabilities too.

        A row of which nothing at all can be read is answered 'not stated' without asking the model.

        Raises:
            InputError: there is no question column.
        """
        questions = _questions(table)
        if self.closed:
            probabilities, is_blind = self.probabilities(table, questions)
            for name, row, blind in zip(table.ids, probabilities, is_blind, strict=True):
                best = NOT_STATED if blind else self.closed[int(row.argmax())]
                yield {"id": name, "answer": best, "probabilities": {a: float(p) for a, p in zip(self.closed, row, strict=True)}}
            return
        for name, answer in zip(table.ids, answers_of(self._model, self._encoders, table, questions), strict=True):
            yield {"id": name, "answer": answer}

    def probabilities(self, table: Table, questions: Sequence[str]) -> tuple[FloatArray, list[bool]]:
        """`[rows, answers]` over the closed answers, and which rows have nothing that can be read."""
        scores, is_blind = _scores(self._model, self._encoders, table, questions, self.closed)
        return _softmax(scores / self._temperature), is_blind

    def evaluate(self, table: Table) -> Mapping[str, Estimate]:
        """Share of exactly right answers (case and outer spaces aside), and of the most common training-like answer, by group.

        With few possible answers the balanced accuracy comes first.

        Raises:
            InputError: answers are missing, or a row was used in training.
        """
        from core.table.splitting import refuse_rows_of_training

        refuse_rows_of_training(table, self._trained)
        truth = _answers(table)
        said = [row["answer"] for row in self.predict(table)]
        right = np.asarray([[float(_same(a, b))] for a, b in zip(said, truth, strict=True)], np.float32)
        common = Counter(map(_plain, truth)).most_common(1)[0][0]
        majority = np.asarray([[float(_plain(a) == common)] for a in truth], np.float32)
        figures = {
            "accuracy": bootstrap(_mean, right, right, table.groups),
            "accuracy_of_the_most_common_answer": bootstrap(_mean, majority, majority, table.groups),
        }
        if not self.closed:
            return figures
        space = tuple(dict.fromkeys([*map(_plain, self.closed), *map(_plain, truth)]))
        rows = [np.eye(len(space), dtype=np.float32)[[space.index(_plain(a)) for a in side]] for side in (said, truth)]
        return {"balanced_accuracy": bootstrap(balanced_accuracy, rows[0], rows[1], table.groups), **figures}


class QuestionAnswering:
    """The task."""

    name = "question_answering"
    summary = "answers a question about whatever a row holds, or says 'not stated' (a small language model)"
    options = QuestionOptions

    def fit(self, train: Table, out: Path, options: QuestionOptions, *, validation: Table | None = None, say: Say = print) -> Outcome:
        """Train on a question column and the label column's answers (none means 'not stated'); write the model folder.

        Raises:
            InputError: there is no question column or no label column.
        """
        sides = held_out(train, validation, options)
        questions = (_questions(sides[0]), _questions(sides[1]) if len(sides[1]) else [])
        answers = (_answers(sides[0]), _answers(sides[1]) if len(sides[1]) else [])
        found = Counter(answers[0])
        closed = sorted(found) if len(found) <= MOST_CLOSED else []
        if closed and options.hidden and NOT_STATED not in closed:
            closed.append(NOT_STATED)
        written = fit_prefix(self.name, sides, questions, answers, options, say, hidden=options.hidden)
        figures, temperature = {"log_likelihood_a_piece": written.score}, 1.0
        if closed and len(sides[1]):
            scores, _ = _scores(written.model, written.encoders, sides[1], questions[1], closed)
            known = [i for i, answer in enumerate(answers[1]) if answer in closed]
            if known:
                wanted = np.asarray([closed.index(answers[1][i]) for i in known])
                temperature = _temperature(scores[known], wanted)
                figures["validation_accuracy"] = float((scores[known].argmax(1) == wanted).mean())
        written.save(out, self.name, closed=closed, temperature=temperature)
        return Outcome(out, figures)

    def load(self, folder: Path) -> QuestionLearned:
        """From a model folder.

        Raises:
            ModelError: it is missing, damaged, of another task, or of another decoder than is here.
        """
        from core.errors import ModelError
        from core.generation.folder import load_prefix

        model, encoders, config = load_prefix(folder, self.name)
        try:
            closed, temperature = [str(a) for a in config["closed"]], float(config["temperature"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{folder.name}: config.json is not what this version writes; train again") from error
        if not 0 < temperature < math.inf:
            raise ModelError(f"{folder.name}: config.json states an impossible temperature; train again")
        return QuestionLearned(folder.name, model, encoders, closed, temperature, frozenset(map(str, config.get("trained_ids", ()))))


def _scores(
    model: Any, encoders: Mapping[Any, Any], table: Table, questions: Sequence[str], closed: Sequence[str]
) -> tuple[FloatArray, list[bool]]:
    import torch

    from core.generation.training import chunks
    from core.table.encoding import encode_table
    from core.table.progress import silent

    samples = encode_table(table, label=None, encoders=encoders, say=silent)
    parts, is_blind = [], []
    for rows in chunks(len(samples)):
        features, present = samples.batch(rows, tuple(model.settings.inputs))
        parts.append(model.score(features, torch.tensor(present), [questions[i] for i in rows], closed).numpy())
        is_blind += [not row.any() for row in present]
    return np.concatenate(parts), is_blind


def _temperature(scores: FloatArray, truth: Any) -> float:
    """The temperature that makes the true answers most likely."""
    from core.calibration import fit_temperature
    from core.tasks import CLASSIFICATION

    return fit_temperature(scores, np.eye(scores.shape[1], dtype=np.float32)[truth], CLASSIFICATION)


def _softmax(scores: FloatArray) -> FloatArray:
    risen = np.exp(scores - scores.max(1, keepdims=True))
    return np.asarray(risen / risen.sum(1, keepdims=True), np.float32)


def _questions(table: Table) -> list[str]:
    column = table.one(ColumnKind.QUESTION)
    found = texts(table, column)
    if gaps := [line for line, text in zip(table.lines, found, strict=True) if not (text or "").strip()]:
        raise InputError(f"{table.name}, line {gaps[0]}: {column!r} asks nothing ({len(gaps)} such rows); leave them out")
    return [text or "" for text in found]


def _answers(table: Table) -> list[str]:
    return [(text or "").strip() or NOT_STATED for text in texts(table, table.one(ColumnKind.LABEL))]


def _plain(text: str) -> str:
    return text.strip().lower().rstrip(".")


def _same(first: str, second: str) -> bool:
    return _plain(first) == _plain(second)


def _mean(hits: FloatArray, _targets: FloatArray) -> float:
    return float(hits.mean())


LEARNER = QuestionAnswering()
