"""EngineSet: a real set as one table with column kinds and splits that do not leak, written so that every engine reads the same files."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from core import metrics
from core.errors import InputError
from core.metrics import Estimate, Measure
from core.samples import FloatArray
from core.splits import Split

SIDES = ("train", "validation", "test")
MEDIA_FOLDER = "media"
MEASURES: Mapping[str, Measure] = {
    "accuracy": metrics.accuracy,
    "balanced accuracy": metrics.balanced_accuracy,
    "macro-F1": metrics.macro_f1,
    "AUROC": metrics.auroc,
}


class ColumnKind(StrEnum):
    """What a column holds; a media kind holds a path, below `EngineSet.folder` or, once written, beside the table."""

    ID = "id"
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    SERIES = "series"
    NUMBER = "number"
    CATEGORY = "category"
    LABEL = "label"
    GROUP = "group"


MEDIA = (ColumnKind.IMAGE, ColumnKind.AUDIO, ColumnKind.SERIES)


class Problem(StrEnum):
    """What is asked."""

    BINARY = "binary"
    MULTICLASS = "multiclass"


@dataclass(frozen=True, slots=True)
class EngineSet:
    """A real set, ready to be split, written and scored.

    Attributes:
        name: of the set.
        folder: where the paths of media columns begin.
        rows: one dictionary a sample, every cell as text, empty where nothing is known.
        kinds: of every column of `rows`, in the order in which they are written.
        problem: two classes or more.
        splits: the one that the set's SOURCE.txt names first, then the other folds. No group is on two sides of one.
        measure: the headline figure, a key of `MEASURES`.
        has_peer: whether AutoGluon-MultiModal reads all of these kinds; a set of sound or series is reported alone.
        note: what a reader of a figure must know.
        series: by path, measurements `[time, channels]` that are written as files; the names of the channels in `channels`.
        channels: see above.
    """

    name: str
    folder: Path
    rows: tuple[Mapping[str, str], ...]
    kinds: Mapping[str, ColumnKind]
    problem: Problem
    splits: tuple[Split, ...]
    measure: str
    note: str
    has_peer: bool = True
    series: Mapping[str, FloatArray] | None = None
    channels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise InputError(f"{self.name}: no measure {self.measure!r}; there are {', '.join(MEASURES)}")
        for kind in (ColumnKind.ID, ColumnKind.LABEL, ColumnKind.GROUP):
            if list(self.kinds.values()).count(kind) != 1:
                raise InputError(f"{self.name}: one column must be the {kind}, not {self.columns(kind)}")
        wrong = next((row for row in self.rows if row.keys() != self.kinds.keys()), None)
        if wrong is not None:
            raise InputError(f"{self.name}: a row has the columns {sorted(wrong)}, not {sorted(self.kinds)}")
        for split in self.splits:
            split.check(self.ids, self.groups)

    def columns(self, *kinds: ColumnKind) -> list[str]:
        """Names of the columns of these kinds."""
        return [name for name, kind in self.kinds.items() if kind in kinds]

    @property
    def label(self) -> str:
        """Name of the column that is asked for."""
        return self.columns(ColumnKind.LABEL)[0]

    @property
    def ids(self) -> tuple[str, ...]:
        return self._column(ColumnKind.ID)

    @property
    def groups(self) -> tuple[str, ...]:
        """What must not be on two sides of a split, a row."""
        return self._column(ColumnKind.GROUP)

    @property
    def labels(self) -> tuple[str, ...]:
        """The true label, a row."""
        return self._column(ColumnKind.LABEL)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, sorted: the order of the columns of probabilities."""
        return tuple(sorted(set(self.labels)))

    def side(self, ids: Sequence[str]) -> list[Mapping[str, str]]:
        """The rows with these ids, in this order."""
        row_of = dict(zip(self.ids, self.rows, strict=True))
        return [row_of[name] for name in ids]

    def score(self, probabilities: Mapping[str, Sequence[float]], ids: Sequence[str]) -> Estimate:
        """The headline figure with its interval over groups.

        Args:
            probabilities: by sample id, one number a class in the order of `classes`.
            ids: the samples to score, all of them.

        Raises:
            InputError: a sample has no probabilities, or not one a class.
        """
        predicted, targets, groups = self.arrays(probabilities, ids)
        return metrics.bootstrap(MEASURES[self.measure], predicted, targets, groups)

    def difference(self, ours: Mapping[str, Sequence[float]], theirs: Mapping[str, Sequence[float]], ids: Sequence[str]) -> Estimate:
        """How much better `ours` is than `theirs` on the same samples, with the interval of the difference."""
        first, targets, groups = self.arrays(ours, ids)
        second, _, _ = self.arrays(theirs, ids)
        return metrics.paired_difference(MEASURES[self.measure], first, second, targets, groups)

    def arrays(self, probabilities: Mapping[str, Sequence[float]], ids: Sequence[str]) -> tuple[FloatArray, FloatArray, list[str]]:
        """Probabilities and targets, both `[rows, classes]`, and the groups of the rows."""
        absent = [name for name in ids if len(probabilities.get(name, ())) != len(self.classes)]
        if absent:
            raise InputError(f"{self.name}: {len(absent)} samples lack {len(self.classes)} probabilities, first {absent[0]!r}")
        rows = self.side(ids)
        predicted = np.array([probabilities[name] for name in ids], np.float32)
        place = {label: index for index, label in enumerate(self.classes)}
        targets = np.eye(len(place), dtype=np.float32)[[place[row[self.label]] for row in rows]]
        (group,) = self.columns(ColumnKind.GROUP)
        return predicted, targets, [row[group] for row in rows]

    def _column(self, kind: ColumnKind) -> tuple[str, ...]:
        (name,) = self.columns(kind)
        return tuple(row[name] for row in self.rows)


Load = Callable[[Path], EngineSet]


@dataclass(frozen=True, slots=True)
class Tables:
    """A set on disk, as one split cuts it.

    Attributes:
        train, validation, test: CSV files with a header; media paths are relative to their folder.
    """

    train: Path
    validation: Path
    test: Path

    @property
    def folder(self) -> Path:
        return self.test.parent


def write_tables(each: EngineSet, folder: Path, split: int = 0) -> Tables:
    """Write a split of a set as three CSV files with the media beside them.

    Args:
        each: the set.
        folder: made where it is missing; files of the same names in it are replaced.
        split: index into `each.splits`.

    Raises:
        InputError: a media file is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = each.splits[split]
    paths = {side: folder / f"{side}.csv" for side in SIDES}
    for side, path in paths.items():
        rows = each.side(getattr(chosen, side))
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(each.kinds))
            writer.writeheader()
            writer.writerows(_with_media(each, row, folder) for row in rows)
    return Tables(**paths)


def _with_media(each: EngineSet, row: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The row with its media copied below `folder` and named from there."""
    written = dict(row)
    for name in each.columns(*MEDIA):
        if not row[name]:
            continue
        target = folder / MEDIA_FOLDER / row[name]
        target.parent.mkdir(parents=True, exist_ok=True)
        if each.series is not None and row[name] in each.series:
            _write_series(each, row[name], target)
        elif not target.exists():
            source = each.folder / row[name]
            if not source.is_file():
                raise InputError(f"{each.name}: {source} is missing; see the README of the public data sets")
            shutil.copyfile(source, target)
        written[name] = f"{MEDIA_FOLDER}/{row[name]}"
    return written


def _write_series(each: EngineSet, path: str, target: Path) -> None:
    values = (each.series or {})[path]
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(each.channels)
        writer.writerows([[f"{value:g}" for value in row] for row in values])
