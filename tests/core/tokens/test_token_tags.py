"""Strict IOB2: what counts as an entity, and that our counting is seqeval's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.tokens.tags import counts, entities, f1_difference, f1_estimate, micro_f1, strict_f1, tag_set_of

ROWS = st.lists(st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), min_size=4, max_size=4), min_size=1, max_size=5)


def test_inside_without_beginning_marks_nothing() -> None:
    assert entities(["O", "I-A", "B-A", "I-A", "I-B"]) == (("A", 2, 4),)


@given(ROWS, st.randoms(use_true_random=False))
def test_micro_f1_of_counts_is_seqevals(truth: list[list[str]], random: object) -> None:
    found = [row[::-1] for row in truth]
    table = counts([entities(r) for r in truth], [entities(r) for r in found])
    assert micro_f1(table, table) == pytest.approx(strict_f1(truth, found), abs=1e-6)


def test_strings_that_occur_twice_count_twice() -> None:
    assert counts([["a", "a", "b"]], [["a", "a", "a"]]).tolist() == [[2, 3, 3]]


def test_better_rows_are_better_in_every_draw() -> None:
    good, bad = np.array([[2, 2, 2]] * 6, np.float32), np.array([[1, 2, 2]] * 6, np.float32)
    gain = f1_difference(good, bad, list("aabbcc"))
    assert (gain.low, gain.value, gain.high) == (0.5, 0.5, 0.5)
    assert f1_estimate(good, list("aabbcc")).low == 1.0


@pytest.mark.parametrize(("rows", "says"), [([["O", "PER"]], "no IOB2 tag"), ([["O"], []], "nothing to learn")])
def test_tags_that_teach_nothing_are_refused(rows: list[list[str]], says: str) -> None:
    with pytest.raises(InputError, match=says):
        tag_set_of(rows)
