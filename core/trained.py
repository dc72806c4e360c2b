"""The fusion model inside a model folder, whichever task wrote it, with a way to encode tables for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.checkpoints import Checkpoint, load_checkpoint
from core.encoders.contract import Encoder
from core.encoders.tabular import TabularState
from core.errors import ModelError
from core.featuresets import FeatureSet
from core.learners.contract import kept_task, load
from core.samples import Modality
from core.table import Table
from core.table.casting import cast_columns
from core.table.values import ColumnKind


@dataclass(frozen=True, slots=True)
class TrainedFusion:
    """A fusion model and what it knows of the columns that it was trained on.

    Attributes:
        checkpoint: with the calibration of the whole model.
        name: the folder's.
        kinds: of the columns, by name; empty where it was not trained from a table.
        tabular: what was learned of columns of numbers and categories.
        others: names of models that answer together with it; empty where it answers alone.
    """

    checkpoint: Checkpoint
    name: str
    kinds: Mapping[str, ColumnKind]
    tabular: TabularState | None
    others: tuple[str, ...] = ()

    def cast(self, table: Table) -> Table:
        """The table with the columns, and their kinds, that the model was trained on.

        Raises:
            InputError: a column is missing that the model reads.
        """
        return cast_columns(table, self.kinds)

    def encode(self, table: Table, encoders: Mapping[Modality, Encoder] | None = None) -> FeatureSet:
        """A table's rows as the model reads them.

        Raises:
            InputError: a column is missing that the model reads.
            ModelError: an encoder's weights are not here.
        """
        from core.table.encoding import encode_table
        from core.table.progress import silent

        return encode_table(self.cast(table), encoders=self.encoders() if encoders is None else encoders, say=silent)

    def encoders(self) -> dict[Modality, Encoder]:
        """The packaged encoders of its modalities.

        Raises:
            ModelError: weights are not here, or not those that the model was trained on.
        """
        from core.table.defaults import encoders_of, text_encoder_named

        text = self.checkpoint.config.inputs.get(Modality.TEXT)
        found = encoders_of(self.checkpoint.config.modalities, self.tabular, text=text_encoder_named(text.encoder if text else ""))
        for modality, encoder in found.items():
            wanted = self.checkpoint.config.inputs[modality].encoder
            if encoder.name != wanted:
                raise ModelError(f"{self.name} reads {modality} by {wanted!r}, here is {encoder.name!r}; train again")
        return found


def load_fusion(folder: Path) -> TrainedFusion:
    """From a checkpoint, or from the model folder of a task whose answer is a label or a number.

    Raises:
        ModelError: it is missing or damaged, or holds no fusion model.
    """
    if kept_task(folder) is None:
        return TrainedFusion(load_checkpoint(folder), folder.name, {}, None)
    learned: Any = load(folder)
    model = getattr(learned, "model", None)
    members = getattr(model, "members", {})
    if model is None or "fusion" not in members:
        what = f"answers by {', '.join(members)}" if members else f"is of the task {learned.task}"
        raise ModelError(f"{folder.name} holds no fusion model: it {what}; train with --preset quick for one")
    checkpoint = replace(members["fusion"].checkpoint, calibration=model.calibration)
    others = tuple(name for name in members if name != "fusion")
    return TrainedFusion(checkpoint, folder.name, dict(model.kinds), model.tabular, others)
