"""The text encoder of an exported model: the same tokens and sentences as `core.encoders.text`, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.encoders.checks import payloads
from core.errors import InputError
from core.features import Features
from core.samples import FloatArray, Modality, Observation, Text

CHARACTERS_A_TOKEN = 16
MAX_SENTENCE_CHARACTERS = 2000
CHUNK = 32


class OnnxTextEncoder:
    """Encodes text.

    Attributes:
        name: as in training.
        width: numbers a token.
        max_tokens: word pieces read of one text.
    """

    modality = Modality.TEXT

    def __init__(self, session: Any, tokenizer: Any, name: str, width: int, max_tokens: int) -> None:
        """Use an open graph (`ids` and `mask` to `tokens`) and its tokenizer."""
        self._session = session
        self._tokenizer = tokenizer
        self.name = name
        self.width = width
        self.max_tokens = max_tokens

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode texts: tokens `[batch, time, width]`, the mask, and the sentences themselves.

        Raises:
            InputError: an observation is of another modality or holds no words.
        """
        texts = [self._words(text, o.source) for text, o in zip(payloads(observations, Text, self.name), observations, strict=True)]
        pieces = [one.ids for one in self._tokenizer.encode_batch([t[: self.max_tokens * CHARACTERS_A_TOKEN] for t in texts])]
        cut = [len(p) > self.max_tokens or len(t) > self.max_tokens * CHARACTERS_A_TOKEN for p, t in zip(pieces, texts, strict=True)]
        pieces = [p if len(p) <= self.max_tokens else [*p[: self.max_tokens - 1], p[-1]] for p in pieces]  # the closing token stays
        longest = max(map(len, pieces))
        tokens, mask = np.zeros((len(texts), longest, self.width), np.float32), np.zeros((len(texts), longest), np.bool_)
        order = sorted(range(len(texts)), key=lambda i: len(pieces[i]))
        for start in range(0, len(order), CHUNK):
            chosen = order[start : start + CHUNK]
            for index, row in zip(chosen, self._run([pieces[i] for i in chosen]), strict=True):
                tokens[index, : len(row)] = row
                mask[index, : len(row)] = True
        sentences = tuple(self._sentences(text, is_cut) for text, is_cut in zip(texts, cut, strict=True))
        return Features(tokens, mask, sentences, self.name)

    def describe(self, observation: Observation) -> str:
        """The text, on one line."""
        (text,) = payloads([observation], Text, self.name)
        return _bounded(self._words(text, observation.source))

    def _run(self, pieces: Sequence[Sequence[int]]) -> list[FloatArray]:
        longest = max(map(len, pieces))
        ids, mask = np.zeros((len(pieces), longest), np.int64), np.zeros((len(pieces), longest), np.int64)
        for index, row in enumerate(pieces):
            ids[index, : len(row)], mask[index, : len(row)] = row, 1
        (hidden,) = self._session.run(["tokens"], {"ids": ids, "mask": mask})
        return [hidden[index, : len(row)] for index, row in enumerate(pieces)]

    def _words(self, text: Text, source: str) -> str:
        words = " ".join("".join(c if c.isprintable() else " " for c in " ".join(text.sentences)).split())
        if not words:
            raise InputError(f"{self.name}: {source} gave a text without words")
        return words

    def _sentences(self, text: str, is_cut: bool) -> tuple[str, ...]:
        shown = _bounded(text)
        return (shown, f"(only the first {self.max_tokens} word pieces of this text were read)") if is_cut else (shown,)


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_SENTENCE_CHARACTERS else text[: MAX_SENTENCE_CHARACTERS - 1].rstrip() + "…"
