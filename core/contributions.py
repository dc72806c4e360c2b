"""How much each modality moved the joint answer.

The worth v(S) of a set S of modalities is the log-probability that the model gives to its own answer (the label that is
the most probable with everything; for numbers, less the distance to what it says with everything) when only S is there
and the missing tokens stand in for the rest. A modality's share is its Shapley value over v (exact: all 2^k sets, fed
through the backbone set by set), or what is lost when it alone is left out. Shares are absolute values, made to sum to 1:
they say how much a modality mattered, not in which direction.
"""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core.fusion import FusionModel
from core.sequences import Segment
from core.tasks import task

ContributionMethod = Literal["shapley", "leave_one_out"]
Worth = dict[frozenset[int], npt.NDArray[np.float64]]


def contributions(
    model: FusionModel, segments: list[Segment], present: Tensor, logits: Tensor, method: ContributionMethod = "shapley"
) -> npt.NDArray[np.float64]:
    """Shares `[batch, modalities]`; a row's shares sum to 1 over its present modalities, zeros if it has none.

    Args:
        model: in evaluation mode.
        segments: from `model.segments`.
        present: `[batch, modalities]`.
        logits: `[batch, labels]`, the joint logits with everything.
        method: Shapley values, or leave one out (k backbone passes in place of 2^k, blind to what two modalities both say).
    """
    modalities = [index for index in range(present.shape[1]) if bool(present[:, index].any())]
    whole = frozenset(modalities)
    sets = _subsets(modalities) if method == "shapley" else [whole, *(whole - {m} for m in modalities)]
    worth: Worth = {members: _worth(model, segments, present, logits, members) for members in sets}
    value = shapley(worth, modalities) if method == "shapley" else {m: worth[whole] - worth[whole - {m}] for m in modalities}

    shares = np.zeros(tuple(present.shape))
    for index in modalities:
        shares[:, index] = np.abs(value[index])
    here = present.cpu().numpy()
    shares *= here
    total = shares.sum(1, keepdims=True)
    even = here / np.maximum(here.sum(1, keepdims=True), 1)  # nothing changed the answer: all alike
    return np.asarray(np.where(total > 1e-9, shares / np.maximum(total, 1e-9), even), np.float64)


def shapley(worth: Worth, players: list[int]) -> dict[int, npt.NDArray[np.float64]]:
    """Exact Shapley values from the worth of every subset (Shapley, 1953).

    Args:
        worth: of each subset, `[batch]`.
        players: the modalities.
    """
    count, values = len(players), {}
    for player in players:
        others = [p for p in players if p != player]
        values[player] = sum(
            (
                factorial(len(s)) * factorial(count - len(s) - 1) / factorial(count) * (worth[s | {player}] - worth[s])
                for s in _subsets(others)
            ),
            start=np.zeros_like(worth[frozenset()]),
        )
    return values


@torch.inference_mode()
def _worth(
    model: FusionModel, segments: list[Segment], present: Tensor, reference: Tensor, members: frozenset[int]
) -> npt.NDArray[np.float64]:
    allowed = torch.tensor([index in members for index in range(present.shape[1])], device=present.device)
    logits = model.join(segments, present & allowed).logits
    worth: npt.NDArray[np.float64] = task(model.settings.task).worth(logits, reference).double().cpu().numpy()
    return worth


def _subsets(members: list[int]) -> list[frozenset[int]]:
    return [frozenset(chosen) for size in range(len(members) + 1) for chosen in combinations(members, size)]
