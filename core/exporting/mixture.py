"""Several members of an exported label model at work together, by onnxruntime and NumPy alone; torch is never imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelError
from core.featuresets import FeatureSet
from core.label_learning.pieces import word_vectors
from core.label_learning.rows import Rows, ask_by_weights, pool, weights_fit, weights_from_json
from core.samples import FloatArray, Modality

ANSWERS = "answers"
MOST_MEMBERS = 20
MOST_WORDS = 20_000
FUSION = "fusion"
Ask = Callable[[Rows], FloatArray]


def mean_input(modality: Modality) -> str:
    """Name of the input of mean tokens."""
    return f"{modality.value}_mean"


def here_input(modality: Modality) -> str:
    """Name of the input that is 1 where a row has the modality."""
    return f"{modality.value}_here"


def words_input(modality: Modality) -> str:
    """Name of the input of words."""
    return f"{modality.value}_words"


def graph_file(place: int) -> str:
    """Name of a member's graph."""
    return f"member-{place}.onnx"


def words_file(place: int) -> str:
    """Name of the words that a member knows."""
    return f"member-{place}.json"


@dataclass(frozen=True, slots=True)
class Mixture:
    """Members and who answers what.

    Attributes:
        weights: for each set of modalities the weight of each member; the first set is all of them.
        members: by name.
        widths: numbers a token, by modality.
        labels: how many.
    """

    weights: Mapping[frozenset[Modality], Mapping[str, float]]
    members: Mapping[str, Ask]
    widths: Mapping[Modality, int]
    labels: int

    def ask(self, features: FeatureSet) -> FloatArray:
        """The weighted mean of the members' answers, `[rows, labels]`."""
        rows = pool(features.only([m for m in features.rows if m in self.widths]))
        return ask_by_weights(rows, self.weights, self.members, self.labels)


@dataclass(frozen=True, slots=True)
class PlainMember:
    """A graph of mean tokens and words.

    Attributes:
        session: of onnxruntime.
        widths: numbers a token, by modality that it reads.
        words: by modality the column of each known word, and their rarity.
        labels: how many.
    """

    session: Any
    widths: Mapping[Modality, int]
    words: Mapping[Modality, tuple[Mapping[str, int], FloatArray]]
    labels: int

    def ask(self, rows: Rows) -> FloatArray:
        """Probabilities or numbers, `[rows, labels]`; rows may lack any modality."""
        given: dict[str, FloatArray] = {}
        for m, width in self.widths.items():
            here = rows.here.get(m)
            is_here = here is not None and bool(here.any())  # else the width of its tokens is not known
            given[mean_input(m)] = np.asarray(rows.means[m], np.float32) if is_here else np.zeros((len(rows), width), np.float32)
            given[here_input(m)] = np.zeros((len(rows), 1), np.float32) if here is None else here[:, None].astype(np.float32)
        for m, (column, rarity) in self.words.items():
            given[words_input(m)] = word_vectors(rows.texts.get(m, ("",) * len(rows)), column, rarity)
        (answers,) = self.session.run([ANSWERS], given)
        return np.asarray(answers, np.float32)


def read_mixture(
    told: Mapping[str, Any],
    folder: Path,
    widths: Mapping[Modality, int],
    labels: int,
    open_member: Callable[[Path], Any],
    fusion: Ask | None,
) -> Mixture:
    """From the settings of an exported folder whose hashes were compared.

    Args:
        told: what they say of it.
        folder: where its graphs lie.
        widths: numbers a token, by modality.
        labels: how many.
        open_member: opens a graph.
        fusion: asks the fusion model, where there is one.

    Raises:
        ModelError: it is not what this version writes.
    """
    members: dict[str, Ask] = {}
    try:
        for place, one in enumerate(told["members"][:MOST_MEMBERS]):
            if one["name"] == FUSION:
                if fusion is not None:
                    members[FUSION] = fusion
                continue
            read = {Modality(m): widths[Modality(m)] for m in one["modalities"]}
            words = _words(folder / words_file(place)) if one["has_words"] else {}
            members[str(one["name"])] = PlainMember(open_member(folder / graph_file(place)), read, words, labels).ask
        weights = weights_from_json(told["weights"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder.name}: its members are not what this version writes ({str(error)[:80]}); export again") from error
    if not weights_fit(weights, members):
        raise ModelError(f"{folder.name}: the weights of its members do not fit; export again")
    return Mixture(weights, members, widths, labels)


def _words(path: Path) -> dict[Modality, tuple[Mapping[str, int], FloatArray]]:
    from core.model_folder import read_json

    found: dict[Modality, tuple[Mapping[str, int], FloatArray]] = {}
    for modality, told in read_json(path.parent, path.name, kind="exported model").items():
        column = {str(word): place for place, word in enumerate(told["known"])}
        rarity = np.array(told["rarity"], np.float32)
        if not 0 < len(column) == len(rarity) == len(told["known"]) <= MOST_WORDS or not np.isfinite(rarity).all():
            raise ValueError("words that no export writes")
        found[Modality(modality)] = (column, rarity)
    return found
