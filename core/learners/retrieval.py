"""Retrieval: find the picture of a text, the text of a picture, or the partner in any two modalities; learned from pairs alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from core.alignment_options import AlignmentOptions
from core.errors import InputError, ModelError
from core.learners._held_out import held_out
from core.learners.contract import CONFIG, Outcome, Say
from core.metrics import Estimate, bootstrap
from core.samples import FloatArray, Modality
from core.table import Table

WEIGHTS = "model.safetensors"
CARD = "README.md"
RANKS = (1, 5, 10)
MOST_ROWS = 50_000  # similarities are quadratic


class RetrievalOptions(AlignmentOptions):
    """As for the towers, and:

    Attributes:
        validation_fraction: of groups, where no validation rows are given; chooses the epoch.
        top: partners that `predict` names.
    """

    validation_fraction: float = Field(default=0.15, gt=0, lt=1)
    top: int = Field(default=5, ge=1, le=100)


class RetrievalLearned:
    """Trained towers."""

    task = "retrieval"

    def __init__(self, name: str, model: Any, options: RetrievalOptions, encoders: Mapping[Modality, Any], trained: frozenset[str]) -> None:
        self.name = name
        self._model = model
        self._options = options
        self._encoders = encoders
        self._trained = trained

    def embed(self, table: Table) -> dict[Modality, FloatArray]:
        """Unit vectors `[rows, shared]` of each modality, zeros where a row lacks it.

        Raises:
            InputError: the table has none of the modalities.
        """
        from core.alignment import embed, pooled
        from core.table.encoding import encode_table
        from core.table.progress import silent

        samples = encode_table(table, encoders=self._encoders, say=silent)
        return embed(self._model, pooled(samples.rows, {m: e.width for m, e in self._encoders.items() if m in samples.rows}))

    def predict(self, table: Table) -> Iterator[dict[str, Any]]:
        """For each row and direction, the ids of the rows of the table whose other modality fits best, with cosine similarities."""
        vectors = self.embed(table)
        pairs = [(a, b) for a in vectors for b in vectors if a is not b]
        for index, name in enumerate(table.ids):
            answer: dict[str, Any] = {"id": name}
            for asking, asked in pairs:
                if not vectors[asking][index].any():
                    continue
                similarity = np.where(vectors[asked].any(1), vectors[asked] @ vectors[asking][index], -np.inf)
                best = [int(i) for i in np.argsort(-similarity, kind="stable")[: self._options.top] if np.isfinite(similarity[i])]
                answer[f"{asking}_to_{asked}"] = [{"id": table.ids[i], "similarity": float(similarity[i])} for i in best]
            yield answer

    def evaluate(self, table: Table) -> Mapping[str, Estimate]:
        """Recall at 1, 5 and 10 in both directions among the table's own rows, with intervals over groups; and chance at 1.

        Raises:
            InputError: a row was used in training, or no row has two modalities.
        """
        from core.table.splitting import refuse_rows_of_training

        refuse_rows_of_training(table, self._trained)
        if len(table) > MOST_ROWS:
            raise InputError(f"{table.name}: {len(table)} rows are more than the {MOST_ROWS} that are compared with each other")
        figures = recalls(self.embed(table), table.groups)
        if not figures:
            raise InputError(f"{table.name}: no row has two of {', '.join(self._model.modalities)}")
        return figures


class Retrieval:
    """The task."""

    name = "retrieval"
    summary = "which picture belongs to a text and the other way round (any two modalities), from pairs alone"
    options = RetrievalOptions

    def fit(self, train: Table, out: Path, options: RetrievalOptions, *, validation: Table | None = None, say: Say = print) -> Outcome:
        """Train and write the model folder.

        Raises:
            InputError: the rows do not pair two modalities.
        """
        from safetensors.torch import save_file

        from core.alignment_training import align
        from core.model_folder import save_whole, write_json
        from core.table.defaults import default_encoders
        from core.table.encoding import encode_table

        if len(train.modalities) < 2:
            raise InputError(f"{train.name}: retrieval pairs two modalities; the columns are: {train.columns_in_words}")
        train, validation = held_out(train, validation, options)
        if not len(validation):
            raise InputError(f"{train.name}: all rows are of one group, and rows of another must choose the epoch; give rows of two groups")
        encoders = default_encoders(train)
        samples, checked = (encode_table(side, encoders=encoders, say=say) for side in (train, validation))
        model, figures = align(samples, checked, options, say)
        config = {
            "learner": self.name,
            "options": options.model_dump(),
            "encoders": {m.value: {"name": encoders[m].name, "width": encoders[m].width} for m in model.modalities},
            "tabular": _tabular_state(encoders),
            "trained_ids": [*train.ids, *validation.ids],
        }

        def write(folder: Path) -> None:
            write_json(folder / CONFIG, config)
            save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / WEIGHTS)
            (folder / CARD).write_text(_card(train, len(validation), options, figures), "utf-8")

        save_whole(out, write)
        return Outcome(out, figures)

    def load(self, folder: Path) -> RetrievalLearned:
        """From a model folder.

        Raises:
            ModelError: it is missing, damaged, or of other encoders than are here.
        """
        from core.alignment import AlignmentModel
        from core.model_folder import check_hashes, read_fitting, read_json

        check_hashes(folder, (CONFIG, WEIGHTS, CARD))
        config = read_json(folder, CONFIG)
        if config.get("learner") != self.name:
            raise ModelError(f"{folder.name} holds a model of another task than {self.name}")
        try:
            options = RetrievalOptions.model_validate(config["options"])
            told = {Modality(m): (str(e["name"]), int(e["width"])) for m, e in config["encoders"].items()}
            trained = frozenset(map(str, config["trained_ids"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{folder.name}: {CONFIG} is not what this version writes; train again") from error
        encoders = _encoders(told, config.get("tabular"))
        for modality, (name, _) in told.items():
            if encoders[modality].name != name:
                raise ModelError(f"{folder.name} reads {modality} by {name!r}, here is {encoders[modality].name!r}; train again")
        model = AlignmentModel({m: width for m, (_, width) in told.items()}, options.shared, options.dropout)
        model.load_state_dict(read_fitting(folder, WEIGHTS, model.state_dict()))
        return RetrievalLearned(folder.name, model.eval(), options, encoders, trained)


def recalls(vectors: Mapping[Modality, FloatArray], groups: tuple[str, ...]) -> dict[str, Estimate]:
    """Recall at each rank for every ordered pair of modalities, over the rows that have both.

    Rows whose asked content is the very same vector (a text that occurs twice) are all right answers.
    """
    from core.alignment import directions, recall_at

    figures: dict[str, Estimate] = {}
    for asking, asked, both in directions(vectors):
        candidates = vectors[asked][both]
        relevant = np.asarray(np.isclose(candidates @ candidates.T, 1.0, atol=1e-6) | np.eye(len(both), dtype=bool), np.float32)
        hits = recall_at(vectors[asking][both] @ candidates.T, relevant, RANKS)
        names = [groups[i] for i in both]
        for rank in RANKS:
            column = hits[rank][:, None]
            figures[f"{asking}_to_{asked}_recall_at_{rank}"] = bootstrap(_mean, column, column, names)
        chance = float(relevant.sum(1).mean() / len(both))
        figures[f"{asking}_to_{asked}_chance_at_1"] = Estimate(chance, chance, chance)
    return figures


def _mean(hits: FloatArray, _targets: FloatArray) -> float:
    return float(hits.mean())


def _tabular_state(encoders: Mapping[Modality, Any]) -> dict[str, Any] | None:
    encoder = encoders.get(Modality.TABULAR)
    state: dict[str, Any] | None = None if encoder is None else encoder.state.to_json()
    return state


def _encoders(told: Mapping[Modality, tuple[str, int]], tabular: Any) -> dict[Modality, Any]:
    """The packaged encoders of these modalities, numbers as they were fitted in training."""
    from core.encoders.tabular import TabularState
    from core.table.defaults import encoders_of

    return dict(encoders_of(tuple(told), None if tabular is None else TabularState.from_json(tabular)))


def _card(train: Table, held: int, options: RetrievalOptions, figures: Mapping[str, float]) -> str:
    shown = "\n".join(f"| {name} | {value:.4g} |" for name, value in figures.items())
    return f"""# retrieval

Towers into a shared space of {options.shared} numbers over frozen encoders, trained on {len(train)} rows of {train.name};
{held} rows of other groups chose the epoch, so these figures flatter:

| figure on validation | value |
| --- | --- |
{shown}

Similarities are cosines, not probabilities.
"""


LEARNER = Retrieval()
