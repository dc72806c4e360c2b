"""Every word keeps its place, whatever it is made of."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from core.errors import ConfigError, ModelError
from core.tokens.pieces import MOST_PIECES_A_WORD, cut, word_pieces
from core.weights import locate


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    try:
        return AutoTokenizer.from_pretrained(locate("minilm"))
    except ModelError as error:
        pytest.skip(str(error))


def test_words_without_pieces_keep_a_place(tokenizer: Any) -> None:
    words = ["Dufay", "", " ", "\u200b", "北京", "e\u0301t\u00e9", "🙂", "\x00"]
    pieces, shortened = word_pieces(words, tokenizer)
    assert len(pieces) == len(words)
    assert all(pieces)
    assert pieces[1] == (tokenizer.unk_token_id,)
    assert tokenizer.convert_ids_to_tokens(pieces[4]) == ["北", "京"]
    assert shortened == []


def test_long_words_are_shortened_and_said_to_be(tokenizer: Any) -> None:
    pieces, shortened = word_pieces(["a", "xq" * 500], tokenizer)
    assert len(pieces[1]) == MOST_PIECES_A_WORD
    assert shortened == [1]


@settings(deadline=None)
@given(words=st.lists(st.text(max_size=12), max_size=120))
def test_windows_give_each_word_one_tag_and_overlap(tokenizer: Any, words: list[str]) -> None:
    windows = cut(words, tokenizer, most=40, overlap=10).windows
    trusted = [word for window in windows for word in range(*window.trusted)]
    assert trusted == list(range(len(words)))
    for window in windows:
        assert sum(map(len, window.pieces)) <= 40
        assert window.first <= window.trusted[0] <= window.trusted[1] <= window.first + len(window.pieces)
    for one, two in itertools.pairwise(windows):
        assert two.first < one.first + len(one.pieces)


def test_window_too_short_for_its_overlap_is_refused(tokenizer: Any) -> None:
    with pytest.raises(ConfigError, match="too short"):
        cut(["a"], tokenizer, most=20, overlap=10)
