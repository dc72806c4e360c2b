"""Rectified flow (Liu et al., 2022; Lipman et al., 2023): straight ways from noise to pictures, learned and walked.

At time t a point of the way is (1 - t) noise + t picture, and its velocity is picture - noise. The model predicts the picture,
from which the velocity follows; near the end the rest of the way is taken as at least `NEAR`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from core.drawing.model import Drawer

NEAR = 0.05
TIME_MEAN = -0.8  # of the logit of the times at which training looks: more of them near the noise
CHUNK = 64  # pictures drawn at once


def velocity(model: Drawer, point: Tensor, time: Tensor, asked: Tensor) -> Tensor:
    """Where a point moves, `[batch, 3, side, side]`."""
    clean = model(point, time, asked)
    moving: Tensor = (clean - point) / (1 - time).clamp(min=NEAR)[:, None, None, None]
    return moving


def loss(model: Drawer, pictures: Tensor, asked: Tensor, rng: torch.Generator) -> Tensor:
    """Mean squared error of the velocity at one time a picture."""
    noise = torch.randn(pictures.shape, generator=rng)
    time = torch.sigmoid(torch.randn(len(pictures), generator=rng) + TIME_MEAN)
    spread = time[:, None, None, None]
    point = (1 - spread) * noise + spread * pictures
    clean = model(point, time, asked)
    missed: Tensor = (((clean - pictures) / (1 - spread).clamp(min=NEAR)) ** 2).mean()
    return missed


@torch.inference_mode()
def draw(model: Drawer, asked: Tensor, seeds: Sequence[int], *, steps: int, guidance: float) -> Tensor:
    """Draw one picture a row, by Heun's method: two evaluations a step, all but the last.

    Args:
        model: trained.
        asked: `[rows, condition_width]`.
        seeds: of each row's noise; nothing else of the batch bears on a row's picture.
        steps: along the way.
        guidance: 0 draws whatever the model likes, 1 what is asked, more pushes further from the first to the second
            (classifier-free guidance: Ho & Salimans, 2022).

    Returns:
        `[rows, 3, side, side]` in -1 to 1.
    """
    side = model.shape.side_px
    parts = [_walk(model, asked[i : i + CHUNK], seeds[i : i + CHUNK], steps, guidance) for i in range(0, len(asked), CHUNK)]
    return torch.cat(parts) if parts else torch.zeros(0, 3, side, side)


def _walk(model: Drawer, asked: Tensor, seeds: Sequence[int], steps: int, guidance: float) -> Tensor:
    side = model.shape.side_px
    point = torch.stack([torch.randn(3, side, side, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
    times = torch.linspace(0, 1, steps + 1)
    for now, then in pairwise(times):
        first = _guided(model, point, now, asked, guidance)
        ahead = point + (then - now) * first
        if then < 1:
            second = _guided(model, ahead, then, asked, guidance)
            ahead = point + (then - now) * (first + second) / 2
        point = ahead
    return point.clamp(-1, 1)


def _guided(model: Drawer, point: Tensor, time: Tensor, asked: Tensor, guidance: float) -> Tensor:
    at = time.expand(len(point))
    if guidance in (0.0, 1.0):
        return velocity(model, point, at, asked * guidance)
    both = velocity(model, torch.cat([point, point]), torch.cat([at, at]), torch.cat([torch.zeros_like(asked), asked]))
    free, conditioned = both.chunk(2)
    return free + guidance * (conditioned - free)
