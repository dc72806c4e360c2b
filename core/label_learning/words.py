"""Words as numbers: TF-IDF that reads scripts without blanks letter by letter, and is kept as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from core.errors import ModelError
from core.label_learning.pieces import pieces
from core.samples import FloatArray

MOST_WORDS = 20_000


@dataclass(frozen=True, slots=True)
class Words:
    """Words that are known, in order of their columns.

    Attributes:
        known: the words.
        rarity: `[words]`, inverse document frequency.
        table: scikit-learn's vectorizer, made of both.
    """

    known: tuple[str, ...]
    rarity: FloatArray
    table: Any

    def __len__(self) -> int:
        return len(self.known)

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        """Unit vectors, `[texts, words]`."""
        return csr_matrix(self.table.transform(texts), dtype=np.float32)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"known": list(self.known), "rarity": [float(one) for one in self.rarity]}


def fit_words(texts: Sequence[str]) -> Words | None:
    """Learn which words there are; None where no word is in two texts."""
    counted = TfidfVectorizer(analyzer=pieces, sublinear_tf=True, min_df=2, max_features=MOST_WORDS)
    try:
        counted.fit(texts)
    except ValueError:  # scikit-learn's word for: nothing is left
        return None
    known = tuple(str(word) for word in counted.get_feature_names_out())
    return _made(known, np.asarray(counted.idf_, np.float32))


def words_from_json(told: Mapping[str, Any], where: str) -> Words:
    """From `to_json`.

    Raises:
        ModelError: it is not that.
    """
    try:
        known, rarity = tuple(str(word) for word in told["known"]), [float(one) for one in told["rarity"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{where}: its words are damaged; train again") from error
    is_plain = 0 < len(known) == len(set(known)) == len(rarity) <= MOST_WORDS
    if not is_plain or not all(math.isfinite(one) for one in rarity):
        raise ModelError(f"{where}: its words are damaged; train again")
    return _made(known, np.asarray(rarity, np.float32))


def _made(known: tuple[str, ...], rarity: FloatArray) -> Words:
    table = TfidfVectorizer(analyzer=pieces, sublinear_tf=True, vocabulary={word: i for i, word in enumerate(known)})
    table.idf_ = rarity.astype(np.float64)
    return Words(known, rarity, table)
