"""PrefixModel: projectors before a decoder, so that it can speak of what encoders saw (as in Frozen, Tsimpoukelli et al., 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from core.errors import InputError
from core.features import Features
from core.fusion import ModalityInput
from core.generation.decoder import Decoder, DecoderTuning
from core.generation.prompts import IGNORED, Prompts, prompts
from core.projectors import Projector, TimeEmbedding, pool_runs
from core.samples import Modality
from core.sequences import drop_modalities


class PrefixConfig(BaseModel):
    """Everything that decides a prefix model's shape.

    Attributes:
        inputs: the modalities, in the order in which they are read.
        backbone: a decoder: packaged name, hub id or folder.
        tuning: the decoder stays frozen, or gets LoRA adapters.
        lora_rank, dropout, modality_dropout: of adapters and projectors; chance that a present modality is left out in training.
        max_question, max_answer: word pieces.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: dict[Modality, ModalityInput] = Field(min_length=1)
    backbone: str = "smollm2"
    tuning: DecoderTuning = "lora"
    lora_rank: int = Field(default=8, ge=1, le=256)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    modality_dropout: float = Field(default=0.1, ge=0, lt=1)
    max_question: int = Field(default=48, ge=1, le=512)
    max_answer: int = Field(default=32, ge=1, le=512)


class PrefixModel(nn.Module):
    """Reads features and a question, writes an answer.

    Attributes:
        settings: its configuration.
        projectors: one a modality that has tokens.
        modality_embedding, missing: `[modalities, width]`.
    """

    def __init__(self, config: PrefixConfig, decoder: Decoder) -> None:
        super().__init__()
        self.settings = config
        self.decoder = decoder
        self.language = decoder.module
        width = decoder.width
        table: Tensor = decoder.module.get_input_embeddings().weight
        gain = float(table.detach().float().pow(2).mean().sqrt())
        wide = {m: i.width for m, i in config.inputs.items() if i.width}
        self.projectors = nn.ModuleDict({m.value: Projector(w, width, gain, config.dropout) for m, w in wide.items()})
        self.times = TimeEmbedding(width)
        self.modality_embedding = nn.Parameter(torch.randn(len(config.inputs), width) * gain * 0.1)
        self.missing = nn.Parameter(torch.randn(len(config.inputs), width) * gain)
        self.train(False)

    def prefix(self, features: Mapping[Modality, Features], present: Tensor) -> tuple[Tensor, Tensor]:
        """What the modalities say: embeddings `[batch, p, width]` and mask `[batch, p]`.

        Args:
            features: stacked, by modality.
            present: `[batch, modalities]`.
        """
        kept = drop_modalities(present, self.settings.modality_dropout) if self.training else present
        parts, masks = [], []
        for index, (modality, settings) in enumerate(self.settings.inputs.items()):
            here = kept[:, index : index + 1]
            parts.append(self.missing[index].expand(len(kept), 1, -1))
            masks.append(~here)
            given = features.get(modality)
            if given is None:
                continue
            if given.encoder != settings.encoder:
                raise InputError(f"{modality}: features of {given.encoder!r} do not fit a model that was trained on {settings.encoder!r}")
            words, word_mask = self._words(modality, given, settings.max_words)
            parts.append(words)
            masks.append(word_mask & here)
            if settings.width:
                tokens, mask, times = pool_runs(torch.tensor(given.tokens), torch.tensor(given.mask), settings.max_tokens)
                projected = self.projectors[modality.value](tokens) + self.modality_embedding[index] + self.times(times)
                parts.append(projected)
                masks.append(mask & here)
        return torch.cat(parts, dim=1), torch.cat(masks, dim=1)

    def prompts(
        self, features: Mapping[Modality, Features], present: Tensor, questions: Sequence[str], answers: Sequence[str] | None
    ) -> Prompts:
        """The batch that the decoder reads; padded left where there are no answers yet."""
        embeds, mask = self.prefix(features, present)
        asked = [self.decoder.ids(f"\nQuestion: {question}\nAnswer:", self.settings.max_question + 8) for question in questions]
        told = None
        if answers is not None:
            told = [[*self.decoder.ids(f" {answer}", self.settings.max_answer), self.decoder.closing] for answer in answers]
        return prompts(embeds, mask, asked, told, self.decoder.embed, opening=self.decoder.opening, pad_left=told is None)

    def forward(self, batch: Prompts) -> Tensor:
        """Log-likelihood of each row's answer a piece, `[batch]`."""
        logits = self.language(
            inputs_embeds=batch.embeds, attention_mask=batch.mask.long(), position_ids=batch.positions, use_cache=False
        ).logits
        target = batch.labels[:, 1:]
        is_told = target != IGNORED
        each = -nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), target, ignore_index=IGNORED, reduction="none")
        likelihood: Tensor = (each * is_told).sum(1) / is_told.sum(1).clamp(min=1)
        return likelihood

    @torch.inference_mode()
    def generate(self, features: Mapping[Modality, Features], present: Tensor, questions: Sequence[str]) -> list[str]:
        """Greedy answers."""
        batch = self.prompts(features, present, questions, None)
        pad = self.decoder.tokenizer.pad_token_id
        ids = self.language.generate(
            inputs_embeds=batch.embeds,
            attention_mask=batch.mask.long(),
            max_new_tokens=self.settings.max_answer,
            do_sample=False,
            eos_token_id=self.decoder.closing,
            pad_token_id=self.decoder.closing if pad is None else pad,
        )
        return [str(text).strip() for text in self.decoder.tokenizer.batch_decode(ids, skip_special_tokens=True)]

    @torch.inference_mode()
    def score(self, features: Mapping[Modality, Features], present: Tensor, questions: Sequence[str], candidates: Sequence[str]) -> Tensor:
        """Mean log-likelihood a piece of each candidate answer, `[batch, candidates]`."""
        columns = [self(self.prompts(features, present, questions, [c] * len(questions))) for c in candidates]
        return torch.stack(columns, dim=1)

    def _words(self, modality: Modality, features: Features, most: int) -> tuple[Tensor, Tensor]:
        texts = [" ".join(sentences) for sentences in features.sentences]
        ids = [self.decoder.ids(f"{modality.value}: {text}\n", most) if text.strip() else [] for text in texts]
        longest = max(map(len, ids))
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in ids], dtype=torch.long).reshape(len(ids), longest)
        mask = torch.arange(longest)[None] < torch.tensor([len(row) for row in ids])[:, None]
        return self.decoder.embed(padded), mask
