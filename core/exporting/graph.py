"""The fusion model as one graph of plain tensors: nothing in it depends on what a row holds, so that it can be exported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from core.checkpoints import Checkpoint
from core.exporting.preparing import InputSpec
from core.fusion import FusionModel
from core.projectors import masked_mean
from core.resampler import READ_TOKENS, Resampler
from core.samples import Modality


def input_specs(checkpoint: Checkpoint) -> tuple[InputSpec, ...]:
    """What the exported model reads."""
    made = []
    for modality, given in checkpoint.config.inputs.items():
        most = READ_TOKENS if given.projector == "resampler" else given.max_tokens
        made.append(InputSpec(modality, given.encoder, given.width, most, given.max_words))
    return tuple(made)


def merge_adapters(model: FusionModel) -> FusionModel:
    """Add LoRA or DoRA adapters to the weights that they adapt, in place; the model then needs no peft and says the same."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, layer in list(model.backbone.module.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.merge()
            parent, _, child = name.rpartition(".")
            setattr(model.backbone.module.get_submodule(parent), child, layer.get_base_layer())
    return model


class FusionGraph(nn.Module):
    """A fusion model from prepared arrays to logits.

    Where `core.sequences.assemble` sorts and cuts a batch by what is real, this one moves real embeddings by a scatter and keeps
    the padding masked behind (before, for decoders) them: the same numbers, without a size that depends on the data.

    Attributes:
        model: in evaluation mode, adapters merged.
        specs: its modalities.
    """

    opening: Tensor
    closing: Tensor

    def __init__(self, model: FusionModel, specs: Sequence[InputSpec]) -> None:
        super().__init__()
        self.model = model
        self.specs = tuple(specs)
        for name, ids in (("opening", model.backbone.opening()), ("closing", model.backbone.closing())):
            self.register_buffer(name, model.backbone.embed(torch.tensor(ids, dtype=torch.long)).detach().clone())
        self.eval()

    def forward(self, present: Tensor, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        """Read a batch.

        Args:
            present: `[batch, modalities]`.
            tensors: those of each modality, in the order of `preparing.InputSpec.names`.

        Returns:
            Joint logits `[batch, labels]` and each modality's `[batch, modalities, labels]`, zeros where it is absent.
        """
        waiting = iter(tensors)
        segments = [self._segment(index, spec, waiting) for index, spec in enumerate(self.specs)]
        pooled = torch.stack([z for _, _, z in segments], dim=1)  # [batch, modalities, width]
        _, gated = self.model.gated(pooled, present)
        embeds, mask = self._sequence(segments, present)
        positions = (mask.long().cumsum(1) - 1).clamp(min=0) if self.model.backbone.is_decoder else None
        logits, modality_logits, _ = self.model.read_off(self.model.backbone(embeds, mask, positions), mask, pooled, gated, present)
        return logits, modality_logits

    def _segment(self, index: int, spec: InputSpec, waiting: Any) -> tuple[Tensor, Tensor, Tensor]:
        ids, word_mask = next(waiting), next(waiting)
        words = self.model.backbone.embed(ids)
        if not spec.width:
            return words, word_mask, masked_mean(words, word_mask)
        tokens, token_mask, times = next(waiting), next(waiting), next(waiting)
        projected, real, at = self._project(spec.modality, tokens, token_mask, times)
        placed = projected + self.model.modality_embedding[index] + self.model.times(at)
        pooled = masked_mean(words, word_mask) + masked_mean(projected, real)
        return torch.cat([words, placed], dim=1), torch.cat([word_mask, real], dim=1), pooled

    def _project(self, modality: Modality, tokens: Tensor, mask: Tensor, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        projector = self.model.projectors[modality.value]
        if isinstance(projector, Resampler):
            return projector.resample(tokens, mask, times)
        return projector(tokens), mask, times

    def _sequence(self, segments: list[tuple[Tensor, Tensor, Tensor]], present: Tensor) -> tuple[Tensor, Tensor]:
        whole = torch.ones_like(present[:, :1])
        embeds, masks = [self._repeat(self.opening, whole)], [whole.expand(-1, len(self.opening))]
        for index, (embed, mask, _) in enumerate(segments):
            here = present[:, index : index + 1]
            embeds += [self._repeat(self.model.missing[index : index + 1], whole), embed]
            masks += [~here, mask & here]
        embeds.append(self._repeat(self.closing, whole))
        masks.append(whole.expand(-1, len(self.closing)))
        joined, mask = torch.cat(embeds, dim=1), torch.cat(masks, dim=1)
        real = mask.long()
        padding = 1 - real
        if self.model.backbone.is_decoder:  # padding before the sequence
            place = torch.where(mask, padding.sum(1, keepdim=True) + real.cumsum(1) - 1, padding.cumsum(1) - 1)
        else:
            place = torch.where(mask, real.cumsum(1) - 1, real.sum(1, keepdim=True) + padding.cumsum(1) - 1)
        joined = joined * mask[..., None]
        moved = torch.zeros_like(joined).scatter(1, place[..., None].expand_as(joined), joined)
        moved_mask = torch.zeros_like(real).scatter(1, place, real) > 0
        most = self.model.backbone.most_positions
        return (moved[:, -most:], moved_mask[:, -most:]) if self.model.backbone.is_decoder else (moved[:, :most], moved_mask[:, :most])

    def _repeat(self, rows: Tensor, whole: Tensor) -> Tensor:
        """`[n, width]` for each row of the batch, `[batch, n, width]`."""
        return rows[None] * whole[..., None].to(rows.dtype)
