"""Validation rows of a learner: those that are given, or whole groups set aside from the training rows."""

from __future__ import annotations

from typing import Protocol

from core.errors import InputError
from core.splits import hold_out
from core.table import Table

LARGEST_FRACTION = 0.5


class HoldsOut(Protocol):
    """The settings that say what is set aside."""

    @property
    def validation_fraction(self) -> float:
        """Of the groups."""
        ...

    @property
    def seed(self) -> int:
        """Which groups."""
        ...


def held_out(train: Table, validation: Table | None, options: HoldsOut) -> tuple[Table, Table]:
    """Training and validation rows, no group in both; rows of a single group are all for training.

    Raises:
        InputError: no rows, or rows on both sides.
    """
    if not len(train):
        raise InputError(f"{train.name}: there are no rows to learn from")
    if validation is not None:
        if shared := sorted(set(train.ids) & set(validation.ids)):
            raise InputError(f"the row {shared[0]!r} is in training and in validation; give other rows")
        return train, validation
    if len(set(train.groups)) < 2:
        return train, train.select([])
    fraction = min(options.validation_fraction, LARGEST_FRACTION)
    split = hold_out(train.ids, ((),) * len(train), train.groups, fraction=fraction, seed=options.seed)
    return train.by_ids(split.train), train.by_ids(split.validation)
