"""The real sets that the engine is measured on: each a function from the folder of public data to an `EngineSet`.

The splits are those that the SOURCE.txt of each set names. Traps that SOURCE.txt names are kept out of the columns: where a
file came from, a reader's own verdict on the picture, notes that tell the outcome, ids, folds.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from core.benches.engine_tables import ColumnKind, EngineSet, Load, Problem
from core.errors import InputError
from core.samples import FloatArray
from core.splits import Split

FOLDS = 5
WINDOW_ROWS = 20  # of 30 s: ten minutes of the room
WINDOW_STRIDE_ROWS = 5
MAX_GAP_S = 120.0

_ENDS = {"label": ColumnKind.LABEL, "group": ColumnKind.GROUP}


def openclipart(data: Path) -> EngineSet:
    """Drawings with titles and counts of what is in the drawing file: which of eleven shelves."""
    folder = data / "multimodal" / "openclipart"
    counts = ["n_path", "n_rect", "n_circle", "n_group", "n_gradient", "n_text", "n_embedded_raster", "n_color", "svg_bytes"]
    kinds = _kinds(
        image=["image"], text=["title", "description"], number=[*counts, "page_aspect", "page_cover", "year"], category=["editor"]
    )
    rows = _read(folder / "items.csv")
    return EngineSet(
        "openclipart",
        folder,
        _rows(rows, kinds),
        kinds,
        Problem.MULTICLASS,
        _folds([row["id"] for row in rows], [row["fold"] for row in rows], "01234"),
        "balanced accuracy",
        "by maker; 11 shelves, chosen by uploaders: the ceiling is well below 1; plain models reach .439 accuracy over five folds",
    )


def recipes(data: Path) -> EngineSet:
    """Recipes in English and Chinese with numbers, two in five with a photograph: which of eight courses."""
    folder = data / "multimodal" / "recipes"
    numbers = ["prep_min", "cook_min", "servings", "difficulty", "kcal_estimate", "n_ingredients", "n_steps"]
    kinds = _kinds(image=["image"], text=["title", "intro", "ingredients", "steps"], number=numbers, category=["lang"])
    rows = _read(folder / "items.csv")
    return EngineSet(
        "recipes",
        folder,
        _rows(rows, kinds),
        kinds,
        Problem.MULTICLASS,
        _folds([row["id"] for row in rows], [row["fold"] for row in rows], "01234"),
        "balanced accuracy",
        "by author or dish; half Chinese, 60 % without a picture; text leads, so fusion must not lose to it",
    )


def busbra(data: Path) -> EngineSet:
    """Breast ultrasound with the numbers of the lesion's box: benign or malignant."""
    folder = data / "multimodal" / "busbra"
    numbers = ["img_w", "img_h", "box_x", "box_y", "box_w", "box_h", "box_tall", "box_area"]
    kinds = _kinds(image=["image"], number=numbers, category=["device", "probe_mhz", "view"])
    rows = _read(folder / "items.csv")
    return EngineSet(
        "busbra",
        folder,
        _rows(rows, kinds),
        kinds,
        Problem.BINARY,
        _folds([row["id"] for row in rows], [row["fold"] for row in rows], "01234"),
        "AUROC",
        "the authors' folds, by patient; without the reader's BI-RADS; the box was drawn by a reader; not for clinical claims",
    )


def chest_films(data: Path) -> EngineSet:
    """Chest films with a little about the patient: did they go to intensive care."""
    folder = data / "medical" / "covid_chestxray_open"
    kinds = _kinds(image=["image"], number=["age", "temperature", "offset_days"], category=["view", "sex"])
    rows = [
        {**row, "id": row["file"], "image": row["file"], "label": row["went_icu"], "group": row["patientid"]}
        for row in _read(folder / "labels.csv")
        if row["went_icu"]
    ]
    folds = _stratified([row["label"] for row in rows], [row["group"] for row in rows])
    return EngineSet(
        "chest films",
        folder,
        _rows(rows, kinds),
        kinds,
        Problem.BINARY,
        _folds([row["id"] for row in rows], folds, "01234"),
        "AUROC",
        f"by patient; {len(rows)} films only: pool the five folds; view and outcome are tied (bedside films are of sicker patients)",
    )


def occupancy(data: Path) -> EngineSet:
    """Sixteen readings of one room, every 30 s: how many people are in it (0 to 3)."""
    folder = data / "sensors" / "smart_home" / "room_occupancy"
    rows = _occupancy_rows(folder)
    kinds = _kinds(number=[name for name in rows[0] if name.startswith(("S1_", "S2_", "S3_", "S4_", "S5_", "S6_", "S7_"))])
    return EngineSet(
        "occupancy",
        folder,
        _rows(rows, kinds),
        kinds,
        Problem.MULTICLASS,
        (_by_day(rows),),
        "macro-F1",
        "whole days apart; groups are hours; 81 % zeros, and light alone tells occupied from not",
    )


def occupancy_series(data: Path) -> EngineSet:
    """The last ten minutes of the same sixteen readings: how many people are in the room now."""
    folder = data / "sensors" / "smart_home" / "room_occupancy"
    rows = _occupancy_rows(folder)
    channels = tuple(name for name in rows[0] if name[0] == "S" and name[1].isdigit())
    values = np.array([[float(row[name]) for name in channels] for row in rows], np.float32)  # [rows, channels]
    seconds = np.array([f"{row['Date'].replace('/', '-')}T{row['Time']}" for row in rows], "datetime64[s]").astype(np.int64)
    windows: dict[str, FloatArray] = {}
    ends = []
    for end in range(WINDOW_ROWS - 1, len(rows), WINDOW_STRIDE_ROWS):
        span = slice(end - WINDOW_ROWS + 1, end + 1)
        whole = bool((np.diff(seconds[span]) <= MAX_GAP_S).all()) and _side_of(rows[span.start]) == _side_of(rows[end])
        if whole:
            path = f"{rows[end]['id']}.csv"
            windows[path] = values[span]
            ends.append({**rows[end], "series": path})
    kinds = _kinds(series=["series"])
    return EngineSet(
        "occupancy series",
        folder,
        _rows(ends, kinds),
        kinds,
        Problem.MULTICLASS,
        (_by_day(ends),),
        "macro-F1",
        "windows of ten minutes, none across a gap or a border of the split; whole days apart; reported alone",
        has_peer=False,
        series=windows,
        channels=channels,
    )


def esc10(data: Path) -> EngineSet:
    """Five-second sounds of ten kinds."""
    folder = data / "audio" / "esc10"
    rows = [
        {**row, "id": row["filename"], "audio": row["filename"], "group": f"clip{row['clip_id']}"} for row in _read(folder / "meta.csv")
    ]
    kinds = _kinds(audio=["audio"])
    return EngineSet(
        "esc10",
        folder,
        _rows(rows, kinds),
        kinds,
        Problem.MULTICLASS,
        _folds([row["id"] for row in rows], [row["fold"] for row in rows], "54321"),
        "balanced accuracy",
        "the published folds; padding silence leaks the class in 77 clips, and an AudioSet encoder may have seen them; reported alone",
        has_peer=False,
    )


SETS: Mapping[str, Load] = {
    "openclipart": openclipart,
    "recipes": recipes,
    "busbra": busbra,
    "chest films": chest_films,
    "occupancy": occupancy,
    "occupancy series": occupancy_series,
    "esc10": esc10,
}


def load(name: str, data: Path) -> EngineSet:
    """One of `SETS`.

    Raises:
        InputError: no such set, or its files are not there.
    """
    if name not in SETS:
        raise InputError(f"no engine set {name!r}; there are {', '.join(SETS)}")
    return SETS[name](data)


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [dict(row) for row in csv.DictReader(stream)]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); set TRIVIUM_DATA to the folder of public data sets") from error


def _kinds(**names: Sequence[str]) -> dict[str, ColumnKind]:
    """Columns in writing order: id, then those given by kind, then label and group."""
    given = {name: ColumnKind(kind) for kind, columns in names.items() for name in columns}
    return {"id": ColumnKind.ID, **given, **_ENDS}


def _rows(rows: Sequence[Mapping[str, str]], kinds: Mapping[str, ColumnKind]) -> tuple[Mapping[str, str], ...]:
    return tuple({name: row[name] for name in kinds} for row in rows)


def _folds(ids: Sequence[str], folds: Sequence[str], order: str) -> tuple[Split, ...]:
    """Each fold tested once, the one after it in `order` for validation, the rest for training."""

    def members(chosen: str) -> tuple[str, ...]:
        return tuple(name for name, fold in zip(ids, folds, strict=True) if fold in chosen)

    splits = []
    for place, test in enumerate(order):
        validation = order[(place + 1) % len(order)]
        rest = "".join(fold for fold in order if fold not in (test, validation))
        splits.append(Split(members(rest), members(validation), members(test)))
    return tuple(splits)


def _stratified(labels: Sequence[str], groups: Sequence[str]) -> list[str]:
    """A fold for each row, whole groups at a time, labels in like shares; the same ones every time."""
    folds = [""] * len(labels)
    parts = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(list(labels), list(labels), list(groups))
    for fold, (_, test) in enumerate(parts):
        for row in test:
            folds[int(row)] = str(fold)
    return folds


def _occupancy_rows(folder: Path) -> list[dict[str, str]]:
    rows = _read(folder / "Occupancy_Estimation.csv")
    return [
        {
            **row,
            "id": f"{row['Date']}-{row['Time']}".replace("/", "").replace(":", ""),
            "label": row["Room_Occupancy_Count"],
            "group": f"{row['Date']} {row['Time'][:2]}h",
        }
        for row in rows
    ]


def _side_of(row: Mapping[str, str]) -> str:
    """Test: 23 and 26 December and January, as SOURCE.txt says; validation: an afternoon with all counts, and the still 24th."""
    day, hour = row["Date"], int(row["Time"][:2])
    if day in ("2017/12/23", "2017/12/26") or day.startswith("2018"):
        return "test"
    return "validation" if day == "2017/12/24" or (day == "2017/12/22" and 15 <= hour < 18) else "train"


def _by_day(rows: Sequence[Mapping[str, str]]) -> Split:
    sides: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for row in rows:
        sides[_side_of(row)].append(row["id"])
    return Split(*(tuple(sides[side]) for side in ("train", "validation", "test")))
