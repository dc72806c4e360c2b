"""The short way in: a table to a trained model and its figures, in a few lines of Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.errors import ConfigError
from core.learners.contract import Learned, Say, learner
from core.learners.contract import load as load_folder
from core.metrics import Estimate
from core.table import Table


def train(
    rows: Table,
    task: str = "classification",
    out: Path | str = "model",
    *,
    validation: Table | None = None,
    say: Say = print,
    **options: Any,
) -> Learned:
    """Train a model of a task, write its folder, and open it.

    Args:
        rows: labelled.
        task: name of a learner, such as `classification`, `multilabel`, `ordinal` or `regression`.
        out: the folder; must not exist, or hold an older model.
        validation: chooses epochs and thresholds; taken from `rows` by group where it is not given.
        say: told how far it has come, and what was found.
        options: of the learner, such as `preset="best"`.

    Raises:
        ConfigError: there is no such task or option.
        InputError: the table cannot be learned from.
    """
    chosen = learner(task)
    try:
        settings = chosen.options(**options)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"option {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    outcome = chosen.fit(rows, Path(out), settings, validation=validation, say=say)
    for note in outcome.notes:
        say(note)
    return chosen.load(outcome.folder)


def load(folder: Path | str) -> Learned:
    """A trained model of whatever task.

    Raises:
        ModelError: the folder is missing, damaged, or of a task that this version does not know.
    """
    return load_folder(Path(folder))


def evaluate(model: Learned | Path | str, rows: Table) -> Mapping[str, Estimate]:
    """Figures of a model, or of a model folder, on labelled rows, with intervals; the headline first.

    Raises:
        InputError: labels are missing or were never trained, or rows were used in training.
    """
    learned = load(model) if isinstance(model, str | Path) else model
    return learned.evaluate(rows)
