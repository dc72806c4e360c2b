"""The language model that writes: a decoder with its head, frozen or with adapters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from core.backbones import BackboneIdentity, load_pretrained
from core.errors import ModelError

DecoderTuning = Literal["frozen", "lora"]


@dataclass(frozen=True, slots=True)
class Decoder:
    """A decoder at hand.

    Attributes:
        module: the transformers model with its head.
        tokenizer: its tokenizer.
        identity: which weights these are.
    """

    module: Any
    tokenizer: Any
    identity: BackboneIdentity

    @property
    def width(self) -> int:
        return int(self.module.config.hidden_size)

    @property
    def opening(self) -> list[int]:
        """Ids that begin a sequence."""
        first = self.tokenizer.bos_token_id
        return [] if first is None else [int(first)]

    @property
    def closing(self) -> int:
        """The id that ends an answer."""
        return int(self.tokenizer.eos_token_id)

    def embed(self, ids: Tensor) -> Tensor:
        """Ids `[n]` to `[n, width]`."""
        table: Tensor = self.module.get_input_embeddings().weight
        return nn.functional.embedding(ids, table)

    def ids(self, text: str, most: int) -> list[int]:
        """Word pieces without special tokens, at most so many."""
        found = self.tokenizer(text, add_special_tokens=False, truncation=True, max_length=most)["input_ids"]
        return [int(i) for i in found]


def load_decoder(name: str, *, tuning: DecoderTuning = "frozen", rank: int = 8, dropout: float = 0.0, pull: bool = False) -> Decoder:
    """A decoder with float32 weights, in evaluation mode; with `lora`, fresh adapters that alone can be trained.

    Raises:
        ModelError: it is not here, has no head or no end-of-sequence token.
    """
    from transformers import AutoModelForCausalLM

    module, tokenizer, identity = load_pretrained(AutoModelForCausalLM, name, "language model", pull=pull)
    if tokenizer.eos_token_id is None:
        raise ModelError(f"the language model {name!r} has no end-of-sequence token and would never stop; use another")
    module.requires_grad_(False)
    if tuning == "lora":
        from peft import LoraConfig, inject_adapter_in_model

        settings = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", lora_dropout=dropout, exclude_modules=["lm_head"])
        inject_adapter_in_model(settings, module)
    module.train(False)
    return Decoder(module, tokenizer, identity)
