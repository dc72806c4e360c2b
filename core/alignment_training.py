"""Train the towers of an alignment on pairs, and keep the epoch that finds partners best on validation rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import set_seed

from core.alignment import AlignmentModel, MemoryQueue, contrastive_loss, embed, recall_at
from core.errors import InputError
from core.featuresets import FeatureSet
from core.samples import FloatArray, Modality


class Schedule(Protocol):
    """What training is told; see `core.learners.retrieval.RetrievalOptions`."""

    @property
    def shared(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def dropout(self) -> float: ...
    @property
    def patience(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def queue(self) -> int: ...
    @property
    def hardness(self) -> float: ...
    @property
    def smoothing(self) -> float: ...


def align(
    train: FeatureSet, validation: FeatureSet, schedule: Schedule, say: Callable[[str], None]
) -> tuple[AlignmentModel, dict[str, float]]:
    """Train.

    Args:
        train: encoded rows, at least one with two modalities that have tokens.
        validation: rows that choose the epoch.
        schedule: sizes, rates, epochs, seed.
        say: told the figures of each epoch.

    Returns:
        The model of the best epoch, in evaluation mode, and its figures on validation.

    Raises:
        InputError: no two modalities ever occur together.
    """
    set_seed(schedule.seed)
    widths = {
        m: next(row.width for row in rows if row is not None) for m, rows in train.rows.items() if any(row is not None for row in rows)
    }
    widths = {m: width for m, width in widths.items() if width}
    present = {m: torch.tensor([row is not None and bool(row.mask.any()) for row in train.rows[m]]) for m in widths}
    paired = sum(present[m].int() for m in widths) >= 2 if widths else torch.zeros(0)
    if len(widths) < 2 or not bool(torch.as_tensor(paired).any()):
        raise InputError("no row has two modalities to pair; give rows with, say, a text and a picture")
    model = AlignmentModel(widths, schedule.shared, schedule.dropout)
    pooled = {m: _pooled(train, m, width) for m, width in widths.items()}  # [rows, 1, width]: towers read the mean alone
    for m in widths:
        model.towers[m.value].fit(pooled[m][present[m], 0])  # type: ignore[operator]
    owners = _owners(train)
    optimizer = torch.optim.AdamW(model.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay)
    steps = schedule.epochs * -(-len(train) // schedule.batch)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    rng = np.random.default_rng(schedule.seed)
    best, best_state, waited = -1.0, {k: v.clone() for k, v in model.state_dict().items()}, 0
    for epoch in range(1, schedule.epochs + 1):
        model.train()
        queue, total = MemoryQueue(schedule.queue), 0.0
        order = rng.permutation(len(train))
        for start in range(0, len(order), schedule.batch):
            rows = torch.tensor(order[start : start + schedule.batch])
            here = {m: present[m][rows] for m in widths}
            made = model({m: (pooled[m][rows], here[m][:, None]) for m in widths})
            loss = contrastive_loss(
                made, here, owners[rows], model.scale, queue=queue, hardness=schedule.hardness, smoothing=schedule.smoothing
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            rates.step()
            queue.push(made, here, owners[rows])
            total += float(loss.detach()) * len(rows)
        model.eval()
        figures = recall_of(model, validation)
        score = float(np.mean([v for k, v in figures.items() if k.endswith("_5")])) if figures else -total
        say(f"epoch {epoch} of {schedule.epochs}: loss {total / len(order):.3f}, validation recall at 5 {max(score, 0):.3f}")
        waited += 1
        if score > best or epoch == 1:
            best, waited = score, 0
            best_state = {k: v.clone() for k, v in model.state_dict().items()}
        if waited >= schedule.patience:
            break
    model.load_state_dict(best_state)
    return model.eval(), recall_of(model, validation)


def recall_of(model: AlignmentModel, samples: FeatureSet) -> dict[str, float]:
    """Recall at 1, 5 and 10 for every ordered pair of modalities, among these samples."""
    vectors: Mapping[Modality, FloatArray] = embed(model, {m: samples.rows[m] for m in model.modalities if m in samples.rows})
    figures: dict[str, float] = {}
    for asking, asked in [(a, b) for a in vectors for b in vectors if a is not b]:
        both = np.flatnonzero(vectors[asking].any(1) & vectors[asked].any(1))
        if len(both) > 1:
            hits = recall_at(vectors[asking][both] @ vectors[asked][both].T, np.eye(len(both), dtype=np.float32))
            figures |= {f"{asking}_to_{asked}_recall_at_{k}": float(hit.mean()) for k, hit in hits.items()}
    return figures


def _pooled(samples: FeatureSet, modality: Modality, width: int) -> Tensor:
    """Mean token of each row, `[rows, 1, width]`; zeros where it has none."""
    made = np.zeros((len(samples), 1, width), np.float32)
    for index, row in enumerate(samples.rows[modality]):
        if row is not None and row.mask.any():
            made[index, 0] = row.tokens[row.mask].mean(0)
    return torch.from_numpy(made)


def _owners(samples: FeatureSet) -> Tensor:
    """A number a row; rows with the very same sentences of a modality share it, for they are no negatives of each other."""
    numbers: dict[bytes, int] = {}
    owners = []
    for index in range(len(samples)):
        texts = samples.rows.get(Modality.TEXT)
        row = None if texts is None else texts[index]
        mark = repr(samples.ids[index]) if row is None else repr(row.sentences)
        owners.append(numbers.setdefault(hashlib.sha256(mark.encode()).digest(), len(numbers)))
    return torch.tensor(owners)
