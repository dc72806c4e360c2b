"""Turn sentences of sixteen languages, Chinese among them, into unit vectors.

Model: Universal Sentence Encoder multilingual v3 (Yang et al., 2019), its embeddings at 8 bits, packaged weights, see docs/models.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from core.encoders.identity import identity
from core.errors import ModelError
from core.samples import FloatArray
from core.weights import locate

DEFAULT_WEIGHTS = "multilingual"
PIECES, WEIGHTS = "sp.model", "weights.npz"
WIDTH = 512
BRANCH_WIDTH = 256
WINDOWS = ((2, 0), (3, 1), (5, 2))  # pieces a window, and how many of them stand before its own
UNKNOWN, BEGIN, END = 0, 1, 2
BLOCKS = 17  # the embeddings were quantised in so many blocks; piece i is row i // 17 of block i % 17
MOST_CHARACTERS = 4_000  # of a sentence
MOST_PIECES_BYTES = 16 << 20


class SentenceEncoder:
    """Encodes sentences, one vector each.

    Attributes:
        name: of the weights.
        width: numbers a sentence.
    """

    width = WIDTH

    def __init__(self, weights: str = DEFAULT_WEIGHTS) -> None:
        """Load the weights.

        Raises:
            ModelError: they are not here, or damaged.
        """
        folder = locate(weights)
        self.name = f"sentences:{identity(weights, folder)}"
        self._pieces = _tokenizer(folder / PIECES)
        try:
            with np.load(folder / WEIGHTS, allow_pickle=False) as held:
                self._table = np.stack([held[f"q{block + 1}"] for block in range(BLOCKS)], 1).reshape(-1, WIDTH)
                self._w: dict[str, Any] = {name: held[name] for name in held.files if not name.startswith("q")}
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise ModelError(f"{folder / WEIGHTS} cannot be loaded ({error}); pull these weights again") from error

    def encode(self, sentences: Sequence[str]) -> FloatArray:
        """Unit vectors `[sentences, 512]`: their dot product is the cosine."""
        return np.stack([self._one(text) for text in sentences]) if sentences else np.empty((0, WIDTH), np.float32)

    def _one(self, text: str) -> FloatArray:
        w, eps = self._w, float(self._w["eps"])
        ids = np.array([BEGIN, *(self._pieces.encode(text[:MOST_CHARACTERS]).ids or [UNKNOWN]), END])
        block = ids % BLOCKS
        embedded = self._table[ids].astype(np.float32) * w["scale"][block, None] + w["lo"][block, None]  # [pieces, 512]
        projected = np.concatenate([embedded @ w[f"proj{n}"] + w[f"proj_b{n}"] for n, _ in WINDOWS], 1)  # [pieces, 3 x 256]
        scale, shift = (np.concatenate([w[f"{kind}{n}"] for n, _ in WINDOWS]) for kind in ("ln_g", "ln_b"))
        projected = _normed(projected, scale, shift, eps)
        parts = [embedded]
        for place, (size, before) in enumerate(WINDOWS):
            x = projected[:, place * BRANCH_WIDTH : (place + 1) * BRANCH_WIDTH]
            for layer in ("1", "2"):
                x = x + np.maximum(_windows(x, size, before) @ w[f"w{layer}_{size}"] + w[f"b{layer}_{size}"], 0)
            parts.append(x)
        tokens = _normed(np.concatenate(parts, 1), w["ln_g"], w["ln_b"], eps) @ w["cnn_W"] + w["cnn_b"]
        mean = tokens.sum(0) / np.sqrt(np.float32(len(ids)))
        first = np.maximum(np.maximum(mean @ w["d0"], 0) @ w["d1"] + mean @ w["p1"], 0)
        vector = np.tanh(np.maximum(first @ w["d2"], 0) @ w["d3"] + first @ w["p3"])
        return np.asarray(vector / np.sqrt(max(float(vector @ vector), eps)), np.float32)


def _normed(rows: FloatArray, scale: FloatArray, shift: FloatArray, eps: float) -> FloatArray:
    centred = rows - rows.mean(1, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).mean(1, keepdims=True) + eps) * scale + shift, np.float32)


def _windows(rows: FloatArray, size: int, before: int) -> FloatArray:
    """Each row with its neighbours, zeros beyond the ends, `[rows, size x width]`."""
    laid = np.pad(rows, ((before, size - 1 - before), (0, 0)))
    return np.concatenate([laid[i : i + len(rows)] for i in range(size)], 1)


def _tokenizer(path: Path) -> Any:
    """The unigram pieces and the normalisation of a SentencePiece file, in the tokenizers library."""
    proto: Any = import_module("transformers.utils.sentencepiece_model_pb2_new")
    library: Any = import_module("tokenizers")
    if path.is_file() and path.stat().st_size > MOST_PIECES_BYTES:
        raise ModelError(f"{path} is larger than any such file; pull these weights again")
    try:
        told = proto.ModelProto()
        told.ParseFromString(path.read_bytes())
        made = library.Tokenizer(library.models.Unigram([(one.piece, one.score) for one in told.pieces], UNKNOWN, False))
        rules = [library.normalizers.Precompiled(told.normalizer_spec.precompiled_charsmap)]
        made.normalizer = library.normalizers.Sequence(
            [*rules, library.normalizers.Strip(), library.normalizers.Replace(library.Regex(" {2,}"), " ")]
        )
        made.pre_tokenizer = library.pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    except Exception as error:  # the libraries' own kinds share no base
        raise ModelError(f"{path} cannot be loaded ({type(error).__name__}); pull these weights again") from error
    return made
