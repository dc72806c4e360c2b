"""Classification: one label of several, from any mix of modalities."""

from __future__ import annotations

from pathlib import Path

from core.label_learning.options import LabelOptions
from core.learners.contract import Learned, Outcome, Say
from core.table import Table


class Classification:
    """The task."""

    name = "classification"
    summary = "one label of several, from any mix of modalities"
    options = LabelOptions

    def fit(self, train: Table, out: Path, options: LabelOptions, *, validation: Table | None = None, say: Say = print) -> Outcome:
        """Train and write the model folder; see `core.label_learning.learner.fit_labels`."""
        from core.label_learning.learner import fit_labels

        return fit_labels(self.name, train, out, options, validation=validation, say=say)

    def load(self, folder: Path) -> Learned:
        """From a model folder; see `core.label_learning.learner.load_labels`."""
        from core.label_learning.learner import load_labels

        return load_labels(self.name, folder)


LEARNER = Classification()
