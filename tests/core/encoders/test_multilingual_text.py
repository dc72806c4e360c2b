"""Text of other scripts: a token a sentence, bounded, and known for what it is by its letters."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.encoders.multilingual import MOST_SENTENCES, MultilingualTextEncoder, _parts, is_mostly_other_script
from core.errors import InputError
from core.samples import Observation, Text
from core.table.defaults import text_encoder_named


@pytest.fixture(scope="module")
def encoder(packaged: Callable[[str], Path]) -> MultilingualTextEncoder:
    packaged("multilingual")
    return MultilingualTextEncoder()


def _seen(*sentences: str) -> Observation:
    return Observation(Text(sentences), "test")


def test_each_sentence_is_a_token_and_like_sentences_are_near(encoder: MultilingualTextEncoder) -> None:
    found = encoder.encode([_seen("猫在沙发上睡觉。狗在院子里跑。"), _seen("The cat sleeps on the sofa.")])
    assert found.tokens.shape == (2, 2, 512)
    assert found.mask.tolist() == [[True, True], [True, False]]
    cat, dog, english = found.tokens[0, 0], found.tokens[0, 1], found.tokens[1, 0]
    assert cat @ english > dog @ english + 0.1
    assert found.sentences[0] == ("猫在沙发上睡觉。 狗在院子里跑。",)
    assert text_encoder_named(encoder.name) == "multilingual"


def test_long_text_is_cut_and_says_so_and_no_words_are_refused(encoder: MultilingualTextEncoder) -> None:
    found = encoder.encode([_seen("好。" * 100)])
    assert found.tokens.shape[1] == MOST_SENTENCES
    assert "only the first" in found.sentences[0][1]
    with pytest.raises(InputError, match="without words"):
        encoder.encode([_seen(" \n。!")])


@pytest.mark.parametrize(
    ("texts", "is_other"),
    [
        (["红烧肉"], True),
        (["Ein süßer Kuchen, très bien"], False),
        (["красная рыба", "fish"], True),
        (["MRI 检查 of the left knee, no fracture"], False),
        (["123 !?", ""], False),
        ([], False),
    ],
)
def test_letters_say_which_script(texts: list[str], is_other: bool) -> None:
    assert is_mostly_other_script(texts) is is_other


@given(st.text(max_size=200))
def test_no_letter_is_lost_between_sentences(text: str) -> None:
    assert [c for part in _parts(text) for c in part if c.isalnum()] == [c for c in text if c.isalnum()]
    assert all(any(map(str.isalnum, part)) and "\n" not in part for part in _parts(text))


def test_tokens_are_finite_for_what_the_vocabulary_does_not_know(encoder: MultilingualTextEncoder) -> None:
    assert np.isfinite(encoder.encode([_seen("ᚠᚢᚦ a𓀀b")]).tokens).all()
