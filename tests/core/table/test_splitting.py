"""Splits of a table share no group; a test that training rows would give away is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from core.table import Table, read_table
from core.table.splitting import check_disjoint, split_table


def table(folder: Path, rows: list[str], name: str = "t.csv", header: str = "id,words,group,label,when") -> Table:
    (folder / name).write_text("\n".join([header, *rows]))
    kinds = {c: k for c, k in {"words": "text", "photo": "image", "n": "number", "when": "ignored"}.items() if c in header.split(",")}
    return read_table(folder / name, kinds=kinds)


@pytest.fixture
def whole(tmp_path: Path) -> Table:
    return table(tmp_path, [f"r{i},words {i},g{i // 4},{'ab'[i % 2]},2024-01-{i // 2 + 1:02d}" for i in range(40)])


def test_groups_stay_whole_and_labels_keep_their_shares(whole: Table) -> None:
    train, test = split_table(whole, fraction=0.2, seed=1)
    assert set(train.groups) & set(test.groups) == set()
    assert len(train) + len(test) == 40
    assert len(test) == 8
    assert test.values("label").count("a") == 4
    check_disjoint(train, test)
    assert split_table(whole, fraction=0.2, seed=1)[1].ids == test.ids


def test_by_time_the_latest_rows_are_the_test_and_no_group_is_in_both(whole: Table) -> None:
    train, test = split_table(whole, fraction=0.25, by_time="when")
    assert max(train.values("when")) < min(test.values("when"))
    assert set(train.groups) & set(test.groups) == set()
    check_disjoint(train, test)


def test_useless_splits_are_refused(whole: Table) -> None:
    for fraction in (0.0, 0.7, float("nan")):
        with pytest.raises(InputError, match="fraction"):
            split_table(whole, fraction=fraction)
    with pytest.raises(InputError, match="no column"):
        split_table(whole, fraction=0.2, by_time="then")
    with pytest.raises(InputError, match="group"):
        split_table(whole.select([0, 1, 2, 3]), fraction=0.5)


def test_a_shared_id_group_or_row_is_a_leak_with_its_lines(tmp_path: Path) -> None:
    train = table(tmp_path, ["a,one,g1,x,", "b,two,g2,y,"], "train.csv")
    for row, said in (
        ("b,three,g3,x,", "the id 'b' .*train.csv line 3 and test.csv line 3"),
        ("c,three,g2,x,", "the group 'g2'"),
        ("c,two,g3,x,", "the content of the row 'c'"),
    ):
        with pytest.raises(InputError, match=said):
            check_disjoint(train, table(tmp_path, ["z,other,g9,x,", row], "test.csv"))
    same_words = table(tmp_path, ["z,other,g9,x,", "c,two,g3,x,"], "test.csv")
    check_disjoint(train, same_words, content=False)


def test_the_same_picture_under_another_name_is_a_leak(tmp_path: Path) -> None:
    for name, data in (("a.png", b"12"), ("b.png", b"34"), ("c.png", b"12"), ("d.png", b"56")):
        (tmp_path / name).write_bytes(data)
    train = table(tmp_path, ["a.png,x", "b.png,y"], "train.csv", "photo,label")
    with pytest.raises(InputError, match="content"):
        check_disjoint(train, table(tmp_path, ["d.png,x", "c.png,x"], "test.csv", "photo,label"))
    check_disjoint(train, table(tmp_path, ["d.png,x"], "test.csv", "photo,label"))


def test_equal_numbers_are_no_leak(tmp_path: Path) -> None:
    train, test = (table(tmp_path, rows, f"{i}.csv", "n,label") for i, rows in enumerate((["1,a", "2,b"], ["5,a", "1,b"])))
    check_disjoint(train, test)
