"""A label model that knows findings: fitted on rows, read from a folder, asked in the order of the findings."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from domains.medical.findings.columns import Row, as_table

if TYPE_CHECKING:
    from core.label_learning.learned import LabelLearned
    from core.label_learning.model import LabelModel
    from core.label_learning.options import LabelOptions
    from core.label_learning.rows import Rows
    from core.learners.contract import Say
    from core.samples import FloatArray

ABSENT = "none of these"  # the other label where there is only one finding


@dataclass(frozen=True, slots=True)
class Fitted:
    """A label model that knows these findings.

    Attributes:
        names: of the findings, in the order of the answers.
        learned: what is asked.
    """

    names: tuple[str, ...]
    learned: LabelLearned

    @property
    def model(self) -> LabelModel:
        """What answers."""
        return self.learned.model

    @classmethod
    def of(cls, rows: Sequence[Row], names: tuple[str, ...], folder: Path, options: LabelOptions, scratch: Path, say: Say) -> Fitted:
        """Fit on rows, and write the model's folder.

        Raises:
            InputError: they cannot be learned from.
            ModelError: the folder holds something else, or weights are not here.
        """
        from core.label_learning.learner import fit_labels

        shown = [row if len(names) > 1 else _one(row, names[0]) for row in rows]
        with tempfile.TemporaryDirectory(prefix="rows-", dir=scratch) as pictures:
            fit_labels(_task(names), as_table(shown, Path(pictures)), folder, options, say=say)
        return cls.load(names, folder)

    @classmethod
    def load(cls, names: tuple[str, ...], folder: Path) -> Fitted:
        """From its folder.

        Raises:
            ModelError: it is missing, damaged, or of another task.
        """
        from core.label_learning.learner import load_labels

        learned = load_labels(_task(names), folder)
        learned.shares = None  # told by `FindingsModel`, a finding at a time
        return cls(names, learned)

    def encode(self, rows: Sequence[Row]) -> Rows:
        """Rows as the model reads them; their pictures lie on disk only while they are read."""
        with tempfile.TemporaryDirectory(prefix="trivium-rows-") as pictures:
            return self.learned.encode(as_table(rows, Path(pictures), kinds=self.model.kinds))

    def probabilities(self, rows: Rows) -> FloatArray:
        """Calibrated, `[rows, findings]`."""
        return by_finding(self.model.answers(rows), self.model.labels, self.names)

    def ask(self, rows: Sequence[Row]) -> FloatArray:
        """Calibrated probabilities, `[rows, findings]`."""
        return self.probabilities(self.encode(rows))


def by_finding(answers: FloatArray, labels: Sequence[str], names: Sequence[str]) -> FloatArray:
    """Columns in the order of the findings; a finding that training never saw has probability 0."""
    place = {label: index for index, label in enumerate(labels)}
    return np.stack([answers[:, place[n]] if n in place else np.zeros(len(answers), np.float32) for n in names], axis=1)


def _task(names: Sequence[str]) -> str:
    return "multilabel" if len(names) > 1 else "classification"


def _one(row: Row, name: str) -> Row:
    return replace(row, findings=(name,) if name in (row.findings or ()) else (ABSENT,))
