"""The independent classifier: a small convolutional net that reads off a picture what was asked, trained on true pictures alone.

It shares nothing with the drawer: another kind of net, another seed, never a drawn picture in training. How far it can be believed
is measured on true pictures that it has not seen, and stands beside whatever it says of drawings. Numbers and categories are
classes; of words it gives a vector, and the asked text must lie nearest among ten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.drawing.conditions import TEXT_WIDTH, Conditions
from core.drawing.training import mirrored
from core.samples import FloatArray

BATCH = 64
RATE = 2e-3
CHUNK = 256
AMONG = 10  # texts that the asked one is told from
TEMPERATURE = 0.07
MOVED_PX = 2  # pictures are moved by up to this much in training
NOISE = 0.08  # of training pictures, so that a trace of noise in a drawing does not mislead
WIDTH = 32
SAME = 1 - 1e-4  # cosine from which two texts are one

Classes = npt.NDArray[np.int64]


class Classifier(nn.Module):
    """Scores for each column that may be asked for."""

    def __init__(self, conditions: Conditions, width: int = WIDTH) -> None:
        super().__init__()
        self.conditions = conditions
        sizes = ((3, width, 2), (width, width, 1), (width, 2 * width, 2), (2 * width, 2 * width, 1))
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, 3, stride, 1) for i, o, stride in sizes)
        self.norms = nn.ModuleList(nn.GroupNorm(4, o) for _, o, _ in sizes)
        self.hidden = nn.Linear(4 * width, 4 * width)
        self.heads = nn.ModuleList(nn.Linear(4 * width, c.classes or TEXT_WIDTH) for c in conditions.columns)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """`[batch, 3, side, side]` to `[batch, classes]` a column, `[batch, 384]` of words."""
        maps = pictures
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            maps = functional.relu(norm(convolution(maps)))  # [batch, channels, height, width]
        pooled = torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)  # means count, maxima find
        state = functional.relu(self.hidden(pooled))
        return [head(state) for head in self.heads]


def train_classifier(
    conditions: Conditions,
    pictures: Tensor,
    classes: Classes,
    asked: Tensor,
    *,
    steps: int,
    seed: int,
    flip: bool,
    say: Callable[[str], None],
) -> Classifier:
    """Learn from true pictures `[rows, 3, side, side]`, `classes [rows, columns]` (-1: unknown) and `asked [rows, condition_width]`."""
    torch.manual_seed(seed)
    classifier, rng = Classifier(conditions), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=max(steps, 2))
    truth = torch.from_numpy(classes)
    for step in range(steps):
        rows = torch.randint(len(pictures), (BATCH,), generator=rng)
        batch = mirrored(pictures[rows], rng) if flip else pictures[rows]
        found = _loss(classifier(_shaken(batch, rng)), truth[rows], asked[rows], conditions)
        optimiser.zero_grad(set_to_none=True)
        found.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if (step + 1) % max(1, steps // 4) == 0:
            say(f"classifier: step {step + 1} of {steps}: loss {float(found.detach()):.3f}")
    return classifier.eval()


@torch.inference_mode()
def recognised(classifier: Classifier, pictures: Tensor, classes: Classes, asked: Tensor, seed: int = 0) -> dict[str, FloatArray]:
    """Whether the classifier sees in a picture what its row asks: 1 or 0 a row, NaN where nothing is asked; a column each.

    Args:
        classifier: trained.
        pictures: `[rows, 3, side, side]`.
        classes: asked for, `[rows, columns]`; -1 for nothing.
        asked: `[rows, condition_width]`.
        seed: which other texts an asked text is told from.
    """
    scores = [classifier(pictures[start : start + CHUNK]) for start in range(0, len(pictures), CHUNK)]
    out: dict[str, FloatArray] = {}
    conditions = classifier.conditions
    for place, (condition, (begin, end)) in enumerate(zip(conditions.columns, conditions.spans, strict=True)):
        said = torch.cat([part[place] for part in scores])
        if condition.kind == "text":
            out[condition.name] = _told_apart(said, asked[:, begin:end], seed)
        else:
            right = (said.argmax(1).numpy() == classes[:, place]).astype(np.float32)
            out[condition.name] = np.where(classes[:, place] < 0, np.float32("nan"), right)
    return out


def summary(right: Mapping[str, FloatArray]) -> float:
    """Share that was recognised of all that was asked."""
    every = np.stack(list(right.values()))
    return float(np.nanmean(every)) if np.isfinite(every).any() else float("nan")


def _loss(scores: list[Tensor], truth: Tensor, asked: Tensor, conditions: Conditions) -> Tensor:
    total = scores[0].sum() * 0  # a batch may know nothing
    for place, (condition, (begin, end)) in enumerate(zip(conditions.columns, conditions.spans, strict=True)):
        if condition.kind == "text":
            flag, words = asked[:, begin] > 0, functional.normalize(asked[:, begin + 1 : end], dim=1)
            if int(flag.sum()) > 1:
                similar = functional.normalize(scores[place][flag], dim=1) @ words[flag].T / TEMPERATURE
                same = (words[flag] @ words[flag].T > SAME).float()  # a text that occurs twice is right both times
                total = total + functional.cross_entropy(similar, same / same.sum(1, keepdim=True))
        elif bool((truth[:, place] >= 0).any()):
            total = total + functional.cross_entropy(scores[place], truth[:, place], ignore_index=-1)
    return total


def _shaken(pictures: Tensor, rng: torch.Generator) -> Tensor:
    down, right = (int(v) for v in torch.randint(-MOVED_PX, MOVED_PX + 1, (2,), generator=rng))
    side = pictures.shape[-1]
    padded = functional.pad(pictures, (MOVED_PX,) * 4, mode="replicate")
    moved = padded[:, :, MOVED_PX + down : MOVED_PX + down + side, MOVED_PX + right : MOVED_PX + right + side]
    return moved + NOISE * torch.rand(1, generator=rng) * torch.randn(moved.shape, generator=rng)


def _told_apart(said: Tensor, asked: Tensor, seed: int) -> FloatArray:
    """Is the asked text the nearest among ten different ones of these rows (itself and nine others)?"""
    right = np.full(len(asked), np.nan, np.float32)
    words, flag = functional.normalize(asked[:, 1:], dim=1), asked[:, 0] > 0
    similar, same = functional.normalize(said, dim=1) @ words.T, words @ words.T > SAME
    rng = np.random.default_rng(seed)
    for row in np.flatnonzero(flag.numpy()):
        others = np.flatnonzero((flag & ~same[row]).numpy())
        if len(others):
            drawn = rng.choice(others, min(AMONG - 1, len(others)), replace=False)
            right[row] = float(similar[row, row] > similar[row, drawn].max())
    return right
