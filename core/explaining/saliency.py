"""Saliency: how much each word, patch and moment moved an answer, by integrated gradients (Sundararajan et al., 2017; captum).

Attributions sum to the difference between the answer's score and that of a baseline: words masked, tokens the average of
training. What they do not sum to is told as the gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from core.explaining.entry import Entry, entries_of, logits_at
from core.featuresets import FeatureSet
from core.fusion import FusionModel
from core.samples import FloatArray, Modality

STEPS = 48
STEPS_AT_ONCE = 16
FINER = 4  # times the steps where the gap is too wide
WIDEST_GAP = 0.02  # of the difference


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an input and what it added to the score.

    Attributes:
        name: the word, `patch 12`, or the moment.
        value: added to the score; negative where it spoke against the answer.
    """

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Saliency:
    """What one row's answer rests on.

    Attributes:
        output: index of the logit that is explained.
        score, baseline: that logit with everything, and with the baseline.
        words: by modality, the words of its sentences.
        tokens: by modality, `[tokens]`: one number an encoder token.
        steps: of the integration.
    """

    output: int
    score: float
    baseline: float
    words: dict[Modality, tuple[Part, ...]]
    tokens: dict[Modality, FloatArray]
    steps: int

    @property
    def total(self) -> float:
        """Sum of all attributions."""
        return sum(p.value for parts in self.words.values() for p in parts) + float(sum(t.sum() for t in self.tokens.values()))

    @property
    def gap(self) -> float:
        """What the attributions lack of the difference between score and baseline, as a share of it."""
        return abs(self.total - (self.score - self.baseline)) / max(abs(self.score - self.baseline), 1e-6)


def saliency(model: FusionModel, row: FeatureSet, output: int | None = None, *, steps: int = STEPS) -> Saliency:
    """Attribute one logit of one row.

    Args:
        model: in evaluation mode.
        row: one sample.
        output: which logit; the highest if None.
        steps: of the integration; four times as many where the attributions do not sum up within 2 %.

    Raises:
        InputError: not one sample, or nothing in it.
    """
    entries = entries_of(model, row)
    grad_was = [p.requires_grad for p in model.parameters()]
    model.requires_grad_(False)
    try:
        with torch.no_grad():
            logits = logits_at(model, entries, [e.words for e in entries], [e.tokens for e in entries if e.tokens is not None])[0]
        chosen = int(logits.argmax()) if output is None else output
        found = _integrate(model, entries, chosen, steps)
        return found if found.gap <= WIDEST_GAP else _integrate(model, entries, chosen, steps * FINER)
    finally:
        for parameter, was in zip(model.parameters(), grad_was, strict=True):
            parameter.requires_grad_(was)


def _integrate(model: FusionModel, entries: list[Entry], output: int, steps: int) -> Saliency:
    with_tokens = [e for e in entries if e.tokens is not None]
    count = len(entries)

    def score(*vectors: Tensor) -> Tensor:
        return logits_at(model, entries, list(vectors[:count]), list(vectors[count:]))[:, output]

    inputs = (*(e.words for e in entries), *(e.tokens for e in with_tokens if e.tokens is not None))
    baselines = (*(e.words_baseline for e in entries), *(e.tokens_baseline for e in with_tokens if e.tokens_baseline is not None))
    found = IntegratedGradients(score, multiply_by_inputs=True).attribute(
        inputs, baselines=baselines, n_steps=steps, internal_batch_size=STEPS_AT_ONCE
    )
    with torch.no_grad():
        ends = [float(score(*vectors)[0]) for vectors in (inputs, baselines)]
    sums = [one.detach().sum(-1)[0].numpy() for one in found]
    words = {e.modality: merge_words(e, sums[i]) for i, e in enumerate(entries)}
    tokens = {e.modality: spread(e.runs, sums[count + i]) for i, e in enumerate(with_tokens)}
    return Saliency(output, ends[0], ends[1], words, tokens, steps)


def merge_words(entry: Entry, values: Sequence[float] | FloatArray) -> tuple[Part, ...]:
    """Word pieces to words: pieces that touch are one word, in writing without blanks each character run is one."""
    parts: list[Part] = []
    end_before = -1
    for (begin, end), value in zip(entry.spans, values, strict=True):
        is_name = end <= len(entry.modality.value) + 1
        piece = entry.text[begin:end]
        if is_name:
            continue
        touches = bool(parts) and begin == end_before and piece[:1].isalnum() and parts[-1].name[-1:].isalnum() and not _is_dense(piece)
        if touches:
            parts[-1] = replace(parts[-1], name=parts[-1].name + piece, value=parts[-1].value + float(value))
        else:
            parts.append(Part(piece, float(value)))
        end_before = end
    return tuple(parts)


def spread(runs: Sequence[Sequence[int]], values: FloatArray) -> FloatArray:
    """What a mean of tokens got, in equal shares to each of them."""
    made = np.zeros(1 + max(place for run in runs for place in run), np.float32)
    for run, value in zip(runs, values, strict=True):
        made[list(run)] = value / len(run)
    return made


def _is_dense(piece: str) -> bool:
    """Chinese, Japanese or Korean: no blanks between words."""
    return any("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7af" for c in piece)
