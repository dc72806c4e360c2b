"""Train a prefix model on answers, keep the epoch with the best validation likelihood."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import get_cosine_schedule_with_warmup, set_seed

from core.errors import InputError
from core.featuresets import FeatureSet
from core.fusion import trained_state
from core.generation.decoder import load_decoder
from core.generation.model import PrefixConfig, PrefixModel

NOT_STATED = "not stated"
SCORED_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """Encoded rows with what is asked of each, and the answers where they are known.

    Attributes:
        samples: the features.
        questions, answers: one a row.
    """

    samples: FeatureSet
    questions: tuple[str, ...]
    answers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.samples)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How to train.

    Attributes:
        epochs, batch, rate, patience, seed: as usual; `rate` is of projectors, adapters take a third of it.
        hidden: share of the rows whose every modality is hidden in training and whose answer is then 'not stated'.
        minutes: training ends after this many, at the end of an epoch's step; None for no limit.
    """

    epochs: int
    batch: int
    rate: float
    patience: int
    seed: int
    hidden: float = 0.0
    minutes: float | None = None


def train_prefix(
    config: PrefixConfig, train: Asked, validation: Asked, schedule: Schedule, say: Callable[[str], None]
) -> tuple[PrefixModel, float]:
    """Train.

    Returns:
        The model of the best epoch, in evaluation mode, and its mean validation log-likelihood a piece (of training rows if
        there are no validation rows).

    Raises:
        InputError: no rows.
        ModelError: the decoder is not here.
    """
    if not len(train):
        raise InputError("there are no rows to learn from")
    set_seed(schedule.seed)
    decoder = load_decoder(config.backbone, tuning=config.tuning, rank=config.lora_rank, dropout=config.dropout)
    model = PrefixModel(config, decoder)
    for modality in config.inputs:
        rows = [row for row in train.samples.rows.get(modality, ()) if row is not None]
        if rows and modality.value in model.projectors:
            model.projectors[modality.value].fit(torch.tensor(np.concatenate([row.tokens[row.mask] for row in rows])))  # type: ignore[operator]
    own = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("language.")]
    adapters = [p for name, p in model.named_parameters() if p.requires_grad and name.startswith("language.")]
    optimizer = torch.optim.AdamW([{"params": own, "lr": schedule.rate}, {"params": adapters, "lr": schedule.rate / 3}], weight_decay=0.01)
    steps = schedule.epochs * -(-len(train) // schedule.batch)
    rates = get_cosine_schedule_with_warmup(optimizer, max(steps // 20, 1), steps)
    rng = np.random.default_rng(schedule.seed)
    best, state, waited, begun, done = -np.inf, trained_state(model), 0, time.monotonic(), 0
    is_over = False
    for epoch in range(1, schedule.epochs + 1):
        model.train()
        order = rng.permutation(len(train)).tolist()
        for start in range(0, len(order), schedule.batch):
            batch = order[start : start + schedule.batch]
            is_hidden = rng.random(len(batch)) < schedule.hidden
            features, present = train.samples.batch(batch, tuple(config.inputs))
            seen = torch.tensor(present) & ~torch.tensor(is_hidden)[:, None]
            answers = [NOT_STATED if hide else train.answers[i] for i, hide in zip(batch, is_hidden, strict=True)]
            loss = -model(model.prompts(features, seen, [train.questions[i] for i in batch], answers)).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*own, *adapters], 1.0)
            optimizer.step()
            rates.step()
            done += 1
            if schedule.minutes is not None and time.monotonic() - begun > 60 * schedule.minutes:
                is_over = True
                break
        score = likelihood(model, validation if len(validation) else train)
        left_s = (time.monotonic() - begun) / done * (steps - done)
        say(f"epoch {epoch} of {schedule.epochs}: validation log-likelihood a piece {score:.3f}, at most {left_s / 60:.1f} min left")
        waited += 1
        if score > best:
            best, state, waited = score, {k: v.clone() for k, v in trained_state(model).items()}, 0
        if waited > schedule.patience or is_over:
            break
    model.load_state_dict(state, strict=False)
    return model.eval(), float(best)


@torch.inference_mode()
def likelihood(model: PrefixModel, asked: Asked) -> float:
    """Mean log-likelihood a piece of the true answers."""
    was_training = model.training
    model.eval()
    total = 0.0
    for rows in chunks(len(asked)):
        features, present = asked.samples.batch(rows, tuple(model.settings.inputs))
        told = model.prompts(features, torch.tensor(present), [asked.questions[i] for i in rows], [asked.answers[i] for i in rows])
        total += float(model(told).sum())
    model.train(was_training)
    return total / max(len(asked), 1)


def chunks(rows: int, size: int = SCORED_AT_ONCE) -> Sequence[list[int]]:
    """Row numbers in batches."""
    return [list(range(start, min(start + size, rows))) for start in range(0, rows, size)]
