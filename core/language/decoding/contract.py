"""What a decoding runtime must do: greedy continuations of chat prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote.

    Attributes:
        text: without special tokens.
        token_ids: of the new tokens only.
    """

    text: str
    token_ids: tuple[int, ...]


class Decoder(Protocol):
    """A local language model; greedy, so that the same prompt gives the same text."""

    name: str

    def complete(self, prompts: Sequence[str], max_tokens: int, *, ignore_end: bool = False) -> list[Completion]:
        """Continue each prompt.

        Args:
            prompts: already in the model's chat format.
            max_tokens: new tokens at most, for each.
            ignore_end: go on to `max_tokens` whatever the model says; for measuring speed.
        """
        ...

    def chat(self, system: str, user: str) -> str:
        """The prompt of one turn in the model's chat format."""
        ...


def chat_ml(system: str, user: str) -> str:
    """ChatML, as SmolLM2 and Qwen are trained on."""
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
