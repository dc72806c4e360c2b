"""What captioning and question answering share: a table encoded, a prefix model trained and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.errors import InputError
from core.learners.contract import Say
from core.table import Table


class GenerationOptions(BaseModel):
    """How a prefix model is built and trained.

    Attributes:
        backbone: a decoder: packaged name, hub id or folder.
        tuning: the decoder stays frozen, or gets LoRA adapters of `lora_rank`.
        max_tokens, max_words: of each modality that are read.
        max_answer: word pieces written at the most.
        epochs, batch, rate, dropout, modality_dropout, patience, seed: of training.
        minutes: training ends after this many; none for no limit.
        validation_fraction: of groups, where no validation rows are given; chooses the epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = "smollm2"
    tuning: Literal["frozen", "lora"] = "lora"
    lora_rank: int = Field(default=8, ge=1, le=256)
    max_tokens: int = Field(default=32, ge=1, le=256)
    max_words: int = Field(default=32, ge=1, le=256)
    max_answer: int = Field(default=32, ge=1, le=512)
    epochs: int = Field(default=3, ge=1, le=1000)
    batch: int = Field(default=16, ge=1, le=1024)
    rate: float = Field(default=1e-3, gt=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    modality_dropout: float = Field(default=0.1, ge=0, lt=1)
    patience: int = Field(default=2, ge=1)
    seed: int = Field(default=0, ge=0)
    minutes: float | None = Field(default=None, gt=0)
    validation_fraction: float = Field(default=0.1, gt=0, lt=1)


@dataclass(frozen=True, slots=True)
class Written:
    """A trained prefix model, not yet in its folder.

    Attributes:
        model: in evaluation mode.
        encoders: that its features come from.
        score: mean validation log-likelihood a piece.
        card: Markdown.
        about: options and ids of training, for `config.json`.
    """

    model: Any
    encoders: Mapping[Any, Any]
    score: float
    card: str
    about: Mapping[str, Any]

    def save(self, out: Path, learner: str, **about: Any) -> None:
        """Write the folder, with what else the task keeps."""
        from core.generation.folder import save_prefix

        save_prefix(out, learner, self.model, self.encoders, {**self.about, **about}, self.card)


def fit_prefix(
    learner: str,
    sides: tuple[Table, Table],
    questions: tuple[Sequence[str], Sequence[str]],
    answers: tuple[Sequence[str], Sequence[str]],
    options: GenerationOptions,
    say: Say,
    *,
    hidden: float = 0.0,
) -> Written:
    """Encode and train.

    Args:
        learner: the task.
        sides: training and validation rows.
        questions, answers: of each side, one a row.
        options: of the task.
        say: told how far it has come.
        hidden: share of the rows with everything hidden, answered 'not stated'.

    Raises:
        InputError: the table has nothing that can be read.
    """
    from core.fusion import ModalityInput
    from core.generation.model import PrefixConfig
    from core.generation.training import Asked, Schedule, train_prefix
    from core.table.defaults import default_encoders
    from core.table.encoding import encode_table

    train, validation = sides
    if not train.modalities:
        raise InputError(f"{train.name}: there is nothing to read beside the answers; the columns are: {train.columns_in_words}")
    encoders = default_encoders(train)
    encoded = [encode_table(side, label=None, encoders=encoders, say=say) for side in sides if len(side)]
    train_set = encoded[0]
    checked = encoded[1] if len(encoded) > 1 else train_set.select([])
    inputs = {
        m: ModalityInput(encoder=e.name, width=e.width, max_tokens=options.max_tokens, max_words=max(options.max_words, 4))
        for m, e in encoders.items()
        if m in train_set.modalities
    }
    config = PrefixConfig(
        inputs=inputs,
        backbone=options.backbone,
        tuning=options.tuning,
        lora_rank=options.lora_rank,
        dropout=options.dropout,
        modality_dropout=options.modality_dropout,
        max_answer=options.max_answer,
    )
    schedule = Schedule(options.epochs, options.batch, options.rate, options.patience, options.seed, hidden, options.minutes)
    sets = [Asked(s, tuple(q), tuple(a)) for s, q, a in zip((train_set, checked), questions, answers, strict=True)]
    model, score = train_prefix(config, sets[0], sets[1], schedule, say)
    told = {"options": options.model_dump(mode="json"), "trained_ids": [*train.ids, *validation.ids]}
    card = f"""# {learner}

A decoder (`{options.backbone}`, {options.tuning}) that reads {", ".join(inputs)} and writes. Trained on {len(train)} rows of {train.name};
{len(validation)} rows of other groups chose the epoch. Mean validation log-likelihood a word piece: {score:.3f}.

What it writes is generated text: it can be wrong, and nothing in it is a probability.
"""
    return Written(model, {m: encoders[m] for m in inputs}, score, card, told)


def answers_of(model: Any, encoders: Mapping[Any, Any], table: Table, questions: Sequence[str]) -> list[str]:
    """What a prefix model writes for each row."""
    import torch

    from core.generation.training import chunks
    from core.table.encoding import encode_table
    from core.table.progress import silent

    samples = encode_table(table, label=None, encoders=encoders, say=silent)
    written: list[str] = []
    for rows in chunks(len(samples)):
        features, present = samples.batch(rows, tuple(model.settings.inputs))
        written += model.generate(features, torch.tensor(present), [questions[i] for i in rows])
    return written


def texts(table: Table, column: str) -> tuple[str | None, ...]:
    """A column as words; lists and numbers in words too, gaps as None."""
    return tuple(
        None if value is None else ", ".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in table.values(column)
    )
