"""Text becomes tokens whose mean tells what it is about."""

from __future__ import annotations

import numpy as np
import pytest

from core.encoders.text import MAX_SENTENCE_CHARACTERS, TextEncoder
from core.errors import ModelError
from core.samples import Observation, Text


@pytest.fixture(scope="module")
def encoder(packaged) -> TextEncoder:
    packaged("minilm")
    return TextEncoder()


def seen(*sentences: str) -> Observation:
    return Observation(Text(sentences), "test")


def test_sentences_of_like_meaning_lie_closer(encoder):
    fell, fallen, lungs = encoder.pooled(["A man fell on the stairs.", "A person has fallen down.", "The patient's lungs are clear."])

    assert fell @ fallen == pytest.approx(0.60, abs=0.02)
    assert max(fell @ lungs, fallen @ lungs) < 0.2


def test_pooled_vectors_have_length_one(encoder):
    vectors = encoder.pooled(["a", "a much longer sentence about nothing much", ""])

    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    assert encoder.pooled([]).shape == (0, encoder.width)


def test_white_space_and_control_characters_do_not_matter(encoder):
    clean, messy = (encoder.encode([o]) for o in (seen("Two words here"), seen(" Two\twords\r\n", "\x1b here\0 ")))

    assert messy.sentences == (("Two words here",),)
    np.testing.assert_array_equal(clean.tokens, messy.tokens)


def test_very_long_text_is_cut_and_says_so(encoder):
    features = encoder.encode([seen("word " * 200_000), seen("short")])

    assert features.mask.sum(axis=1).tolist() == [256, 3]
    assert "only the first 256 word pieces" in features.sentences[0][1]
    assert len(features.sentences[0][0]) <= MAX_SENTENCE_CHARACTERS
    assert features.sentences[1] == ("short",)


def test_text_of_just_the_longest_length_is_not_called_cut(encoder):
    features = encoder.encode([seen("word " * 254)])  # and two special tokens

    assert features.mask.sum() == 256
    assert len(features.sentences[0]) == 1


def test_any_folder_with_an_encoder_works_under_a_name_of_its_own(encoder, packaged):
    folder = packaged("minilm")

    other = TextEncoder(str(folder), max_tokens=8)

    assert other.name != encoder.name
    assert other.encode([seen("one two three four five six seven eight nine")]).tokens.shape == (1, 8, 384)


def test_folder_without_a_model_is_one_clear_error(tmp_path):
    with pytest.raises(ModelError, match="holds no text encoder"):
        TextEncoder(str(tmp_path))
