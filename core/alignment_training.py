"""Train the towers of an alignment on pairs, and keep the epoch that finds partners best on validation rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from transformers import set_seed

from core.alignment import AlignmentModel, MemoryQueue, Pooled, contrastive_loss, directions, embed, pooled, recall_at
from core.alignment_options import AlignmentOptions
from core.errors import InputError
from core.featuresets import FeatureSet
from core.samples import Modality


def align(
    train: FeatureSet, validation: FeatureSet, schedule: AlignmentOptions, say: Callable[[str], None]
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
    first = {m: next((row for row in rows if row is not None), None) for m, rows in train.rows.items()}
    widths = {m: row.width for m, row in first.items() if row is not None and row.width}
    seen = pooled(train.rows, widths)
    if len(widths) < 2 or not bool((torch.stack(list(seen.present.values())).sum(0) > 1).any()):
        raise InputError("no row has two modalities to pair; give rows with, say, a text and a picture")
    held = pooled(validation.rows, widths)
    model = AlignmentModel(widths, schedule.shared, schedule.dropout)
    for m in widths:
        model.towers[m.value].fit(seen.means[m][seen.present[m], 0])  # type: ignore[operator]
    owners = _owners(train)
    optimizer = torch.optim.AdamW(model.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay)
    steps = schedule.epochs * -(-len(train) // schedule.batch)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    rng = np.random.default_rng(schedule.seed)
    best, best_state, best_figures, waited = -1.0, {k: v.clone() for k, v in model.state_dict().items()}, dict[str, float](), 0
    for epoch in range(1, schedule.epochs + 1):
        model.train()
        queue, total = MemoryQueue(schedule.queue), 0.0
        order = rng.permutation(len(train))
        for start in range(0, len(order), schedule.batch):
            rows = torch.tensor(order[start : start + schedule.batch])
            here = {m: seen.present[m][rows] for m in widths}
            made = model({m: (seen.means[m][rows], here[m][:, None]) for m in widths})
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
        figures = recall_of(model, held)
        score = float(np.mean([v for k, v in figures.items() if k.endswith("_5")])) if figures else -total
        say(f"epoch {epoch} of {schedule.epochs}: loss {total / len(order):.3f}, validation recall at 5 {max(score, 0):.3f}")
        waited += 1
        if score > best or epoch == 1:
            best, best_figures, waited = score, figures, 0
            best_state = {k: v.clone() for k, v in model.state_dict().items()}
        if waited >= schedule.patience:
            break
    model.load_state_dict(best_state)
    return model.eval(), best_figures


def recall_of(model: AlignmentModel, rows: Pooled) -> dict[str, float]:
    """Recall at 1, 5 and 10 for every ordered pair of modalities, among these rows."""
    vectors = embed(model, rows)
    figures: dict[str, float] = {}
    for asking, asked, both in directions(vectors):
        hits = recall_at(vectors[asking][both] @ vectors[asked][both].T, np.eye(len(both), dtype=np.float32))
        figures |= {f"{asking}_to_{asked}_recall_at_{k}": float(hit.mean()) for k, hit in hits.items()}
    return figures


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
