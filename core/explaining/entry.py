"""The fusion model cut open where its tokens and words enter, so that gradients can be taken there.

A row enters as one vector a word piece and one vector an encoder token. Tokens enter after the projector (after the first map
of a resampler): before it stands a LayerNorm, which no path from a baseline crosses evenly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.errors import InputError
from core.features import Features
from core.featuresets import FeatureSet
from core.fusion import FusionModel
from core.projectors import Projector, masked_mean, pool_runs
from core.resampler import READ_TOKENS, Resampler
from core.samples import Modality
from core.sequences import Segment


@dataclass(frozen=True, slots=True)
class Entry:
    """One modality of one row, where it enters.

    Attributes:
        modality: which.
        text: what its word pieces spell, the modality's own name first.
        words: `[1, pieces, width]`, embeddings of the pieces.
        words_baseline: of the same shape: the name's pieces as they are, the rest as the tokenizer's mask or padding.
        tokens: `[1, kept, inner width]`, projected tokens; None where it brings sentences only.
        tokens_baseline: of the same shape: what an average token of the training rows becomes.
        times: `[1, kept]`.
        runs: for each kept token, the encoder tokens that it is the mean of.
        spans: for each piece, its first and last character in `text`.
    """

    modality: Modality
    text: str
    words: Tensor
    words_baseline: Tensor
    tokens: Tensor | None
    tokens_baseline: Tensor | None
    times: Tensor | None
    runs: tuple[tuple[int, ...], ...]
    spans: tuple[tuple[int, int], ...]


def entries_of(model: FusionModel, row: FeatureSet) -> list[Entry]:
    """The modalities that a row has, in the model's order.

    Args:
        model: in evaluation mode.
        row: one sample.

    Raises:
        InputError: not one sample, or it has nothing that the model reads.
    """
    if len(row) != 1:
        raise InputError(f"one sample is explained at a time, not {len(row)}")
    found = [(m, row.rows[m][0]) for m in model.settings.modalities if m in row.rows]
    entries = [
        _entry(model, m, given) for m, given in found if given is not None and (given.mask.any() or "".join(given.sentences[0]).strip())
    ]
    if not entries:
        raise InputError(f"sample {row.ids[0]!r} has nothing that this model reads, so there is nothing to explain")
    return entries


def logits_at(model: FusionModel, entries: list[Entry], words: list[Tensor], tokens: list[Tensor]) -> Tensor:
    """Joint logits `[batch, outputs]` with other vectors at the entries.

    Args:
        model: in evaluation mode.
        entries: of the row.
        words: for each entry, `[batch, pieces, width]`.
        tokens: for each entry that has tokens, `[batch, kept, inner width]`.
    """
    batch, waiting = words[0].shape[0], iter(tokens)
    by_modality = {}
    for entry, given in zip(entries, words, strict=True):
        by_modality[entry.modality] = _segment(model, entry, given, next(waiting) if entry.tokens is not None else None)
    width = model.backbone.width
    empty = Segment(torch.zeros(batch, 0, width), torch.zeros(batch, 0, dtype=torch.bool), torch.zeros(batch, width))
    segments = [by_modality.get(m, empty) for m in model.settings.modalities]
    present = torch.tensor([[m in by_modality for m in model.settings.modalities]]).expand(batch, -1)
    logits: Tensor = model.join(segments, present).logits
    return logits


def _entry(model: FusionModel, modality: Modality, given: Features) -> Entry:
    settings = model.settings.inputs[modality]
    text = f"{modality.value}: {' '.join(given.sentences[0])}"
    made = model.backbone.tokenizer(
        text, add_special_tokens=False, truncation=True, max_length=settings.max_words, return_offsets_mapping=True
    )
    ids = torch.tensor([made["input_ids"]], dtype=torch.long)
    spans = tuple((int(a), int(b)) for a, b in made["offset_mapping"])
    with torch.no_grad():
        words = model.backbone.embed(ids)
        is_name = torch.tensor([end <= len(modality.value) + 1 for _, end in spans])
        blank = model.backbone.embed(torch.tensor([_blank(model)]))[None].expand_as(words)
        words_baseline = torch.where(is_name[None, :, None], words, blank)
        if not settings.width or not given.mask.any():
            return Entry(modality, text, words, words_baseline, None, None, None, (), spans)
        tokens, mask = torch.tensor(given.tokens), torch.tensor(given.mask)
        projector = model.projectors[modality.value]
        most = READ_TOKENS if isinstance(projector, Resampler) else settings.max_tokens
        pooled, _, times = pool_runs(tokens, mask, most)
        enter = _enter(projector)
        average = projector.mean.expand_as(pooled) if isinstance(projector, Projector | Resampler) else torch.zeros_like(pooled)
        return Entry(modality, text, words, words_baseline, enter(pooled), enter(average), times, _runs(given, most), spans)


def _enter(projector: torch.nn.Module):  # type: ignore[no-untyped-def]
    if isinstance(projector, Resampler):
        return lambda tokens: projector.inward(projector.standardise(tokens))
    return projector


def _segment(model: FusionModel, entry: Entry, words: Tensor, tokens: Tensor | None) -> Segment:
    here = torch.ones(words.shape[:2], dtype=torch.bool)
    pooled = masked_mean(words, here)
    if tokens is None or entry.times is None:
        return Segment(words, here, pooled)
    projector, times = model.projectors[entry.modality.value], entry.times.expand(tokens.shape[0], -1)
    mask = torch.ones(tokens.shape[:2], dtype=torch.bool)
    if isinstance(projector, Resampler):
        made = projector.queries.expand(tokens.shape[0], -1, -1)
        read = tokens + projector.times(times)
        for layer in projector.layers:
            made = layer(made, read, mask)
        tokens = projector.output_norm(projector.outward(made)) * projector.gain
        mask, times = torch.ones(tokens.shape[:2], dtype=torch.bool), times.new_zeros(tokens.shape[:2])
    index = model.settings.modalities.index(entry.modality)
    placed = tokens + model.modality_embedding[index] + model.times(times)
    return Segment(torch.cat([words, placed], dim=1), torch.cat([here, mask], dim=1), pooled + masked_mean(tokens, mask))


def _runs(given: Features, most: int) -> tuple[tuple[int, ...], ...]:
    """Which encoder tokens each kept one is the mean of; as `core.projectors.pool_runs` cuts them."""
    real = [i for i, is_real in enumerate(given.mask[0]) if is_real]
    count = len(real)
    if count <= most:
        return tuple((i,) for i in real)
    runs: list[list[int]] = [[] for _ in range(most)]
    for rank, place in enumerate(real):
        runs[rank * most // count].append(place)
    return tuple(tuple(run) for run in runs)


def _blank(model: FusionModel) -> int:
    tokenizer = model.backbone.tokenizer
    for name in ("mask_token_id", "pad_token_id", "unk_token_id", "eos_token_id"):
        found = getattr(tokenizer, name, None)
        if found is not None:
            return int(found)
    return 0
