"""Every learner sets its validation rows aside by one rule."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import InputError
from core.learners._held_out import held_out
from core.table import Column, ColumnKind, Table

OPTIONS = SimpleNamespace(validation_fraction=0.25, seed=3)


def table(groups: str, prefix: str = "r") -> Table:
    rows = tuple({"book": group} for group in groups)
    ids = tuple(f"{prefix}{i}" for i in range(len(rows)))
    return Table("t", (Column("book", ColumnKind.GROUP),), rows, ids, tuple(range(2, len(rows) + 2)), Path())


def test_no_group_is_on_both_sides_and_the_seed_says_which() -> None:
    rows = table("aabbccddeeff")
    train, validation = held_out(rows, None, OPTIONS)
    assert not set(train.groups) & set(validation.groups)
    assert sorted((*train.ids, *validation.ids)) == sorted(rows.ids)
    assert 2 <= len(validation) <= 4
    assert held_out(rows, None, OPTIONS)[1].ids == validation.ids


def test_rows_of_one_group_all_train() -> None:
    train, validation = held_out(table("aaaa"), None, OPTIONS)
    assert (len(train), len(validation)) == (4, 0)


def test_given_rows_are_taken_and_a_shared_one_is_refused() -> None:
    rows, other = table("ab"), table("cd", "v")
    assert held_out(rows, other, OPTIONS) == (rows, other)
    with pytest.raises(InputError, match="'r1' is in training and in validation"):
        held_out(rows.select([1]), table("xy"), OPTIONS)
    with pytest.raises(InputError, match="no rows to learn from"):
        held_out(rows.select([]), None, OPTIONS)
