"""What a task must provide to be trained from a table, by name, and to be asked again from its folder.

A task is one module of `core.learners` that holds a `LEARNER`; adding one touches no other file. The command line reaches
all of them by this contract alone.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from core.errors import ConfigError, ModelError
from core.metrics import Estimate
from core.table import Table

Say = Callable[[str], None]
CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training gave.

    Attributes:
        folder: the model folder.
        figures: on validation rows; a test is `evaluate` on other rows.
        notes: what a person should know: which model won and by how much, what was left out.
    """

    folder: Path
    figures: Mapping[str, float]
    notes: tuple[str, ...] = ()


class Learned(Protocol):
    """A trained model, ready to be asked.

    Attributes:
        task: the learner's name.
        name: short and unique.
    """

    task: str
    name: str

    def predict(self, table: Table) -> Iterator[dict[str, Any]]:
        """One plain, JSON-ready answer a row, in the table's order, each with its `id`.

        Raises:
            InputError: the table lacks what the model reads.
        """
        ...

    def evaluate(self, table: Table) -> Mapping[str, Estimate]:
        """Figures on labelled rows, with intervals; the headline first.

        Raises:
            InputError: labels are missing or were never trained, or rows were used in training.
        """
        ...


class Learner(Protocol):
    """One task.

    Attributes:
        name: as in `--task`.
        summary: one line for `--help`.
        options: its settings; unknown keys are errors.
    """

    name: str
    summary: str
    options: type[BaseModel]

    def fit(self, train: Table, out: Path, options: Any, *, validation: Table | None = None, say: Say = print) -> Outcome:
        """Train and write a model folder (`core.model_folder.save_whole`) whose `config.json` says `"learner": name`.

        Args:
            train: labelled rows.
            out: the folder; must not exist, or hold an older model.
            options: of type `options`.
            validation: chooses epochs and thresholds; taken from `train` by group where it is not given.
            say: told how far it has come.

        Raises:
            InputError: the table cannot be learned from; says what is missing, and where.
        """
        ...

    def load(self, folder: Path) -> Learned:
        """From a model folder.

        Raises:
            ModelError: it is missing, damaged, or of another task.
        """
        ...


@cache
def _modules() -> tuple[str, ...]:
    import core.learners as package

    return tuple(m.name for m in pkgutil.iter_modules(package.__path__) if m.name != "contract" and not m.name.startswith("_"))


def learners() -> tuple[Learner, ...]:
    """Every learner, by name."""
    found = [learner_of(name) for name in _modules()]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.name))


def learner_of(module: str) -> Learner | None:
    """The learner of a module of `core.learners`; None if it holds none."""
    name = f"core.learners.{module}"
    return getattr(importlib.import_module(name), "LEARNER", None) if find_spec(name) else None


def learner(name: str) -> Learner:
    """The learner of a name.

    Raises:
        ConfigError: there is none.
    """
    found = learner_of(name) if name in _modules() else None
    if found is None:
        raise ConfigError(f"there is no task {name!r}; choose one of: {', '.join(one.name for one in learners())}")
    return found


def kept_task(folder: Path) -> str | None:
    """The task that a model folder says it is of; None for a bare checkpoint. Nothing else of the folder is used yet.

    Raises:
        ModelError: it is no model folder, or damaged.
    """
    from core.model_folder import check_hashes, is_model_folder, read_json

    if not is_model_folder(folder):
        check_hashes(folder)  # says what is missing
    try:
        name = read_json(folder, CONFIG).get("learner")
    except ModelError:
        check_hashes(folder)  # a damaged folder is said to be that
        raise
    return None if name is None else str(name)


def load(folder: Path) -> Learned:
    """A trained model of whatever task.

    Raises:
        ModelError: the folder is missing, damaged, or of a task that this version does not know.
    """
    from core.model_folder import check_hashes

    name = kept_task(folder) or "classification"
    try:
        found = learner(name)
    except ConfigError as error:
        check_hashes(folder)
        raise ModelError(f"{folder.name} holds a model of the task {name[:40]!r}, which this version does not know") from error
    return found.load(folder)  # compares every hash before anything else of the folder is used
