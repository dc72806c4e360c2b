"""The engine's sets keep to the splits that their sources name, leak nothing, and are written so that any program can read them."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core.benches.engine_sets import SETS, load
from core.benches.engine_tables import MEDIA, ColumnKind, EngineSet, Problem, write_tables
from core.errors import InputError
from core.splits import Split

LEAKS = {"reader_birads", "clinical_notes", "went_icu", "survival", "intubated", "finding", "fold", "split", "Room_Occupancy_Count"}
KINDS = {
    "id": ColumnKind.ID,
    "image": ColumnKind.IMAGE,
    "size": ColumnKind.NUMBER,
    "label": ColumnKind.LABEL,
    "maker": ColumnKind.GROUP,
}


def small_set(folder: Path, split: Split | None = None, image: str = "a.png") -> EngineSet:
    rows = [("s1", image, "1", "cat", "m1"), ("s2", "", "2", "dog", "m2"), ("s3", "", "", "cat", "m3"), ("s4", "", "4", "dog", "m3")]
    split = split or Split(("s1",), ("s2",), ("s3", "s4"))
    dictionaries = tuple(dict(zip(KINDS, row, strict=True)) for row in rows)
    return EngineSet("small", folder, dictionaries, KINDS, Problem.BINARY, (split,), "accuracy", "made by hand")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("name", list(SETS))
def test_sides_are_apart_and_hold_every_class(name: str, shared_data: Path) -> None:
    each = load(name, shared_data)

    assert not LEAKS & set(each.kinds)
    assert set(each.labels) == set(each.classes)
    assert len(set(each.ids)) == len(each.ids)
    for split in each.splits:
        for side in (split.train, split.validation, split.test):
            assert {row[each.label] for row in each.side(side)} == set(each.classes)


@pytest.mark.parametrize("name", ["openclipart", "recipes", "busbra"])
def test_first_split_is_the_one_in_the_file(name: str, shared_data: Path) -> None:
    each = load(name, shared_data)
    named = {row["id"]: row["split"] for row in read(shared_data / "multimodal" / name / "items.csv")}
    first = each.splits[0]

    assert {**dict.fromkeys(first.train, "train"), **dict.fromkeys(first.validation, "val"), **dict.fromkeys(first.test, "test")} == named


@pytest.mark.parametrize("name", ["openclipart", "recipes", "busbra", "chest films", "esc10"])
def test_folds_test_every_sample_once(name: str, shared_data: Path) -> None:
    each = load(name, shared_data)

    assert Counter(sample for split in each.splits for sample in split.test) == Counter(each.ids)


def test_occupancy_is_tested_on_days_that_were_not_trained_on(shared_data: Path) -> None:
    for name in ("occupancy", "occupancy series"):
        split = load(name, shared_data).splits[0]
        trained = {sample[:8] for sample in (*split.train, *split.validation)}

        assert trained == {"20171222", "20171224", "20171225"}
        assert {sample[:8] for sample in split.test} == {"20171223", "20171226", "20180110", "20180111"}


def test_windows_cross_no_gap_and_no_border(shared_data: Path) -> None:
    each = load("occupancy series", shared_data)
    row_of = {row["id"]: row for row in load("occupancy", shared_data).rows}

    assert each.series is not None
    shapes = {window.shape for window in each.series.values()}
    assert shapes == {(20, 16)}
    first = each.rows[0]
    last_light = each.series[first["series"]][-1, each.channels.index("S1_Light")]
    assert last_light == float(row_of[first["id"]]["S1_Light"])
    assert "20180110" in {sample[:8] for sample in each.ids}
    after_gap = min(sample for sample in each.ids if sample.startswith("20180110"))
    first_row = min(sample for sample in row_of if sample.startswith("20180110"))
    assert sum(first_row <= sample <= after_gap for sample in row_of) >= 20  # a window that starts after the gap of two weeks


def test_written_tables_hold_the_split_and_its_media(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"picture")

    tables = write_tables(small_set(tmp_path / "in"), tmp_path / "out")

    assert [row["id"] for path in (tables.train, tables.validation, tables.test) for row in read(path)] == ["s1", "s2", "s3", "s4"]
    (trained,) = read(tables.train)
    assert (tables.folder / trained["image"]).read_bytes() == b"picture"
    assert read(tables.test)[0] == {"id": "s3", "image": "", "size": "", "label": "cat", "maker": "m3"}


def test_missing_picture_is_said_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.png is missing"):
        write_tables(small_set(tmp_path, image="gone.png"), tmp_path / "out")


def test_split_that_leaks_a_group_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the group 'm3' is in validation and in test"):
        small_set(tmp_path, Split(("s1",), ("s3",), ("s4",)))


def test_score_is_of_all_samples_in_the_order_of_classes(tmp_path: Path) -> None:
    each = small_set(tmp_path)
    right = {"s3": (0.9, 0.1), "s4": (0.2, 0.8)}

    assert each.score(right, ("s3", "s4")).value == 1.0
    assert each.score({**right, "s4": (0.6, 0.4)}, ("s3", "s4")).value == 0.5
    assert each.difference(right, {**right, "s4": (0.6, 0.4)}, ("s3", "s4")).value == 0.5
    with pytest.raises(InputError, match="1 samples lack 2 probabilities, first 's4'"):
        each.score({"s3": (0.9, 0.1)}, ("s3", "s4"))


def test_series_are_written_as_tables_of_their_channels(shared_data: Path, tmp_path: Path) -> None:
    each = load("occupancy series", shared_data)
    few = Split(each.splits[0].train[:2], each.splits[0].validation[:1], each.splits[0].test[:1])
    chosen = EngineSet(
        each.name,
        each.folder,
        each.rows,
        each.kinds,
        each.problem,
        (few,),
        each.measure,
        each.note,
        series=each.series,
        channels=each.channels,
    )

    tables = write_tables(chosen, tmp_path)

    (media,) = each.columns(*MEDIA)
    window = read(tables.folder / read(tables.train)[0][media])
    assert tuple(window[0]) == each.channels
    assert each.series is not None
    expected = each.series[each.rows[0][media]]
    np.testing.assert_allclose([[float(cell) for cell in row.values()] for row in window], expected, rtol=1e-4)


def test_absent_data_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="set TRIVIUM_DATA"):
        load("recipes", tmp_path)
    with pytest.raises(InputError, match="no engine set 'moons'"):
        load("moons", tmp_path)
