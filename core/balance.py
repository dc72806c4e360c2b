"""Gradient balance: a modality that learns faster than the rest is held back, so that it does not drown them.

On-the-fly gradient modulation (Peng et al., CVPR 2022): with s_k the mean probability that head k gives to the truth in a batch,
and rho_k its ratio to the mean of the others, the gradients of modality k's projector are multiplied by 1 - tanh(strength *
rho_k) where rho_k is above 1, and left alone otherwise.
"""

from __future__ import annotations

import torch
from torch import Tensor

STRENGTH = 0.3
LEAST = 0.05  # no modality is stopped altogether
AHEAD = 1 + 1e-5  # of a ratio: equal scores round to a little more than 1


def modulation(scores: Tensor, seen: Tensor, strength: float = STRENGTH) -> Tensor:
    """What each modality's gradients are multiplied by.

    Args:
        scores: `[modalities]`, how well each does alone, above zero.
        seen: `[modalities]`, False where no row of the batch had it.
        strength: of holding back.

    Returns:
        `[modalities]`, in (0, 1]; 1 where the modality is not ahead of the others, or is alone.
    """
    count = seen.sum()
    if count < 2:
        return torch.ones_like(scores)
    known = scores * seen
    others = (known.sum() - known) / (count - seen.to(known.dtype)).clamp(min=1)
    ratio = known / others.clamp(min=1e-6)
    return torch.where(seen & (ratio > AHEAD), (1 - torch.tanh(strength * ratio)).clamp(min=LEAST), torch.ones_like(scores))


@torch.no_grad()
def scores_of(losses: Tensor, present: Tensor) -> Tensor:
    """How well each head does in a batch: the mean likelihood exp(-loss) over the rows that have its modality.

    Args:
        losses: `[batch, modalities]`, unweighted loss of each head.
        present: `[batch, modalities]`.
    """
    here = present.to(losses.dtype)
    return (torch.exp(-losses) * here).sum(0) / here.sum(0).clamp(min=1)
