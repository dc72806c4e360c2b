"""LabelLearner: what the tasks whose answer is a label or a number of a whole row share; each names itself in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from core.label_learning.options import LabelOptions
from core.learners.contract import Learned, Outcome, Say
from core.table import Table


@dataclass
class LabelLearner:
    """One such task.

    Attributes:
        name: of a task of `core.tasks`.
        summary: one line for `--help`.
        options: its settings.
    """

    name: str
    summary: str
    options: type[BaseModel] = LabelOptions

    def fit(self, train: Table, out: Path, options: LabelOptions, *, validation: Table | None = None, say: Say = print) -> Outcome:
        """Train and write the model folder; see `core.label_learning.learner.fit_labels`."""
        from core.label_learning.learner import fit_labels

        return fit_labels(self.name, train, out, options, validation=validation, say=say)

    def load(self, folder: Path) -> Learned:
        """From a model folder; see `core.label_learning.learner.load_labels`."""
        from core.label_learning.learner import load_labels

        return load_labels(self.name, folder)
