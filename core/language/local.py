"""A language model on this machine as a writer: it rewords facts one by one; what it writes is checked afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.errors import ConfigError
from core.language.decoding.contract import Decoder
from core.language.facts import Fact
from core.language.wording import word

DEFAULT_WEIGHTS = "smollm2"
RUNTIMES = ("auto", "ctranslate2", "transformers")
MAX_TOKENS = 48
BATCH = 16
_SYSTEM = "You reword one sentence at a time. Keep every number, unit, name, side and negation. Add nothing."
_USER = "Reword this sentence: {sentence}"


class LocalWriter:
    """Rewords each fact's template with a local model."""

    def __init__(self, decoder: Decoder, *, max_tokens: int = MAX_TOKENS) -> None:
        """Use a loaded model."""
        self._decoder = decoder
        self._max_tokens = max_tokens

    def write(self, facts: Sequence[Fact]) -> list[str]:
        return [text for text in self.reword(facts) if text]

    def reword(self, facts: Sequence[Fact]) -> list[str]:
        """What the model makes of each fact, in their order; empty where it says nothing."""
        prompts = [self._decoder.chat(_SYSTEM, _USER.format(sentence=word(fact))) for fact in facts]
        written: list[str] = []
        for start in range(0, len(prompts), BATCH):
            written.extend(one_line(c.text) for c in self._decoder.complete(prompts[start : start + BATCH], self._max_tokens))
        return written


def load_decoder(weights: str = DEFAULT_WEIGHTS, runtime: str = "auto") -> Decoder:
    """Load a local model.

    Args:
        weights: a packaged set, a folder, or a hub id that is in the cache.
        runtime: `ctranslate2`, `transformers`, or `auto`: the first where it is installed, else the second.

    Raises:
        ConfigError: the runtime is unknown.
        ModelError: the weights are not here or do not load.
    """
    from core.weights import locate

    if runtime not in RUNTIMES:
        raise ConfigError(f"language.runtime: {runtime!r} is none of {', '.join(RUNTIMES)}; choose one")
    folder: Path = locate(weights)
    if runtime == "ctranslate2" or (runtime == "auto" and _has("ctranslate2")):
        from core.language.decoding.with_ctranslate2 import CTranslate2Decoder

        return CTranslate2Decoder(folder)
    from core.language.decoding.with_transformers import TransformersDecoder

    return TransformersDecoder(folder)


def one_line(text: str) -> str:
    """Printable characters on one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _has(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None
