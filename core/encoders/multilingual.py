"""Turn text of any of sixteen languages into tokens, one a sentence: for columns whose script an English vocabulary does not know.

Model: Universal Sentence Encoder multilingual v3 (Yang et al., 2019), packaged weights, see docs/models.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.encoders.checks import payloads
from core.encoders.sentences import DEFAULT_WEIGHTS, SentenceEncoder
from core.errors import InputError
from core.features import Features, padded
from core.samples import Modality, Observation, Text

MOST_SENTENCES = 32  # read of one text; the rest is cut, and the sentences say so
MOST_SHOWN = 2000
_ENDS = re.compile(r"(?<=[。！？；!?;])|(?<=\.)\s+|\n+")
_OTHER_SCRIPTS = (  # those of the sixteen languages
    (0x0400, 0x052F),  # Cyrillic
    (0x0600, 0x06FF),  # Arabic
    (0x0E00, 0x0E7F),  # Thai
    (0x1100, 0x11FF),  # Hangul
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x9FFF),  # Chinese
    (0xAC00, 0xD7AF),  # Hangul
    (0xF900, 0xFAFF),  # Chinese
)


class MultilingualTextEncoder:
    """Encodes text, a token a sentence.

    Attributes:
        name: of the weights.
        width: numbers a token.
    """

    modality = Modality.TEXT

    def __init__(self, weights: str = DEFAULT_WEIGHTS) -> None:
        """Load the weights.

        Raises:
            ModelError: they are not here, or damaged.
        """
        self._encoder = SentenceEncoder(weights)
        self.name = f"text:{self._encoder.name}:{MOST_SENTENCES}"
        self.width = self._encoder.width

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode texts: tokens `[batch, sentences, 512]`, the mask, and the sentences themselves.

        Raises:
            InputError: an observation is of another modality or holds no words.
        """
        rows = []
        for text, observation in zip(payloads(observations, Text, self.name), observations, strict=True):
            parts = _parts(" ".join(text.sentences))
            if not parts:
                raise InputError(f"{self.name}: {observation.source} gave a text without words")
            rows.append(parts)
        tokens, mask = padded([self._encoder.encode(row[:MOST_SENTENCES]) for row in rows], self.width)
        return Features(tokens, mask, tuple(_shown(row) for row in rows), self.name)

    def describe(self, observation: Observation) -> str:
        """The text, on one line."""
        (text,) = payloads([observation], Text, self.name)
        return _bounded(" ".join(_parts(" ".join(text.sentences))))


def is_mostly_other_script(texts: Sequence[str]) -> bool:
    """Whether more letters are Chinese, Japanese, Korean, Cyrillic, Arabic or Thai than of any other script."""
    letters = [ord(letter) for text in texts for letter in text if letter.isalpha()]
    others = sum(any(low <= letter <= high for low, high in _OTHER_SCRIPTS) for letter in letters)
    return 2 * others > len(letters)


def _parts(text: str) -> list[str]:
    """Sentences of printable characters, one blank between words."""
    plain = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return [part for one in _ENDS.split(plain) if one and any(map(str.isalnum, part := " ".join(one.split())))]


def _shown(parts: Sequence[str]) -> tuple[str, ...]:
    shown = _bounded(" ".join(parts))
    return (shown, f"(only the first {MOST_SENTENCES} sentences of this text were read)") if len(parts) > MOST_SENTENCES else (shown,)


def _bounded(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1].rstrip() + "…"
