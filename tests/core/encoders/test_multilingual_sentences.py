"""Sentence vectors of several languages, from the packaged weights alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.encoders.sentences import SentenceEncoder
from core.errors import ModelError


@pytest.fixture(scope="module")
def encoder(packaged: Callable[[str], Path]) -> SentenceEncoder:
    packaged("multilingual")
    return SentenceEncoder()


def test_the_same_fall_is_near_in_three_languages_and_far_from_another_matter(encoder: SentenceEncoder) -> None:
    fall, chinese, spanish, lungs = encoder.encode(
        ["A man fell on the stairs.", "一名男子在楼梯上摔倒了。", "Un hombre se cayó en las escaleras.", "The lungs are clear."]
    )

    assert fall @ chinese > 0.6
    assert fall @ spanish > 0.7
    assert max(v @ lungs for v in (fall, chinese, spanish)) < 0.35


def test_vectors_are_unit_and_do_not_depend_on_their_neighbours(encoder: SentenceEncoder) -> None:
    texts = ["one", "", "  ", "½ ﬁ ☃ 𝔘", "word " * 5000]
    together = encoder.encode(texts)

    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    np.testing.assert_array_equal(together[3], encoder.encode(texts[3:4])[0])
    assert encoder.encode([]).shape == (0, encoder.width)


def test_damaged_weights_are_an_error_of_one_line(tmp_path: Path, packaged: Callable[[str], Path]) -> None:
    folder = packaged("multilingual")
    (tmp_path / "sp.model").write_bytes((folder / "sp.model").read_bytes())
    (tmp_path / "weights.npz").write_bytes((folder / "weights.npz").read_bytes()[:5000])

    with pytest.raises(ModelError, match="pull these weights again"):
        SentenceEncoder(str(tmp_path))
