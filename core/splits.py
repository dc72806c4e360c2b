"""Splits by group, made before anything is trained, and refused where a group would be on both sides."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold, LeaveOneGroupOut, StratifiedGroupKFold

from core.errors import InputError


@dataclass(frozen=True, slots=True)
class Split:
    """Which samples are for what, by their ids.

    Attributes:
        train, validation, test: sample ids; no id and no group is in two of them.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def check(self, ids: Sequence[str], groups: Sequence[str]) -> Split:
        """This split, if it holds for these samples.

        Raises:
            InputError: an unknown id, or a sample or group on two sides.
        """
        group_of = dict(zip(ids, groups, strict=True))
        side_of_group: dict[str, str] = {}
        seen: set[str] = set()
        for side in ("train", "validation", "test"):
            for name in getattr(self, side):
                if name not in group_of:
                    raise InputError(f"the split names the sample {name!r}, which is not there; make a new split")
                if name in seen:
                    raise InputError(f"the sample {name!r} is twice in the split; make a new split")
                seen.add(name)
                group = group_of[name]
                other = side_of_group.setdefault(group, side)
                if other != side:
                    raise InputError(f"the group {group!r} is in {other} and in {side}: a test on it would mean nothing; split by group")
        return self

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps({"train": self.train, "validation": self.validation, "test": self.test}, indent=1) + "\n", "utf-8")


def load_split(path: Path) -> Split:
    """Read a split.

    Raises:
        InputError: not a split.
    """
    try:
        sides = json.loads(path.read_text("utf-8"))
        return Split(*(tuple(str(name) for name in sides[side]) for side in ("train", "validation", "test")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name}: not a split (train, validation and test, each a list of sample ids)") from error


def hold_out(ids: Sequence[str], labels: Sequence[Sequence[str]], groups: Sequence[str], *, fraction: float, seed: int = 0) -> Split:
    """Set about a fraction of the samples aside for validation, whole groups at a time, labels in like shares.

    Args:
        ids: of the samples.
        labels: of each sample; the first one is what is balanced.
        groups: of each sample.
        fraction: 0 to 0.5; 0 sets nothing aside.
        seed: which groups.

    Raises:
        InputError: fewer than two groups.
    """
    if fraction <= 0:
        return Split(tuple(ids))
    distinct = len(set(groups))
    if distinct < 2:
        raise InputError(
            f"{distinct} group of samples cannot be split by group; give samples of at least two, or a validation fraction of 0"
        )
    parts = min(max(2, round(1 / fraction)), distinct)
    train, validation = next(_stratified(labels, groups, parts, seed))
    return _by_ids(ids, train, validation, ()).check(ids, groups)


def folds(
    ids: Sequence[str], labels: Sequence[Sequence[str]], groups: Sequence[str], *, parts: int | None = None, seed: int = 0
) -> list[Split]:
    """Cross-validation by group: every sample is tested once.

    Args:
        ids: of the samples.
        labels: of each sample; the first one is what is balanced.
        groups: of each sample.
        parts: how many folds; None means each group is left out once.
        seed: which groups go together.

    Raises:
        InputError: fewer groups than folds.
    """
    distinct = len(set(groups))
    if distinct < max(2, parts or 2):
        raise InputError(f"{distinct} groups are too few for {parts or 2} folds by group; ask for fewer folds or give more groups")
    splitter = (
        LeaveOneGroupOut().split(np.zeros(len(ids)), groups=list(groups)) if parts is None else _stratified(labels, groups, parts, seed)
    )
    return [_by_ids(ids, train, (), test).check(ids, groups) for train, test in splitter]


def _stratified(
    labels: Sequence[Sequence[str]], groups: Sequence[str], parts: int, seed: int
) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    first = [row[0] if row else "" for row in labels]
    rarest = min(np.unique(first, return_counts=True)[1])
    if rarest >= parts:
        yield from StratifiedGroupKFold(parts, shuffle=True, random_state=seed).split(first, first, list(groups))
    else:
        yield from GroupKFold(parts, shuffle=True, random_state=seed).split(first, groups=list(groups))


def _by_ids(ids: Sequence[str], train: Sequence[int], validation: Sequence[int], test: Sequence[int]) -> Split:
    return Split(*(tuple(ids[int(i)] for i in side) for side in (train, validation, test)))
