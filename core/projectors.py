"""From an encoder's tokens to the backbone's embedding space: bounding, normalising, projecting, timing."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

NARROW_WIDTH = 32  # below this, LayerNorm over so few numbers would throw away how large they are
TIME_FREQUENCIES = 8


def pool_runs(tokens: Tensor, mask: Tensor, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Move real tokens to the front, and average neighbours where there are more than `most`.

    A run of n > most tokens is cut into `most` stretches of (nearly) equal length; each becomes the mean of its tokens.

    Args:
        tokens: `[batch, time, width]`.
        mask: `[batch, time]`, True = real.
        most: tokens a row at the most.

    Returns:
        Tokens `[batch, kept, width]`, mask `[batch, kept]` and relative times `[batch, kept]` in 0 to 1 from the first real
        token to the last; `kept` is the longest row's length.
    """
    batch, _, width = tokens.shape
    counts = mask.sum(1, keepdim=True)  # [batch, 1]
    kept = int(counts.clamp(max=most).max()) if batch else 0
    rank = mask.cumsum(1) - 1  # [batch, time], n-th real token
    bins = torch.where(counts > most, rank * most // counts.clamp(min=1), rank)  # [batch, time]
    bins = torch.where(mask, bins, kept)  # padding goes to a bin that is cut off
    times = rank / (counts - 1).clamp(min=1)  # [batch, time]
    sums = tokens.new_zeros(batch, kept + 1, width).scatter_add(1, bins[..., None].expand_as(tokens), tokens)[:, :kept]
    time_sums = tokens.new_zeros(batch, kept + 1).scatter_add(1, bins, times.to(tokens.dtype))[:, :kept]
    sizes = tokens.new_zeros(batch, kept + 1).scatter_add(1, bins, mask.to(tokens.dtype))[:, :kept]
    divisor = sizes.clamp(min=1)
    return sums / divisor[..., None], sizes > 0, time_sums / divisor


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `[batch, length, width]` over the real positions of `[batch, length]`; zeros for a row without any."""
    weight = mask.to(values.dtype)[..., None]  # [batch, length, 1]
    return (values * weight).sum(1) / weight.sum(1).clamp(min=1)  # [batch, width]


class TimeEmbedding(nn.Module):
    """Relative time, 0 to 1, as sines and cosines that a linear map takes into the embedding space.

    The map begins at zero: time means nothing until it is learned.
    """

    frequencies: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", math.pi * 2.0 ** torch.arange(TIME_FREQUENCIES), persistent=False)
        self.linear = nn.Linear(2 * TIME_FREQUENCIES, width, bias=False)
        nn.init.zeros_(self.linear.weight)

    def forward(self, times: Tensor) -> Tensor:
        """`[batch, time]` to `[batch, time, width]`."""
        angles = times[..., None] * self.frequencies  # [batch, time, frequencies]
        embedded: Tensor = self.linear(torch.cat([angles.sin(), angles.cos()], dim=-1))
        return embedded


class Standardised(nn.Module):
    """Tokens standardised by the mean and spread of the training tokens (`fit`), which are kept with the weights.

    Attributes:
        mean, spread: `[width]`, of the training tokens.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))

    @torch.no_grad()
    def fit(self, tokens: Tensor) -> None:
        """Take mean and spread from `[tokens, width]`; with fewer than two tokens nothing changes."""
        if len(tokens) < 2:
            return
        self.mean.copy_(tokens.mean(0))
        spread = tokens.std(0)
        self.spread.copy_(torch.where(spread > 1e-6, spread, torch.ones_like(spread)))

    def standardise(self, tokens: Tensor) -> Tensor:
        """`[batch, time, width]` to the same shape."""
        return (tokens - self.mean) / self.spread


class Projector(Standardised):
    """LayerNorm, then a two-layer perceptron or one linear map, ending at the size of the backbone's word embeddings.

    Attributes:
        gain: `[]`, root mean square of an output; begins at that of the word embeddings.
    """

    def __init__(self, width: int, embedding_width: int, gain: float, dropout: float, *, is_linear: bool = False) -> None:
        super().__init__(width)
        self.norm: nn.Module = nn.LayerNorm(width) if width >= NARROW_WIDTH else nn.Identity()
        outward = nn.Linear(width if is_linear else embedding_width, embedding_width)
        hidden = [] if is_linear else [nn.Linear(width, embedding_width), nn.GELU()]
        self.layers = nn.Sequential(*hidden, nn.Dropout(dropout), outward)
        self.output_norm = nn.LayerNorm(embedding_width, elementwise_affine=False)
        self.gain = nn.Parameter(torch.tensor(float(gain)))

    def forward(self, tokens: Tensor) -> Tensor:
        """`[batch, time, width]` to `[batch, time, embedding_width]`."""
        hidden = self.layers(self.norm(self.standardise(tokens)))
        projected: Tensor = self.output_norm(hidden) * self.gain
        return projected
