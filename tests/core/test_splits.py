from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.splits import Split, folds, hold_out, load_split

rows = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["fall", "other"])), min_size=4, max_size=60).filter(
    lambda drawn: len({group for group, _ in drawn}) >= 3
)


def columns(drawn: list[tuple[str, str]]) -> tuple[list[str], list[list[str]], list[str]]:
    return [f"s{i}" for i in range(len(drawn))], [[label] for _, label in drawn], [group for group, _ in drawn]


@settings(max_examples=60, deadline=None)
@given(rows, st.floats(0.05, 0.5), st.integers(0, 5))
def test_held_out_groups_are_never_trained_on(drawn: list[tuple[str, str]], fraction: float, seed: int) -> None:
    ids, labels, groups = columns(drawn)
    split = hold_out(ids, labels, groups, fraction=fraction, seed=seed)
    group_of = dict(zip(ids, groups, strict=True))
    assert {group_of[i] for i in split.train}.isdisjoint(group_of[i] for i in split.validation)
    assert sorted(split.train + split.validation) == sorted(ids)
    assert split == hold_out(ids, labels, groups, fraction=fraction, seed=seed)


@settings(max_examples=40, deadline=None)
@given(rows, st.sampled_from([None, 2, 3]))
def test_folds_test_every_sample_once(drawn: list[tuple[str, str]], parts: int | None) -> None:
    ids, labels, groups = columns(drawn)
    made = folds(ids, labels, groups, parts=parts)
    assert sorted(i for split in made for i in split.test) == sorted(ids)
    assert len(made) == (parts or len(set(groups)))


def test_split_with_a_group_on_both_sides_is_refused() -> None:
    with pytest.raises(InputError, match="'room' is in train and in test"):
        Split(("a",), (), ("b",)).check(["a", "b"], ["room", "room"])
    with pytest.raises(InputError, match="'c', which is not there"):
        Split(("c",)).check(["a"], ["room"])
    with pytest.raises(InputError, match="twice"):
        Split(("a", "a")).check(["a"], ["room"])


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(InputError, match="1 group"):
        hold_out(["a", "b"], [["x"], ["y"]], ["g", "g"], fraction=0.2)
    with pytest.raises(InputError, match="too few"):
        folds(["a", "b"], [["x"], ["y"]], ["g", "h"], parts=5)


def test_split_is_kept_as_json(tmp_path: Path) -> None:
    split = Split(("a", "b"), ("c",), ())
    split.save(tmp_path / "split.json")
    assert load_split(tmp_path / "split.json") == split
    (tmp_path / "split.json").write_text("[1]")
    with pytest.raises(InputError, match="not a split"):
        load_split(tmp_path / "split.json")
