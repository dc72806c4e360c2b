"""The pretrained language model in which all tokens meet: loading it, and telling one from another.

Encoders (MiniLM, BERT, RoBERTa ...) and decoders (SmolLM2, Qwen, Llama ...) look alike from here: `Backbone.forward` takes
embeddings and a mask and gives hidden states. What differs is kept in three facts: which side is padded, whether positions
must be given, and which special tokens open and close a sequence.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import ModelError
from core.weights import locate

FALLBACK_POSITIONS = 512


@dataclass(frozen=True, slots=True)
class BackboneIdentity:
    """Which pretrained weights a checkpoint was trained on top of.

    Attributes:
        name: as configured: a packaged name, a hub id or a folder.
        sha256: over the weight files and the tokenizer, in order of their names.
    """

    name: str
    sha256: str


class Backbone(nn.Module):
    """A language model that reads embeddings.

    Attributes:
        module: the transformers model, without a head.
        tokenizer: its tokenizer.
        identity: which weights these are.
        kind: transformers' name of the architecture, such as `bert`.
        is_decoder: causal attention: padded on the left, the last token has seen everything.
        width: numbers an embedding.
        most_positions: the longest sequence it can read.
    """

    def __init__(self, module: nn.Module, tokenizer: Any, identity: BackboneIdentity) -> None:
        super().__init__()
        self.module = module
        self.tokenizer = tokenizer
        self.identity = identity
        config = _config(module)
        self.kind = str(config.model_type)
        self.is_decoder = _is_decoder(self.kind)
        self.width = int(config.hidden_size)
        self.most_positions = int(getattr(config, "max_position_embeddings", FALLBACK_POSITIONS) or FALLBACK_POSITIONS)

    def opening(self) -> list[int]:
        """Ids of the special tokens that begin a sequence: [CLS], <bos> or nothing."""
        first = self.tokenizer.bos_token_id if self.is_decoder else self.tokenizer.cls_token_id
        return [] if first is None else [int(first)]

    def closing(self) -> list[int]:
        """Ids of the special tokens that end a sequence: [SEP] for encoders."""
        last = None if self.is_decoder else self.tokenizer.sep_token_id
        return [] if last is None else [int(last)]

    def word_ids(self, texts: list[str], most: int) -> tuple[Tensor, Tensor]:
        """Word pieces without special tokens, padded on the right.

        Args:
            texts: one a row.
            most: pieces kept of each.

        Returns:
            Ids `[batch, words]` and mask `[batch, words]`.
        """
        ids = self.tokenizer(texts, add_special_tokens=False, truncation=True, max_length=most)["input_ids"]
        longest = max((len(row) for row in ids), default=0)
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids], dtype=torch.long).reshape(len(ids), longest)
        lengths = torch.tensor([len(row) for row in ids]).reshape(len(ids), 1)
        return padded, torch.arange(longest)[None] < lengths

    def embed(self, ids: Tensor) -> Tensor:
        """The backbone's own input embeddings: ids `[...]` to `[..., width]`."""
        table: Tensor = self.embedding_table()
        return nn.functional.embedding(ids.to(table.device), table)

    def embedding_table(self) -> Tensor:
        """`[vocabulary, width]`."""
        get: Any = self.module.get_input_embeddings
        weight: Tensor = get().weight
        return weight

    def recompute(self) -> None:
        """Recompute layers in the backward pass from now on, to save memory.

        transformers recomputes only layers that are training. That is said here of the layers themselves and of nothing inside
        them, so a frozen backbone recomputes without dropout.
        """
        from transformers.modeling_layers import GradientCheckpointingLayer

        module: Any = self.module
        enable = getattr(module, "activation_checkpointing_enable", None) or module.gradient_checkpointing_enable
        enable({"use_reentrant": False})
        for layer in module.modules():
            if isinstance(layer, GradientCheckpointingLayer):
                layer.training = True

    def forward(self, embeds: Tensor, mask: Tensor, positions: Tensor | None) -> Tensor:
        """Hidden states of the last layer.

        Args:
            embeds: `[batch, length, width]`.
            mask: `[batch, length]`, True = attend.
            positions: `[batch, length]`, or None where the model counts for itself.
        """
        extra = {} if positions is None else {"position_ids": positions}
        if self.is_decoder:
            extra["use_cache"] = False  # type: ignore[assignment]
        hidden: Tensor = self.module(inputs_embeds=embeds, attention_mask=mask.long(), **extra).last_hidden_state
        return hidden


def load_backbone(name: str, *, pull: bool = False) -> Backbone:
    """A backbone with float32 weights, in evaluation mode.

    Args:
        name: a packaged name (`minilm`, `smollm2`), a hub id or a folder.
        pull: fetch it where it is not here.

    Raises:
        ModelError: it is not here, or its folder holds no readable model.
    """
    from transformers import AutoModel

    module, tokenizer, identity = load_pretrained(AutoModel, name, "backbone", pull=pull)
    if getattr(module, "pooler", None) is not None:
        module.pooler = None  # not pretrained for pooling here, and its weights would never get a gradient
    return Backbone(module.eval(), tokenizer, identity)


def load_pretrained(family: Any, name: str, what: str, *, pull: bool = False) -> tuple[Any, Any, BackboneIdentity]:
    """A transformers model with float32 weights, its tokenizer, and which weights these are.

    Args:
        family: one of transformers' Auto classes.
        name: a packaged name, a hub id or a folder.
        what: what it is called in errors.
        pull: fetch it where it is not here.

    Raises:
        ModelError: it is not here, or its folder holds no readable model.
    """
    from transformers import AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = locate(name, pull=pull)
    try:
        module = family.from_pretrained(folder, dtype=torch.float32, local_files_only=True, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ModelError(f"the {what} {name!r} cannot be loaded from {folder.name}: {reason}") from error
    return module, tokenizer, BackboneIdentity(name, weights_hash(folder))


def weights_hash(folder: Path) -> str:
    """SHA-256 over the weight files and the tokenizer of a folder."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), *folder.glob("tokenizer.json")]):
        with path.open("rb") as file:
            digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _config(module: nn.Module) -> Any:
    return module.config


def _is_decoder(kind: str) -> bool:
    """A model that transformers can use for masked words reads both ways; any other reads from left to right."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    return kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES
