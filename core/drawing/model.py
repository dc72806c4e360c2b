"""A small diffusion transformer (DiT: Peebles & Xie, 2023) that cleans noisy pictures towards what is asked.

It predicts the clean picture, not the noise or the velocity (Li & He, 2025): flat shapes come out flat after little training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN_RATIO = 3  # of a block's feed-forward part
CONDITION_SPREAD = 0.3  # of the first weights of what is asked: few of its numbers are not 0


@dataclass(frozen=True, slots=True)
class DrawerShape:
    """How large it is.

    Attributes:
        side_px: of the pictures.
        patch_px: side of a token; divides `side_px`.
        width: numbers of a token; a multiple of `heads`.
        depth: blocks.
        heads: of attention.
        condition_width: numbers of what is asked.
    """

    side_px: int
    patch_px: int
    width: int
    depth: int
    heads: int
    condition_width: int

    @property
    def tokens(self) -> int:
        """Patches of a picture."""
        return (self.side_px // self.patch_px) ** 2


class Drawer(nn.Module):
    """Predicts the clean picture from a noisy one, the time and what is asked."""

    def __init__(self, shape: DrawerShape) -> None:
        super().__init__()
        self.shape = shape
        width, patch = shape.width, shape.patch_px
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.positions = nn.Parameter(_places(shape))
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        first = nn.Linear(shape.condition_width, width)
        nn.init.normal_(first.weight, std=CONDITION_SPREAD)
        self.condition = nn.Sequential(first, nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(Block(width, shape.heads) for _ in range(shape.depth))
        self.modulation = nn.Linear(width, 2 * width)
        self.pixels = nn.Linear(width, 3 * patch * patch)
        for layer in (self.modulation, self.pixels):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, noisy: Tensor, time: Tensor, asked: Tensor) -> Tensor:
        """Clean picture.

        Args:
            noisy: `[batch, 3, side, side]`.
            time: `[batch]`, 0 is noise, 1 is the picture.
            asked: `[batch, condition_width]`; zeros ask for nothing.

        Returns:
            `[batch, 3, side, side]`.
        """
        hidden = self.patches(noisy).flatten(2).transpose(1, 2) + self.positions  # [batch, tokens, width]
        state = functional.silu(self.time(waves(time, self.shape.width)) + self.condition(asked))  # [batch, width]
        for block in self.blocks:
            hidden = block(hidden, state)
        scale, shift = self.modulation(state)[:, None].chunk(2, -1)
        patches = self.pixels(functional.layer_norm(hidden, hidden.shape[-1:]) * (1 + scale) + shift)  # [batch, tokens, 3 * patch * patch]
        cells = self.shape.side_px // self.shape.patch_px
        clean: Tensor = functional.pixel_shuffle(patches.transpose(1, 2).unflatten(2, (cells, cells)), self.shape.patch_px)
        return clean


class Block(nn.Module):
    """Attention and a feed-forward part, both scaled, shifted and gated by time and condition."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.modulation = nn.Linear(width, 6 * width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mixed = nn.Linear(width, width)
        self.up = nn.Linear(width, HIDDEN_RATIO * width)
        self.down = nn.Linear(HIDDEN_RATIO * width, width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, hidden: Tensor, state: Tensor) -> Tensor:
        """`[batch, tokens, width]` to the same; `state` is `[batch, width]`."""
        batch, tokens, width = hidden.shape
        scale, shift, gate, scale_2, shift_2, gate_2 = self.modulation(state)[:, None].chunk(6, -1)
        seen = functional.layer_norm(hidden, (width,)) * (1 + scale) + shift
        split = self.query_key_value(seen).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each [batch, heads, tokens, width / heads]
        mixed = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(batch, tokens, width)
        hidden = hidden + gate * self.mixed(mixed)
        seen = functional.layer_norm(hidden, (width,)) * (1 + scale_2) + shift_2
        left: Tensor = hidden + gate_2 * self.down(functional.gelu(self.up(seen), approximate="tanh"))
        return left


def waves(time: Tensor, width: int) -> Tensor:
    """Sines and cosines of a time in 0 to 1, `[batch, width]`."""
    rates = torch.exp(torch.arange(width // 2, dtype=torch.float32) * (-math.log(10_000) / (width // 2)))
    angles = time.float()[:, None] * 1000 * rates
    return torch.cat([angles.sin(), angles.cos()], 1)


def _places(shape: DrawerShape) -> Tensor:
    """Where positions begin: waves of the row beside waves of the column, `[1, tokens, width]`."""
    cells, waves_an_axis = shape.side_px // shape.patch_px, shape.width // 4
    rates = math.pi * cells ** -torch.linspace(0, 1, waves_an_axis)  # from a wave of two cells to one twice as long as the picture
    angles = torch.arange(cells)[:, None] * rates
    line = torch.cat([angles.sin(), angles.cos()], 1)  # [cells, width / 2]
    rows, columns = line[:, None].expand(cells, cells, -1), line[None].expand(cells, cells, -1)
    return torch.cat([rows, columns], 2).reshape(1, cells * cells, shape.width)


def parameters(model: nn.Module) -> int:
    """How many numbers it learned."""
    return sum(p.numel() for p in model.parameters())
