"""Rows of numbers and categories: exact tokens, nothing learned from the test, state through JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.encoders.contract import Encoder
from core.encoders.tabular import MAX_TOKENS, TabularEncoder, TabularState, fit_tabular
from core.errors import InputError, ModelError
from core.samples import Observation, Tabular, Text

ROWS = [{"age": float(age), "sex": sex} for age, sex in [(10, "m"), (20, "f"), (30, "m"), (40, None)]]


def observation(**values: float | str | None) -> Observation:
    return Observation(Tabular(values), "t")


@pytest.fixture
def encoder() -> TabularEncoder:
    return TabularEncoder(fit_tabular(ROWS, ["age"], ["sex"]))


def test_each_column_fills_its_own_stretch(encoder: TabularEncoder) -> None:
    tokens = encoder.encode([observation(age=25.0, sex="m")]).tokens[0]
    assert tokens.shape == (2, 11 + 5) == (2, encoder.width)
    np.testing.assert_allclose(tokens[0, :11], [1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0])  # the mean; four of eight pieces are passed
    np.testing.assert_allclose(tokens[1, 11:], [1, 0, 0, 1, 0])  # here, m
    assert not tokens[0, 11:].any()
    assert not tokens[1, :11].any()


def test_missing_and_never_seen_values_are_told_apart(encoder: TabularEncoder) -> None:
    first, second = encoder.encode([observation(age=None), observation(age=1e30, sex="x")]).tokens
    assert first[0, :3].tolist() == [0, 1, 0]
    assert first[1, 11:].tolist() == [0, 1, 0, 0, 0]
    assert second[0, :3].tolist() == [1, 0, 6]
    assert second[1, 11:].tolist() == [1, 0, 1, 0, 0]


def test_the_sentence_says_values_and_what_is_high(encoder: TabularEncoder) -> None:
    assert encoder.describe(observation(age=40.0, sex="f")) == "age 40 (high); sex f"
    assert encoder.encode([observation(age=None)]).sentences == (("no value is known",),)


def test_other_rows_do_not_change_what_a_row_gives(encoder: TabularEncoder) -> None:
    alone = encoder.encode([observation(age=12.0, sex="f")]).tokens[0]
    among = encoder.encode([observation(age=12.0, sex="f"), observation(age=1e9, sex="q")]).tokens[0]
    np.testing.assert_array_equal(alone, among)


def test_state_survives_json_and_gives_the_name(encoder: TabularEncoder) -> None:
    again = TabularEncoder(TabularState.from_json(json.loads(json.dumps(encoder.state.to_json()))))
    assert again.name == encoder.name
    assert TabularEncoder(fit_tabular(ROWS[:3], ["age"], ["sex"])).name != encoder.name
    assert isinstance(encoder, Encoder)


@pytest.mark.parametrize("damage", [{"version": 9}, {"numbers": None}, {"numbers": [], "categories": []}, {"numbers": [{"name": "a"}]}])
def test_a_damaged_state_is_refused(encoder: TabularEncoder, damage: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        TabularState.from_json(encoder.state.to_json() | damage)


def test_wrong_observations_are_refused(encoder: TabularEncoder) -> None:
    for bad in (Observation(Text(("a",)), "t"), observation(age=float("inf")), observation(age="old")):
        with pytest.raises(InputError):
            encoder.encode([bad])
    with pytest.raises(InputError, match="512"):
        fit_tabular([], [str(i) for i in range(513)], [])


def test_extreme_and_constant_columns_stay_finite_and_many_share_tokens() -> None:
    rows: list[dict[str, float | None]] = [
        {"same": 5.0, "huge": 1e308, "none": None, **{f"c{i}": float(i) for i in range(60)}},
        {"same": 5.0, "huge": -1e308},
    ]
    encoder = TabularEncoder(fit_tabular(rows, list(rows[0]), []))
    tokens = encoder.encode([Observation(Tabular(row), "t") for row in rows]).tokens
    assert np.isfinite(tokens).all()
    assert tokens.shape[1] == MAX_TOKENS
