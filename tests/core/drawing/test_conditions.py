"""A row's wish as numbers, and back from JSON."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drawing.conditions import TEXT_SCALE, Condition, Conditions, conditions_of
from core.errors import InputError
from core.table import Table, read_table, recast


def table_of(folder: Path, *lines: str, **kinds: str) -> Table:
    (folder / "t.csv").write_text("\n".join(lines) + "\n")
    return read_table(folder / "t.csv", kinds=kinds)


@pytest.fixture
def shapes(tmp_path: Path) -> Table:
    return table_of(tmp_path, "id,colour,count", "a,red,1", "b,blue,4", "c,,2", "d,red,", colour="category", count="number")


def test_numbers_lie_between_knots_categories_are_choices_and_gaps_are_open(shapes: Table) -> None:
    conditions = conditions_of(shapes)
    assert [(c.name, c.kind, c.knots, c.choices) for c in conditions.columns] == [
        ("colour", "category", (), ("blue", "red")),
        ("count", "number", (1.0, 2.0, 4.0), ()),
    ]
    assert conditions.encode(shapes).tolist() == [
        [1, 0, 1, 1, 1, 0, 0],
        [1, 1, 0, 1, 0, 0, 1],
        [0, 0, 0, 1, 0, 1, 0],
        [1, 0, 1, 0, 0, 0, 0],
    ]
    assert conditions.classes(shapes).tolist() == [[1, 0], [0, 2], [-1, 1], [1, -1]]
    assert conditions.columns[1].encode(3.0).tolist() == [1, 0, 0.5, 0.5]
    assert conditions.prompts(shapes)[1:3] == ["colour: blue, count: 4", "count: 2"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40, unique=True), st.floats(-2e6, 2e6))
def test_any_number_is_shared_out_between_two_knots(seen: list[float], value: float) -> None:
    from core.drawing.conditions import _number_condition

    condition = _number_condition("n", seen)
    row = condition.encode(value)
    assert row[0] == 1
    assert row[1:].sum() == pytest.approx(1, abs=1e-5)
    assert (row[1:] > 0).sum() <= 2
    assert 0 <= condition.class_of(value) < condition.classes


def test_a_table_of_fewer_columns_or_of_constant_ones_can_still_ask(shapes: Table, tmp_path: Path) -> None:
    conditions = conditions_of(shapes)
    asked = conditions.cast(table_of(tmp_path, "id,count", "x,2", "y,2"))  # one value all along would be ignored by itself
    assert conditions.classes(asked).tolist() == [[-1, 1], [-1, 1]]
    left_aside = conditions.cast(recast(shapes, {"count": "ignored"}))
    assert conditions.classes(left_aside)[:, 1].tolist() == [-1] * 4
    with pytest.raises(InputError, match="none of the columns that can be asked for is there: colour, count"):
        conditions.cast(table_of(tmp_path, "id,size", "x,2", "y,3"))


@pytest.mark.parametrize(("row", "said"), [("y,green,1", "line 3.*'green' was not seen.*blue, red"), ("y,red,many", "line 3.*count.*many")])
def test_what_cannot_be_asked_is_said_with_its_line(shapes: Table, tmp_path: Path, row: str, said: str) -> None:
    conditions = conditions_of(shapes)
    with pytest.raises(InputError, match=said):
        conditions.encode(conditions.cast(table_of(tmp_path, "id,colour,count", "x,red,1", row, colour="category")))


def test_json_brings_the_same_back_and_nothing_else_in(shapes: Table) -> None:
    conditions = conditions_of(shapes)
    assert Conditions.from_json(conditions.to_json()) == conditions
    wrong: list[list[dict[str, Any]]] = [
        [],
        [{"name": "n", "kind": "number", "knots": [2, 1], "edges": [], "choices": []}],
        [{"name": "n", "kind": "number", "knots": [float("nan")], "edges": [], "choices": []}],
        [{"name": "n", "kind": "number", "knots": [], "edges": [], "choices": []}],
        [{"name": "n", "kind": "number", "knots": list(range(10**4)), "edges": [], "choices": []}],
        [{"name": "n", "kind": "code", "knots": [], "edges": [], "choices": []}],
    ]
    for value in wrong:
        with pytest.raises(ValueError, match=r"condition|knots"):
            Conditions.from_json(value)


def test_words_become_vectors_and_equal_words_equal_ones(packaged: Any, shapes: Table, tmp_path: Path) -> None:
    packaged("minilm")
    table = table_of(tmp_path, "id,said", "a,two red circles", "b,two red circles", "c,a blue square", "d,", said="text")
    vectors = conditions_of(table).encode(table)
    assert vectors.shape == (4, 385)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert not vectors[3].any()
    assert np.linalg.norm(vectors[2, 1:]) == pytest.approx(TEXT_SCALE, rel=1e-4)
    assert vectors[0, 1:] @ vectors[2, 1:] < 0.9 * TEXT_SCALE**2


def test_too_many_choices_or_nothing_to_ask_is_refused(tmp_path: Path) -> None:
    many = table_of(tmp_path, "id,code", *(f"{i},c{i}" for i in range(201)), code="category")
    with pytest.raises(InputError, match="201 choices, more than 200"):
        conditions_of(many)
    with pytest.raises(InputError, match="nothing to draw from"):
        conditions_of(recast(many, {"code": "ignored"}))
    assert Condition("n", "number", (1.0,)).encode(7).tolist() == [1, 1]
