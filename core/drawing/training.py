"""Train a drawer: AdamW, a warm-up and a cosine, and the mean of its weights over time, which is what draws."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.drawing.flow import loss
from core.drawing.model import Drawer
from core.errors import ModelError

WARM_UP = 0.05  # share of training
REPORTS = 20
MOST_GRADIENT = 1.0
LEAST_RATE = 0.02  # of the rate, at the end
MEMORY = 0.999  # of the mean of weights, a step


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how.

    Attributes:
        steps, batch, rate, weight_decay, seed: of training.
        minutes: it ends after this many; None for no limit.
        hide_all: share of rows with nothing asked.
        flip: pictures are mirrored at random; only where left and right mean nothing.
    """

    steps: int
    batch: int
    rate: float
    weight_decay: float
    seed: int
    minutes: float | None
    hide_all: float
    flip: bool


def train_drawer(
    model: Drawer,
    pictures: Tensor,
    asked: Tensor,
    spans: Sequence[tuple[int, int]],
    schedule: Schedule,
    say: Callable[[str], None],
) -> tuple[Drawer, int, float]:
    """Train on pictures `[rows, 3, side, side]` and what is asked `[rows, condition_width]`.

    Returns:
        The averaged model, the steps taken, and the mean loss of the last of them.

    Raises:
        ModelError: training ran away.
    """
    rng = torch.Generator().manual_seed(schedule.seed)
    mean = copy.deepcopy(model).requires_grad_(False).eval()
    optimiser = torch.optim.AdamW(model.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay, betas=(0.9, 0.98))
    began, taken, losses = time.monotonic(), 0, [float("nan")]
    model.train()
    while taken < schedule.steps:
        spent = 0.0 if schedule.minutes is None else (time.monotonic() - began) / (60 * schedule.minutes)
        if spent >= 1:
            break
        _set_rate(optimiser, schedule.rate, max((taken + 1) / schedule.steps, spent))
        rows = torch.randint(len(pictures), (schedule.batch,), generator=rng)
        batch = mirrored(pictures[rows], rng) if schedule.flip else pictures[rows]
        found = loss(model, batch, hide(asked[rows], spans, schedule.hide_all, rng), rng)
        if not torch.isfinite(found):
            raise ModelError(f"training ran away at step {taken}; take a smaller rate than {schedule.rate:g}")
        optimiser.zero_grad(set_to_none=True)
        found.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), MOST_GRADIENT)
        optimiser.step()
        taken += 1
        losses.append(float(found.detach()))
        memory = min(MEMORY, (1 + taken) / (10 + taken))
        with torch.no_grad():
            for kept, new in zip(mean.parameters(), model.parameters(), strict=True):
                kept.lerp_(new, 1 - memory)
        if taken % max(1, schedule.steps // REPORTS) == 0:
            say(f"drawer: step {taken} of {schedule.steps}: loss {_recent(losses):.4f}, {time.monotonic() - began:.0f} s")
    return mean, taken, _recent(losses)


def hide(asked: Tensor, spans: Sequence[tuple[int, int]], all_share: float, rng: torch.Generator) -> Tensor:
    """Leave columns open, so that a row may later ask for any of them: in each row another share, in `all_share` of the rows all."""
    rows = len(asked)
    kept = torch.rand(rows, len(spans), generator=rng) >= torch.rand(rows, 1, generator=rng)
    kept &= torch.rand(rows, 1, generator=rng) >= all_share  # guidance needs pictures of which nothing is asked
    widths = torch.tensor([end - begin for begin, end in spans])
    return asked * kept.repeat_interleave(widths, 1)


def mirrored(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Half of the pictures, by chance, seen in a mirror."""
    is_mirrored = (torch.rand(len(pictures), generator=rng) < 0.5)[:, None, None, None]
    return torch.where(is_mirrored, pictures.flip(3), pictures)


def _recent(losses: list[float]) -> float:
    tail = losses[-max(1, len(losses) // REPORTS) :]
    return sum(tail) / len(tail)


def _set_rate(optimiser: torch.optim.Optimizer, rate: float, progress: float) -> None:
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    for group in optimiser.param_groups:
        group["lr"] = rate * min(1.0, progress / WARM_UP) * (LEAST_RATE + (1 - LEAST_RATE) * cosine)
