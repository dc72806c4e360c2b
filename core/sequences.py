"""From one segment a modality to one sequence a row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Segment:
    """One modality's part of the sequences of a batch.

    Attributes:
        embeds: `[batch, length, width]`.
        mask: `[batch, length]`, True = real.
        pooled: `[batch, width]`, z_k: from this modality alone.
    """

    embeds: Tensor
    mask: Tensor
    pooled: Tensor


def assemble(
    opening: Tensor, segments: list[Segment], missing: Tensor, closing: Tensor, present: Tensor, *, pad_left: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Put everything into one sequence a row: the only place where embeddings, mask and positions are made.

    Padding inside and between segments is squeezed out, so a row's sequence does not depend on the rows beside it.

    Args:
        opening: `[o, width]`, special tokens that begin a sequence.
        segments: one a modality.
        missing: `[modalities, width]`, what stands in for each.
        closing: `[c, width]`, special tokens that end it.
        present: `[batch, modalities]`; the segment of an absent modality is replaced by its missing token.
        pad_left: padding before the sequence (decoders) and not after it.

    Returns:
        Embeddings `[batch, length, width]`, mask `[batch, length]`, and positions `[batch, length]` if padded left, else None:
        a sequence that begins at the first place is counted by the backbone itself.
    """
    batch, width = len(present), missing.shape[1]
    whole = torch.ones(batch, 1, dtype=torch.bool, device=present.device)
    embeds = [opening.expand(batch, -1, width)]
    masks = [whole.expand(batch, len(opening))]
    for index, segment in enumerate(segments):
        is_here = present[:, index : index + 1]  # [batch, 1]
        embeds += [missing[index].expand(batch, 1, width), segment.embeds]
        masks += [~is_here, segment.mask & is_here]
    joined = torch.cat([*embeds, closing.expand(batch, -1, width)], dim=1)  # [batch, all, width]
    mask = torch.cat([*masks, whole.expand(batch, len(closing))], dim=1)  # [batch, all]

    length = int(mask.sum(1).max())
    order = torch.argsort(mask.int(), dim=1, descending=not pad_left, stable=True)
    order = order[:, -length:] if pad_left else order[:, :length]  # [batch, length]
    joined = joined.gather(1, order[..., None].expand(-1, -1, width))
    mask = mask.gather(1, order)
    joined = joined * mask[..., None]  # nothing unreal can reach a sum
    positions = (mask.cumsum(1) - 1).clamp(min=0) if pad_left else None
    return joined, mask, positions


def drop_modalities(present: Tensor, chance: float) -> Tensor:
    """Leave out present modalities at random, never all of a row.

    Args:
        present: `[batch, modalities]`.
        chance: of each present modality to be left out.

    Returns:
        `[batch, modalities]`; a row that had a modality still has one.
    """
    draw = torch.rand(present.shape, device=present.device)
    kept = present & (draw >= chance)
    luckiest = torch.zeros_like(present).scatter(1, draw.masked_fill(~present, -1.0).argmax(1, keepdim=True), value=True)
    return torch.where(kept.any(1, keepdim=True), kept, luckiest & present)
