"""Where in a picture a finding's probability comes from: what is lost when a patch is hidden from the model (Zeiler and Fergus, 2014).

The encoder gives 7 x 7 tokens a picture. One after another a patch of 2 x 2 tokens is left out and the model asked again, nothing
is encoded anew, and it works for whatever member answers. It shows what the model looked at, which is not where a disease is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.features import Features
from core.featuresets import FeatureSet
from core.label_learning.rows import Rows, pool
from core.samples import FloatArray, Modality
from domains.medical.findings.folder import FindingsModel

GRID = 7
CELLS = GRID * GRID
PATCH = 2  # tokens a side
LEAST = 0.005  # of probability, what the most telling patch must add to be shown
SHARE = 0.5  # patches that add at least this share of the most telling one make the region

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """What the model looked at.

    Attributes:
        image: which of the row's pictures, from 0.
        heat: `[7, 7]` over the padded square, 0 to 1; 1 is the most telling patch.
        box: x1 y1 x2 y2 in 0 to 1 of the picture itself.
        lost: probability that is lost without the most telling patch.
    """

    image: int
    heat: FloatArray
    box: Box
    lost: float

    def over(self, height: int, width: int) -> FloatArray:
        """The heat over the picture alone, `[rows, columns]`: without the padding of the square."""
        import cv2

        side, fine = max(height, width), 8  # cells a token, so that a cut lies near the picture's edge
        heat = np.asarray(cv2.resize(self.heat, (GRID * fine, GRID * fine), interpolation=cv2.INTER_LINEAR), np.float32)
        top, left = ((side - size) / 2 / side * GRID * fine for size in (height, width))
        rows, columns = (max(1, round(size / side * GRID * fine)) for size in (height, width))
        return heat[round(top) : round(top) + rows, round(left) : round(left) + columns]


def regions(model: FindingsModel, rows: Rows, sizes: tuple[tuple[int, int], ...]) -> dict[str, Region]:
    """By finding, the most telling region of all pictures of one row; a finding that no patch speaks for has none.

    Args:
        model: as it judged.
        rows: one row, encoded.
        sizes: height and width of each of its pictures.
    """
    whole = rows.features.rows.get(Modality.IMAGE, (None,))[0]
    if whole is None or whole.tokens.shape[1] != CELLS * len(sizes):
        return {}
    hidden = [_without(whole, image, row, column) for image in range(len(sizes)) for row in range(GRID - 1) for column in range(GRID - 1)]
    told = model.probabilities(_variants(rows, hidden))
    lost = (model.probabilities(rows) - told).reshape(len(sizes), GRID - 1, GRID - 1, -1)
    found = {}
    for index, name in enumerate(model.facts.findings):
        of = lost[..., index]
        image = int(of.max((1, 2)).argmax())
        if of[image].max() >= LEAST:
            heat = _spread(np.maximum(of[image], 0))
            found[name] = Region(image, heat, box_of(heat, *sizes[image]), float(of[image].max()))
    return found


def box_of(heat: FloatArray, height: int, width: int) -> Box:
    """The region's box in the picture, which lies in the middle of the padded square."""
    rows, columns = np.nonzero(heat >= SHARE * heat.max())
    side = max(height, width)

    def inside(place: float, size: int) -> float:
        return float(np.clip((place / GRID * side - (side - size) / 2) / size, 0, 1))

    x1, x2 = inside(columns.min(), width), inside(columns.max() + 1, width)
    y1, y2 = inside(rows.min(), height), inside(rows.max() + 1, height)
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else (0.0, 0.0, 1.0, 1.0)


def _without(whole: Features, image: int, row: int, column: int) -> Features:
    mask = whole.mask.copy()
    grid = mask[0, image * CELLS : (image + 1) * CELLS].reshape(GRID, GRID)
    grid[row : row + PATCH, column : column + PATCH] = False
    return replace(whole, mask=mask)


def _variants(rows: Rows, hidden: list[Features]) -> Rows:
    """The row once for each variant of its pictures."""
    many = rows.features.select([0] * len(hidden))
    names = tuple(str(i) for i in range(len(hidden)))
    features = FeatureSet(names, {**many.rows, Modality.IMAGE: tuple(hidden)}, many.labels, names, many.weights)
    return pool(features)


def _spread(lost: FloatArray) -> FloatArray:
    """From places of patches to tokens: each takes the mean of the patches that hid it, scaled so that the highest is 1."""
    heat, count = np.zeros((GRID, GRID)), np.zeros((GRID, GRID))
    for row in range(GRID - 1):
        for column in range(GRID - 1):
            heat[row : row + PATCH, column : column + PATCH] += lost[row, column]
            count[row : row + PATCH, column : column + PATCH] += 1
    heat /= count
    return np.asarray(heat / max(heat.max(), 1e-9), np.float32)
