"""Words of a text, and of scripts without blanks their letters: what training counts and an exported model counts alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from core.samples import FloatArray

MOST_LETTERS = 20_000  # read of a row
LONGEST = 40  # letters of a word
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]+|\w+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]")


def pieces(text: str) -> list[str]:
    """Words in lower case; of Chinese, Japanese and Korean each letter and each pair of neighbours."""
    found: list[str] = []
    for run in _WORD.findall(text[:MOST_LETTERS].casefold()):
        if _UNSPACED.match(run):
            found += [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
        elif len(run) > 1:
            found.append(run[:LONGEST])
    return found


def word_vectors(texts: Sequence[str], column: Mapping[str, int], rarity: FloatArray) -> FloatArray:
    """Unit vectors of words, `[texts, words]`: 1 + log of how often each occurs, times its rarity.

    Args:
        texts: a row each.
        column: of each known word.
        rarity: `[words]`.
    """
    found = np.zeros((len(texts), len(rarity)), np.float32)
    for row, text in enumerate(texts):
        for word, times in Counter(piece for piece in pieces(text) if piece in column).items():
            found[row, column[word]] = (1 + np.log(times)) * rarity[column[word]]
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12), np.float32)
