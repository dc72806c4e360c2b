"""Alignment: modalities of one sample meet in one space, learned from pairs alone.

Symmetric contrastive loss (Radford et al., 2021) over every pair of modalities that a row has. A modality that a row lacks is
masked: it is never anybody's negative. Small batches get more negatives from a memory queue (He et al., 2020), and negatives
that look right can be made to count more (Robinson et al., 2021).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.features import Features
from core.projectors import NARROW_WIDTH, Standardised, masked_mean
from core.samples import FloatArray, Modality

IndexArray = npt.NDArray[np.intp]
MOST_SCALE = 100.0
FIRST_TEMPERATURE = 0.07


class Tower(Standardised):
    """One modality's way into the shared space: mean token, perceptron, unit length."""

    def __init__(self, width: int, shared: int, dropout: float) -> None:
        super().__init__(width)
        norm = nn.LayerNorm(width) if width >= NARROW_WIDTH else nn.Identity()
        self.straight = nn.Linear(width, shared)
        self.bent = nn.Sequential(norm, nn.Linear(width, 2 * shared), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * shared, shared))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Tokens `[batch, time, width]` and mask `[batch, time]` to unit vectors `[batch, shared]`."""
        mean = masked_mean(self.standardise(tokens), mask)
        return functional.normalize(self.straight(mean) + self.bent(mean), dim=1)


class AlignmentModel(nn.Module):
    """A tower a modality, and one temperature.

    Attributes:
        log_scale: `[]`, logarithm of the inverse temperature.
    """

    def __init__(self, widths: Mapping[Modality, int], shared: int = 128, dropout: float = 0.3) -> None:
        super().__init__()
        self.modalities = tuple(widths)
        self.shared = shared
        self.towers = nn.ModuleDict({m.value: Tower(width, shared, dropout) for m, width in widths.items()})
        self.log_scale = nn.Parameter(torch.tensor(float(np.log(1 / FIRST_TEMPERATURE))))

    def forward(self, features: Mapping[Modality, tuple[Tensor, Tensor]]) -> dict[Modality, Tensor]:
        """Tokens and masks by modality to unit vectors `[batch, shared]` by modality."""
        return {m: self.towers[m.value](*given) for m, given in features.items()}

    @property
    def scale(self) -> Tensor:
        return self.log_scale.exp().clamp(max=MOST_SCALE)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the queue holds of one modality.

    Attributes:
        vectors: `[held, shared]`.
        owners: `[held]`, the number of the sample (or of what must not be its negative) that each came from.
    """

    vectors: Tensor
    owners: Tensor


class MemoryQueue:
    """The latest embeddings of each modality, oldest out first; negatives beyond the batch.

    Attributes:
        length: entries a modality at the most.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self._held: dict[Modality, Remembered] = {}

    def of(self, modality: Modality) -> Remembered | None:
        """What is held of a modality."""
        return self._held.get(modality)

    @torch.no_grad()
    def push(self, embeddings: Mapping[Modality, Tensor], present: Mapping[Modality, Tensor], owners: Tensor) -> None:
        """Remember a batch: vectors `[batch, shared]`, present `[batch]`, owners `[batch]`."""
        if not self.length:
            return
        for modality, vectors in embeddings.items():
            here = present[modality]
            new = Remembered(vectors.detach()[here], owners[here])
            old = self._held.get(modality)
            if old is not None:
                new = Remembered(torch.cat([old.vectors, new.vectors]), torch.cat([old.owners, new.owners]))
            self._held[modality] = Remembered(new.vectors[-self.length :], new.owners[-self.length :])


def contrastive_loss(
    embeddings: Mapping[Modality, Tensor],
    present: Mapping[Modality, Tensor],
    owners: Tensor,
    scale: Tensor,
    *,
    queue: MemoryQueue | None = None,
    hardness: float = 0.0,
    smoothing: float = 0.0,
) -> Tensor:
    """Mean over all pairs of modalities, both directions, of the cross-entropy of finding the right partner.

    Args:
        embeddings: unit vectors `[batch, shared]` by modality.
        present: `[batch]` by modality.
        owners: `[batch]`, numbers; rows of one number are never each other's negatives.
        scale: `[]`, the inverse temperature.
        queue: further negatives.
        hardness: how much more the negatives that look right count; 0 counts all alike.
        smoothing: of the targets.

    Returns:
        `[]`; zero where no row has two modalities.
    """
    losses = []
    for first, second in combinations(embeddings, 2):
        both = present[first] & present[second]
        if not bool(both.any()):
            continue
        for asking, asked in ((first, second), (second, first)):
            crowd = _crowd(embeddings[asked], present[asked], owners, queue.of(asked) if queue is not None else None)
            losses.append(_one_way(embeddings[asking], both, owners, crowd, scale, hardness, smoothing))
    return torch.stack(losses).mean() if losses else scale * 0


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Whom a row may be asked to tell its partner from: the batch first, then the queue.

    Attributes:
        vectors: `[candidates, shared]`.
        owners, usable: `[candidates]`.
    """

    vectors: Tensor
    owners: Tensor
    usable: Tensor


def _crowd(vectors: Tensor, is_there: Tensor, owners: Tensor, held: Remembered | None) -> _Crowd:
    if held is None:
        return _Crowd(vectors, owners, is_there)
    usable = torch.cat([is_there, is_there.new_ones(len(held.vectors))])
    return _Crowd(torch.cat([vectors, held.vectors]), torch.cat([owners, held.owners]), usable)


def _one_way(asking: Tensor, both: Tensor, owners: Tensor, crowd: _Crowd, scale: Tensor, hardness: float, smoothing: float) -> Tensor:
    rows = both.nonzero()[:, 0]
    similarity = asking[rows] @ crowd.vectors.T  # [asking, candidates]
    is_own = functional.one_hot(rows, len(crowd.vectors)).bool()
    is_negative = crowd.usable[None] & (crowd.owners[None] != owners[rows, None])
    logits = similarity * scale
    if hardness:
        logits = logits + (hardness * similarity.detach()).masked_fill(is_own, 0.0)
    logits = logits.masked_fill(~(is_negative | is_own), torch.finfo(logits.dtype).min)
    each = functional.log_softmax(logits, dim=1)
    hit = -each[is_own]
    if not smoothing:
        return hit.mean()
    counts = is_negative.sum(1).clamp(min=1)
    others = -each.masked_fill(~is_negative, 0.0).sum(1) / counts
    return ((1 - smoothing) * hit + smoothing * others).mean()


@dataclass(frozen=True, slots=True)
class Pooled:
    """What the towers read of some rows: the mean token of each.

    Attributes:
        means: by modality `[rows, 1, width]`; zeros where a row lacks it.
        present: by modality `[rows]`.
    """

    means: Mapping[Modality, Tensor]
    present: Mapping[Modality, Tensor]


def pooled(rows: Mapping[Modality, Sequence[Features | None]], widths: Mapping[Modality, int]) -> Pooled:
    """Average the tokens of every row, once.

    Args:
        rows: by modality, one row each, or None.
        widths: of the modalities that are wanted.
    """
    means, present = {}, {}
    for modality, width in widths.items():
        made = np.zeros((len(rows[modality]), 1, width), np.float32)
        here = np.array([row is not None and bool(row.mask.any()) for row in rows[modality]], np.bool_)
        for index, row in enumerate(rows[modality]):
            if row is not None and here[index]:
                made[index, 0] = row.tokens[row.mask].mean(0)
        means[modality], present[modality] = torch.from_numpy(made), torch.from_numpy(here)
    return Pooled(means, present)


@torch.inference_mode()
def embed(model: AlignmentModel, rows: Pooled) -> dict[Modality, FloatArray]:
    """Unit vectors `[rows, shared]` by modality; rows without the modality are zeros.

    Args:
        model: in evaluation mode.
        rows: pooled.
    """
    made = model({m: (means, rows.present[m][:, None]) for m, means in rows.means.items()})
    return {m: np.asarray((vectors * rows.present[m][:, None]).numpy()) for m, vectors in made.items()}


def directions(vectors: Mapping[Modality, FloatArray]) -> Iterator[tuple[Modality, Modality, IndexArray]]:
    """Every ordered pair of modalities with the places of the rows that have both, where there are at least two."""
    for asking, asked in permutations(vectors, 2):
        both = np.flatnonzero(vectors[asking].any(1) & vectors[asked].any(1))
        if len(both) > 1:
            yield asking, asked, both


def recall_at(similarity: FloatArray, relevant: FloatArray, ranks: Sequence[int] = (1, 5, 10)) -> dict[int, FloatArray]:
    """For each asking row, whether a right partner is among the first k.

    Args:
        similarity: `[asking, candidates]`.
        relevant: `[asking, candidates]`, above zero where the candidate is right.
        ranks: the k.

    Returns:
        k to `[asking]` of zeros and ones. Ties count against the answer: a right partner stands behind wrong ones as similar.
    """
    best = np.where(relevant > 0, similarity, -np.inf).max(1)  # [asking]
    ahead = ((similarity >= best[:, None]) & ~(relevant > 0)).sum(1)  # wrong ones at least as similar
    return {k: np.asarray((ahead < k) & np.isfinite(best), np.float32) for k in ranks}
