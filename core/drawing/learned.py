"""A trained drawing model: what it draws, and how often the independent classifier sees in a drawing what was asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.drawing.classifier import Classes, Classifier, recognised
from core.drawing.diffusers_backend import DiffusersDrawer
from core.drawing.flow import CHUNK, draw
from core.drawing.model import Drawer
from core.drawing.options import DrawingOptions
from core.drawing.pictures import DRAWN, as_bytes, as_tensor, data_uri, read_pictures
from core.errors import InputError
from core.metrics import Estimate, bootstrap
from core.samples import ByteArray, FloatArray
from core.table import ColumnKind, Table


class DrawingLearned:
    """A trained model.

    Attributes:
        name: of its folder.
        conditions: what can be asked for.
    """

    task = "drawing"

    def __init__(
        self, name: str, drawer: Drawer | DiffusersDrawer, classifier: Classifier, options: DrawingOptions, trained: frozenset[str]
    ) -> None:
        self.name = name
        self.conditions = classifier.conditions
        self._drawer = drawer
        self._classifier = classifier
        self._options = options
        self._trained = trained

    def draw(self, table: Table, *, guidance: float | None = None, seed: int | None = None) -> ByteArray:
        """A picture a row, `[rows, side, side, 3]`.

        Args:
            table: rows that ask; a picture follows from seed, row id and what is asked, whatever rows stand around it.
            guidance: see `core.drawing.flow.draw`; None for the model's own.
            seed: None for the model's own.

        Raises:
            InputError: nothing that can be asked for is there, or a value cannot be.
        """
        table = self.conditions.cast(table)
        return self._drawn(table, torch.from_numpy(self.conditions.encode(table)), guidance, seed)

    def predict(self, table: Table) -> Iterator[dict[str, Any]]:
        """A small PNG a row as a data URI; it says in itself, and beside it, that a model drew it."""
        table = self.conditions.cast(table)
        for start in range(0, len(table), CHUNK):
            rows = table.select(range(start, min(start + CHUNK, len(table))))
            for name, asked, rgb in zip(rows.ids, self.conditions.prompts(rows), self.draw(rows), strict=True):
                about = {"Software": f"Trivium drawing {self.name}", "Description": asked}
                yield {"id": name, "image": data_uri(rgb, about), "asked": asked, "note": f"{DRAWN}; it shows nothing that happened"}

    def recognised(self, table: Table, pictures: ByteArray) -> dict[str, FloatArray]:
        """Whether the classifier sees in a picture what its row asks: 1, 0 or NaN (nothing asked) a row, by column.

        Raises:
            InputError: as `draw`.
        """
        table = self.conditions.cast(table)
        return self._seen(pictures, self.conditions.classes(table), torch.from_numpy(self.conditions.encode(table)))

    def evaluate(self, table: Table) -> Mapping[str, Estimate]:
        """Shares of what was asked that the classifier sees, over all columns and by column, with intervals by group.

        `control` in the drawings; `shuffled` in the same drawings, each held to what another row asks (chance);
        `unconditional` in drawings of which nothing was asked; `true_pictures` in the rows' own pictures where they have any,
        which says how far the classifier can be believed.

        Raises:
            InputError: a row was used in training, or nothing is asked.
        """
        from core.table.splitting import refuse_rows_of_training

        refuse_rows_of_training(table, self._trained)
        if not len(table):
            raise InputError(f"{table.name}: there are no rows to draw")
        table = self.conditions.cast(table)
        asked, classes = torch.from_numpy(self.conditions.encode(table)), self.conditions.classes(table)
        drawn, other = self._drawn(table, asked), another_row(table.groups, self._options.seed)
        sides = {
            "control": self._seen(drawn, classes, asked),
            "shuffled": self._seen(drawn, classes[other], asked[other]),
            "unconditional": self._seen(self._drawn(table, asked, guidance=0.0), classes, asked),
        }
        if not any(np.isfinite(right).any() for right in sides["control"].values()):
            raise InputError(f"{table.name}: no row asks for anything; fill {', '.join(sides['control'])}")
        figures = {name: estimate for side, right in sides.items() for name, estimate in estimates(side, right, table.groups).items()}
        if len(table.of(ColumnKind.IMAGE)) == 1:
            true = read_pictures(table, self._options.side_px)
            if true.places:
                rows = list(true.places)
                seen = self._seen(true.squares, classes[rows], asked[rows])
                figures |= estimates("true_pictures", seen, table.select(rows).groups)
        return dict(sorted(figures.items(), key=lambda pair: "/" in pair[0]))  # the shares over all columns first

    def _drawn(self, table: Table, asked: Tensor, guidance: float | None = None, seed: int | None = None) -> ByteArray:
        options = self._options
        seeds = [_seed(options.seed if seed is None else seed, name) for name in table.ids]
        strength = options.guidance if guidance is None else guidance
        if isinstance(self._drawer, Drawer):
            return as_bytes(draw(self._drawer, asked, seeds, steps=options.steps, guidance=strength))
        prompts = self.conditions.prompts(table)
        return self._drawer.draw(prompts, seeds, steps=options.steps, guidance=strength, side_px=options.side_px)

    def _seen(self, pictures: ByteArray, classes: Classes, asked: Tensor) -> dict[str, FloatArray]:
        return recognised(self._classifier, as_tensor(pictures), classes, asked)


def another_row(groups: tuple[str, ...], seed: int) -> list[int]:
    """For each row the place of another, each taken once, of another group if no group holds half of the rows."""
    rng = np.random.default_rng(seed)
    _, group = np.unique(np.asarray(groups, str), return_inverse=True)
    order = np.argsort(rng.permutation(group.max() + 1)[group], kind="stable")  # rows of a group together, groups shuffled
    other = np.empty(len(order), np.int64)
    other[order] = np.roll(order, len(order) // 2)
    return [int(place) for place in other]


def _seed(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:7], "big")


def estimates(side: str, right: Mapping[str, FloatArray], groups: tuple[str, ...]) -> dict[str, Estimate]:
    """Over all columns, and where there are several, `side/column` each."""
    asked = {name: column for name, column in right.items() if np.isfinite(column).any()}
    if not asked:
        return {}
    columns = {side: np.stack(list(asked.values()), 1)}
    if len(right) > 1:
        columns |= {f"{side}/{name}": column[:, None] for name, column in asked.items()}
    return {name: bootstrap(_mean, cells, cells, groups) for name, cells in columns.items()}


def _mean(right: FloatArray, _targets: FloatArray) -> float:
    return float(np.nanmean(right)) if np.isfinite(right).any() else float("nan")
