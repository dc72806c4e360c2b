"""From features to the arrays that an exported model reads, by NumPy and a tokenizer alone; no torch.

The same steps as the fusion model takes before anything learned: long runs of tokens averaged, sentences cut into word pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.errors import InputError
from core.features import Features
from core.samples import BoolArray, FloatArray, Modality

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from core.featuresets import FeatureSet

PRESENT = "present"
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One modality of an exported model.

    Attributes:
        modality: which.
        encoder: name of the encoder whose features it reads.
        width: numbers a token; 0 means sentences only.
        most_tokens: longer runs are averaged into this many stretches.
        most_words: word pieces of the sentences.
    """

    modality: Modality
    encoder: str
    width: int
    most_tokens: int
    most_words: int

    @property
    def names(self) -> tuple[str, ...]:
        """Of its inputs, in the graph's order."""
        kinds = ("words", "word_mask", "tokens", "token_mask", "times") if self.width else ("words", "word_mask")
        return tuple(f"{self.modality.value}_{kind}" for kind in kinds)


def input_names(specs: Sequence[InputSpec]) -> tuple[str, ...]:
    """Of all inputs, in the graph's order."""
    return (PRESENT, *(name for spec in specs for name in spec.names))


def prepare(
    specs: Sequence[InputSpec], features: Mapping[Modality, Features], rows: int, present: BoolArray | None, tokenizer: Tokenizer
) -> Arrays:
    """The inputs of a batch, by name.

    Args:
        specs: the model's modalities, in order.
        features: stacked, by modality; one that no row has may be left out.
        rows: of the batch.
        present: `[rows, modalities]`, False where a row lacks the modality whatever its features say; None means wherever it has any.
        tokenizer: the backbone's.

    Raises:
        InputError: features of another modality, encoder or width than the model's, or of another number of rows.
    """
    _check(specs, features, rows)
    found = np.zeros((rows, len(specs)), np.bool_)
    arrays: Arrays = {}
    for column, spec in enumerate(specs):
        given = features.get(spec.modality)
        texts = ["" if given is None else " ".join(given.sentences[row]) for row in range(rows)]
        found[:, column] = [bool(text.strip()) for text in texts]
        made: list[npt.NDArray[Any]] = list(word_ids([f"{spec.modality.value}: {text}" for text in texts], spec.most_words, tokenizer))
        if spec.width:
            tokens = np.zeros((rows, 1, spec.width), np.float32) if given is None else given.tokens
            mask = np.zeros((rows, 1), np.bool_) if given is None else given.mask
            pooled = pool_runs(tokens, mask, spec.most_tokens)
            found[:, column] |= pooled[1].any(1)
            made += pooled
        arrays |= dict(zip(spec.names, made, strict=True))
    return {PRESENT: found if present is None else found & present, **arrays}


def word_ids(texts: Sequence[str], most: int, tokenizer: Tokenizer) -> tuple[npt.NDArray[np.int64], BoolArray]:
    """Word pieces `[rows, words]` without special tokens, and their mask; at least one place a row."""
    pieces = [one.ids[:most] for one in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
    longest = max(1, *(len(row) for row in pieces)) if pieces else 1
    ids, mask = np.zeros((len(pieces), longest), np.int64), np.zeros((len(pieces), longest), np.bool_)
    for index, row in enumerate(pieces):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = True
    return ids, mask


def pool_runs(tokens: FloatArray, mask: BoolArray, most: int) -> tuple[FloatArray, BoolArray, FloatArray]:
    """As `core.projectors.pool_runs`, in NumPy: real tokens to the front, neighbours averaged where there are more than `most`.

    Returns:
        Tokens `[rows, kept, width]`, mask `[rows, kept]`, relative times `[rows, kept]`; at least one place a row.
    """
    rows, _, width = tokens.shape
    counts = mask.sum(1)
    kept = max(1, int(np.minimum(counts, most).max(initial=0)))
    pooled = np.zeros((rows, kept, width), np.float32)
    real, times = np.zeros((rows, kept), np.bool_), np.zeros((rows, kept), np.float32)
    for row in range(rows):
        count = int(counts[row])
        if not count:
            continue
        rank = np.arange(count)
        bins = rank * most // count if count > most else rank
        begins = np.flatnonzero(np.diff(bins, prepend=-1))
        sizes = np.diff(np.append(begins, count))
        pooled[row, : len(begins)] = np.add.reduceat(tokens[row][mask[row]], begins, axis=0) / sizes[:, None]
        times[row, : len(begins)] = np.add.reduceat(rank / max(count - 1, 1), begins) / sizes
        real[row, : len(begins)] = True
    return pooled, real, times


def check_encoders(specs: Sequence[InputSpec], features: FeatureSet) -> None:
    """Refuse features that no part of the model was trained on; modalities that it does not read are no matter.

    Raises:
        InputError: a row's features are of another encoder or width than the model's.
    """
    for modality in (spec.modality for spec in specs):
        rows = features.rows.get(modality, ())
        for encoder, width in {(row.encoder, row.width) for row in rows if row is not None}:
            _check_one(specs, modality, encoder, width)


def _check(specs: Sequence[InputSpec], features: Mapping[Modality, Features], rows: int) -> None:
    for modality, given in features.items():
        _check_one(specs, modality, given.encoder, given.width)
        if len(given) != rows:
            raise InputError(f"{modality}: features of {len(given)} rows in a batch of {rows}")


def _check_one(specs: Sequence[InputSpec], modality: Modality, encoder: str, width: int) -> None:
    known = {spec.modality: spec for spec in specs}
    spec = known.get(modality)
    if spec is None:
        raise InputError(f"this model was not trained on {modality}; it reads {', '.join(known)}")
    if encoder != spec.encoder or (spec.width and width != spec.width):
        raise InputError(
            f"{modality}: features of {encoder!r} ({width} wide) do not fit a model that was trained on "
            f"{spec.encoder!r} ({spec.width} wide)"
        )
