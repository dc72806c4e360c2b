"""Train a token tagger: the tags of windows of words, from sentences whose tags are known."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from core.backbones import Backbone
from core.tokens.pieces import cut
from core.tokens.tagger import Shape, TokenTagger
from core.tokens.tagging import OVERLAP_PIECES, WINDOW_PIECES, Sentence, as_batch, batches, tag
from core.tokens.tags import TagSet, strict_f1

GRADIENT_NORM = 1.0
WARM_UP_SHARE = 0.1
LORA_RANK = 8
Tuning = Literal["frozen", "lora", "full"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a tagger is trained.

    Attributes:
        epochs: at the most.
        batch: windows a step.
        rate: of the backbone; head_rate: of everything new.
        patience: epochs without a better strict F1 on validation after which training ends.
        seed: of everything random.
    """

    epochs: int = 8
    batch: int = 16
    rate: float = 1e-4
    head_rate: float = 1e-3
    patience: int = 3
    seed: int = 0


def train_tagger(
    backbone: Backbone,
    train: Sequence[Sentence],
    validation: Sequence[Sentence],
    tags: TagSet,
    shape: Shape,
    schedule: Schedule,
    *,
    tuning: Tuning = "full",
    say: Callable[[str], None] = print,
) -> tuple[TokenTagger, float]:
    """The tagger of the best epoch, and its strict F1 on validation (of the training rows where there are none)."""
    torch.manual_seed(schedule.seed)
    rng = np.random.default_rng(schedule.seed)
    tune(backbone, tuning)
    tagger = TokenTagger(backbone, tags, shape)
    known = {id(p) for p in backbone.parameters()}
    groups = [
        {"params": [p for p in backbone.parameters() if p.requires_grad], "lr": schedule.rate},
        {"params": [p for p in tagger.parameters() if id(p) not in known and p.requires_grad], "lr": schedule.head_rate},
    ]
    optimiser = torch.optim.AdamW([g for g in groups if g["params"]], weight_decay=1e-2)
    windows = [(s, w) for s in train for w in cut(s.words, backbone.tokenizer, WINDOW_PIECES, OVERLAP_PIECES).windows]
    total = max(schedule.epochs * -(-len(windows) // schedule.batch), 1)
    warm = max(round(WARM_UP_SHARE * total), 1)
    fall = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: min((k + 1) / warm, max((total - k) / max(total - warm, 1), 0.0)))
    best, best_state, waited = -1.0, copy.deepcopy(tagger.state_dict()), 0
    checked = validation or train
    for epoch in range(schedule.epochs):
        tagger.train()
        losses = []
        for chosen in batches([w for _, w in windows], schedule.batch, rng):
            rows = [windows[i] for i in chosen]
            batch = as_batch(tagger, rows)
            targets = torch.zeros(batch.words.shape, dtype=torch.long)
            for row, (sentence, window) in enumerate(rows):
                codes = tags.codes(sentence.tags[window.first : window.first + len(window.pieces)])
                targets[row, : len(codes)] = torch.tensor(codes)
            loss = tagger.loss(batch, targets)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(tagger.parameters(), GRADIENT_NORM)
            optimiser.step()
            fall.step()
            losses.append(float(loss.detach()))
        score = strict_f1([s.tags for s in checked], tag(tagger, checked))
        say(f"epoch {epoch + 1} of {schedule.epochs}: loss {np.mean(losses):.3f}, strict F1 {score:.3f}")
        if score > best:
            best, best_state, waited = score, copy.deepcopy(tagger.state_dict()), 0
        elif (waited := waited + 1) >= schedule.patience:
            break
    tagger.load_state_dict(best_state)
    return tagger.eval(), best


def tune(backbone: Backbone, tuning: Tuning) -> None:
    """Say what of the backbone trains: nothing, adapters of low rank (Hu et al., 2021), or all."""
    backbone.requires_grad_(tuning == "full")
    if tuning == "lora":
        from peft import LoraConfig, inject_adapter_in_model

        inject_adapter_in_model(LoraConfig(r=LORA_RANK, lora_alpha=2 * LORA_RANK, target_modules="all-linear"), backbone.module)
