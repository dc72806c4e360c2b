"""Turn sentences into word-piece tokens and, for comparing sentences, into unit vectors.

Default: all-MiniLM-L6-v2 (Wang et al., 2020; Reimers & Gurevych, 2019), packaged weights, see docs/models.md. Any encoder
that transformers loads works, from a folder or the hub.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.encoders.checks import payloads
from core.encoders.identity import identity
from core.errors import InputError, ModelError
from core.features import Features, padded
from core.samples import FloatArray, Modality, Observation, Text
from core.weights import locate

DEFAULT_WEIGHTS = "minilm"
MAX_TOKENS = 256
CHARACTERS_A_TOKEN = 16  # more text than this a token is cut before it is split into word pieces
MAX_SENTENCE_CHARACTERS = 2000
CHUNK = 32


class TextEncoder:
    """Encodes text with a transformer.

    Attributes:
        max_tokens: word pieces read of one observation; the rest is cut, and the sentences say so.
    """

    modality = Modality.TEXT

    def __init__(self, weights: str = DEFAULT_WEIGHTS, *, max_tokens: int = MAX_TOKENS) -> None:
        """Load the weights.

        Args:
            weights: a packaged set, a folder, or a hub id.
            max_tokens: see above; never more than the model was built for.

        Raises:
            ModelError: the weights are not here, damaged, or no text encoder.
        """
        folder = locate(weights)
        self._tokenizer, self._model = _load(folder)
        built_for = int(getattr(self._model.config, "max_position_embeddings", max_tokens))
        self.max_tokens = min(max_tokens, built_for)
        self.width = int(self._model.config.hidden_size)
        self.name = f"text:{identity(weights, folder)}:{self.max_tokens}"

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode texts: tokens `[batch, time, width]`, the mask, and the sentences themselves.

        Raises:
            InputError: an observation is of another modality or holds no words.
        """
        texts = []
        for text, observation in zip(payloads(observations, Text, self.name), observations, strict=True):
            words = _one_line(" ".join(text.sentences))
            if not words:
                raise InputError(f"{self.name}: {observation.source} gave a text without words")
            texts.append(words)
        rows, cut = self._encode(texts)
        tokens, mask = padded(rows, self.width)
        sentences = tuple(self._sentences(text, is_cut) for text, is_cut in zip(texts, cut, strict=True))
        return Features(tokens, mask, sentences, self.name)

    def pooled(self, sentences: Sequence[str]) -> FloatArray:
        """Unit vectors, `[sentences, width]`: their dot product is the cosine. A sentence without words gives a vector of a blank."""
        if not sentences:
            return np.empty((0, self.width), np.float32)
        rows, _ = self._encode([_one_line(sentence) for sentence in sentences])
        means = np.stack([row.mean(0) for row in rows])
        unit: FloatArray = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        return unit.astype(np.float32)

    def describe(self, observation: Observation) -> str:
        """The text, on one line."""
        (text,) = payloads([observation], Text, self.name)
        return _bounded(_one_line(" ".join(text.sentences)))

    @torch.inference_mode()
    def _encode(self, texts: Sequence[str]) -> tuple[list[FloatArray], list[bool]]:
        """For each text its tokens `[time, width]` and whether it was cut; texts of like length go together."""
        most = self.max_tokens * CHARACTERS_A_TOKEN
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        rows: list[FloatArray] = [np.empty(0, np.float32)] * len(texts)
        cut = [False] * len(texts)
        for start in range(0, len(order), CHUNK):
            chosen = order[start : start + CHUNK]
            batch = self._tokenizer(
                [texts[i][:most] for i in chosen], padding=True, truncation=True, max_length=self.max_tokens, return_tensors="pt"
            )
            hidden = self._model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state.float().numpy()
            attended = batch["attention_mask"].bool().numpy()
            for place, index in enumerate(chosen):
                rows[index] = hidden[place][attended[place]]
                overflowed = bool(batch.encodings and batch.encodings[place].overflowing)
                cut[index] = overflowed or len(texts[index]) > most
        return rows, cut

    def _sentences(self, text: str, is_cut: bool) -> tuple[str, ...]:
        shown = _bounded(text)
        return (shown, f"(only the first {self.max_tokens} word pieces of this text were read)") if is_cut else (shown,)


def _load(folder: Path) -> tuple[Any, Any]:
    hub: Any = import_module("transformers")
    hub.utils.logging.disable_progress_bar()

    try:
        tokenizer = hub.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = hub.AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise ModelError(f"{folder} holds no text encoder that can be loaded: {reason}") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer, model.eval()


def _one_line(text: str) -> str:
    """One line of printable characters, one blank between words."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_SENTENCE_CHARACTERS else text[: MAX_SENTENCE_CHARACTERS - 1].rstrip() + "…"
