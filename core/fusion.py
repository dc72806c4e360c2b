"""The fusion model: projectors, a pretrained language model in which all modalities meet, one joint head and one head a modality.

A row becomes one sequence of embeddings,

    [CLS]  video: a person lies on the floor  v v v v   audio: a scream is heard  a a   <missing text>   [SEP]

words through the backbone's own embeddings, encoder tokens through a projector a modality, and for a modality that is
absent one learned token that says so. Training minimises

    L = l(joint) + sum over modalities k of w_k * l(head_k(z_k)),

where z_k is pooled from modality k alone, before the backbone, and counts only in the rows that have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from core.backbones import Backbone, load_backbone
from core.errors import ConfigError, InputError
from core.features import Features
from core.projectors import Projector, TimeEmbedding, masked_mean, pool_runs
from core.resampler import READ_TOKENS, Resampler
from core.samples import Modality
from core.sequences import Segment, assemble, drop_modalities
from core.tasks import task

Tuning = Literal["frozen", "lora", "dora", "full"]
ProjectorKind = Literal["linear", "mlp", "resampler"]


class ModalityInput(BaseModel):
    """What one modality brings.

    Attributes:
        encoder: name of the encoder whose features these are; features of another are refused.
        width: numbers a token; 0 means sentences only.
        max_tokens: encoder tokens a row; longer runs are averaged into this many stretches, or, by a resampler, always become this many.
        projector: one linear map, a two-layer perceptron, or learned queries that read long runs (`core.resampler`).
        max_words: word pieces of the sentences a row; the rest is cut off.
        weight: w_k of the loss, where weights are set and not learned.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str
    width: int = Field(ge=0, le=16384)
    max_tokens: int = Field(default=16, ge=1, le=256)
    projector: ProjectorKind = "mlp"
    max_words: int = Field(default=48, ge=4, le=256)
    weight: float = Field(default=0.3, ge=0)


class FusionConfig(BaseModel):
    """Everything that decides a fusion model's shape and loss.

    Attributes:
        inputs: the modalities, in the order of their segments.
        labels: the label space.
        task: name of a task of `core.tasks`.
        backbone: packaged name, hub id or folder.
        tuning: the backbone stays frozen, gets LoRA or DoRA adapters, or is tuned fully.
        pooling: how the joint answer is read off: mean over the sequence, or its last token (decoders).
        dropout: of projectors and heads.
        modality_dropout: chance in training that a present modality is left out; one always stays.
        learn_weights: learn the w_k as uncertainties (Kendall et al., 2018) in place of the set ones.
        balance_gradients: hold back the gradients of a modality that learns faster than the rest (`core.balance`).
        label_smoothing: of the targets.
        lora_rank, lora_alpha, lora_targets: of the adapters; no targets means peft's own choice for the backbone.
        gradient_checkpointing: recompute the backbone's layers in the backward pass, to save memory.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: dict[Modality, ModalityInput] = Field(min_length=1)
    labels: tuple[str, ...] = Field(min_length=1, max_length=4096)
    task: str = "classification"
    backbone: str = "minilm"
    tuning: Tuning = "frozen"
    pooling: Literal["mean", "last"] = "mean"
    dropout: float = Field(default=0.4, ge=0, lt=1)
    modality_dropout: float = Field(default=0.3, ge=0, lt=1)
    learn_weights: bool = False
    balance_gradients: bool = False
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    lora_rank: int = Field(default=8, ge=1, le=256)
    lora_alpha: int = Field(default=16, ge=1)
    lora_targets: tuple[str, ...] = ()
    gradient_checkpointing: bool = False

    @model_validator(mode="after")
    def _is_possible(self) -> FusionConfig:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels: each must be named once")
        try:
            learned = task(self.task)
        except ConfigError as error:
            raise ValueError(f"task: {error}") from error
        if learned.kind != "value" and len(self.labels) < 2:
            raise ValueError(f"labels: {self.task} needs at least two")
        return self

    @property
    def modalities(self) -> tuple[Modality, ...]:
        return tuple(self.inputs)


@dataclass(frozen=True, slots=True)
class FusionOutput:
    """What the model says of a batch.

    Attributes:
        logits: `[batch, labels]`, of the joint head.
        modality_logits: `[batch, modalities, labels]`, of the head of each modality; zeros where it is absent.
        embedding: `[batch, 2 * width]`, the joint embedding z: what the backbone made of all, and the gated sum of the z_k.
        gates: `[batch, modalities]`, share of each modality in that sum; sums to 1 over the present ones, zeros if there is none.
        present: `[batch, modalities]`, True where the modality was there.
    """

    logits: Tensor
    modality_logits: Tensor
    embedding: Tensor
    gates: Tensor
    present: Tensor


class Head(nn.Sequential):
    """LayerNorm, dropout, one linear map to the labels."""

    def __init__(self, width: int, labels: int, dropout: float) -> None:
        super().__init__(nn.LayerNorm(width), nn.Dropout(dropout), nn.Linear(width, labels))


class OutputScale(nn.Module):
    """From standard units to those of the numbers learned.

    Attributes:
        centre, spread: `[outputs]`, mean and spread of the training targets.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(outputs))
        self.register_buffer("spread", torch.ones(outputs))

    @torch.no_grad()
    def fit(self, targets: Tensor) -> None:
        """Take both from `[rows, outputs]`."""
        self.centre.copy_(targets.mean(0))
        self.spread.copy_(targets.std(0, correction=0).clamp(min=1e-6))

    def forward(self, values: Tensor) -> Tensor:
        """`[..., outputs]` to the same shape."""
        return values * self.spread + self.centre


class FusionModel(nn.Module):
    """Projectors + backbone + heads.

    Attributes:
        settings: its configuration (`config` is a name that transformers would write to).
        backbone: the language model.
        projectors: one a modality that has tokens.
        modality_embedding, missing: `[modalities, width]`, added to a modality's tokens; standing in for it.
        log_variance: `[modalities]`, s_k of the learned loss weights exp(-s_k).
    """

    def __init__(self, config: FusionConfig, backbone: Backbone) -> None:
        super().__init__()
        _check_length(config, backbone)
        self.settings = config
        learned = task(config.task)
        width, outputs = backbone.width, learned.outputs(len(config.labels))
        gain = float(backbone.embedding_table().detach().float().pow(2).mean().sqrt())
        self.projectors = nn.ModuleDict({m.value: _projector(i, width, gain, config.dropout) for m, i in config.inputs.items() if i.width})
        self.times = TimeEmbedding(width)
        self.modality_embedding = nn.Parameter(torch.randn(len(config.inputs), width) * gain * 0.1)
        self.missing = nn.Parameter(torch.randn(len(config.inputs), width) * gain)
        self.gate = nn.Linear(width, 1)
        self.backbone_norm = nn.LayerNorm(width)
        self.gated_norm = nn.LayerNorm(width)
        self.head = Head(2 * width, outputs, config.dropout)
        self.modality_heads = nn.ModuleDict({m.value: Head(width, outputs, config.dropout) for m in config.inputs})
        self.scale = OutputScale(outputs) if learned.kind == "value" else nn.Identity()
        self.log_variance = nn.Parameter(torch.zeros(len(config.inputs)), requires_grad=config.learn_weights)
        self.backbone = _tune(backbone, config)
        if config.gradient_checkpointing:
            backbone.recompute()
        self.train(False)

    def train(self, mode: bool = True) -> FusionModel:
        """As usual, but a frozen backbone never trains: no dropout in it."""
        super().train(mode)
        if self.settings.tuning == "frozen":
            self.backbone.train(False)
            if self.settings.gradient_checkpointing and mode:
                self.backbone.recompute()
        return self

    @property
    def device(self) -> torch.device:
        return self.missing.device

    def forward(self, features: Mapping[Modality, Features], present: Tensor | None = None) -> FusionOutput:
        """Read a batch.

        Args:
            features: by modality, all with the same number of rows; a modality that no row has may be left out.
            present: `[batch, modalities]` in the order of the configuration, False where a row lacks the modality whatever its
                features say; None means wherever there is a token or a sentence.

        Raises:
            InputError: features of an encoder, width or batch size other than the model's.
        """
        segments, found = self.segments(features)
        return self.join(segments, found if present is None else found & present.to(self.device))

    def segments(self, features: Mapping[Modality, Features]) -> tuple[list[Segment], Tensor]:
        """Each modality by itself, before any has seen another.

        Returns:
            A segment a modality, and `[batch, modalities]`, True where a row has a token or a sentence of it.
        """
        _check_features(self.settings, features)
        batch = len(next(iter(features.values())))
        made = [self._segment(m, features.get(m), batch) for m in self.settings.modalities]
        return [segment for segment, _ in made], torch.stack([found for _, found in made], dim=1)

    def join(self, segments: list[Segment], present: Tensor) -> FusionOutput:
        """All modalities together.

        Args:
            segments: one a modality.
            present: `[batch, modalities]`.
        """
        kept = drop_modalities(present, self.settings.modality_dropout) if self.training else present
        pooled = torch.stack([s.pooled for s in segments], dim=1)  # [batch, modalities, width]
        gates, gated = self.gated(pooled, kept)  # [batch, modalities], [batch, width]
        opening, closing = (self._special(ids) for ids in (self.backbone.opening(), self.backbone.closing()))
        sequence = assemble(opening, segments, self.missing, closing, kept, pad_left=self.backbone.is_decoder)
        hidden = self.backbone(*sequence)  # [batch, length, width]
        logits, modality_logits, embedding = self.read_off(hidden, sequence[1], pooled, gated, present)
        return FusionOutput(logits, modality_logits, embedding, gates, present)

    def read_off(self, hidden: Tensor, mask: Tensor, pooled: Tensor, gated: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The answers.

        Args:
            hidden: `[batch, length, width]`, what the backbone made of the sequence.
            mask: `[batch, length]`.
            pooled: `[batch, modalities, width]`, the z_k.
            gated: `[batch, width]`, their gated sum.
            present: `[batch, modalities]`.

        Returns:
            Joint logits, logits of each modality (zeros where it is absent), and the joint embedding.
        """
        is_last = self.settings.pooling == "last" and self.backbone.is_decoder
        taken = hidden[:, -1] if is_last else masked_mean(hidden, mask)
        embedding = torch.cat([self.backbone_norm(taken), self.gated_norm(gated)], dim=1)  # [batch, 2 * width]
        each = [self.scale(self.modality_heads[m.value](pooled[:, k])) for k, m in enumerate(self.settings.modalities)]
        return self.scale(self.head(embedding)), torch.stack(each, dim=1) * present[..., None], embedding

    def _segment(self, modality: Modality, features: Features | None, batch: int) -> tuple[Segment, Tensor]:
        settings, index = self.settings.inputs[modality], self.settings.modalities.index(modality)
        if features is None:
            nothing = self.missing.new_zeros(batch, 0, self.backbone.width)
            none = torch.zeros(batch, 0, dtype=torch.bool, device=self.device)
            return Segment(nothing, none, self.missing.new_zeros(batch, self.backbone.width)), none.any(1)

        texts = [" ".join(sentences) for sentences in features.sentences]
        ids, word_mask = self.backbone.word_ids([f"{modality.value}: {text}" for text in texts], settings.max_words)
        word_mask = word_mask.to(self.device)
        words = self.backbone.embed(ids)  # [batch, words, width]
        found = torch.tensor([bool(text.strip()) for text in texts], device=self.device)
        embeds, mask, pooled = words, word_mask, masked_mean(words, word_mask)
        if settings.width:
            tokens = torch.tensor(features.tokens, device=self.device)
            projector, token_mask = self.projectors[modality.value], torch.tensor(features.mask, device=self.device)
            if isinstance(projector, Resampler):
                projected, real_mask, times = projector.resample(*pool_runs(tokens, token_mask, READ_TOKENS))
            else:
                real, real_mask, times = pool_runs(tokens, token_mask, settings.max_tokens)
                projected = projector(real)  # [batch, kept, width]
            placed = projected + self.modality_embedding[index] + self.times(times)
            embeds, mask = torch.cat([words, placed], dim=1), torch.cat([word_mask, real_mask], dim=1)
            pooled = pooled + masked_mean(projected, real_mask)
            found = found | real_mask.any(1)
        return Segment(embeds, mask, pooled), found

    def gated(self, pooled: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Weigh the z_k against each other (as in gated multimodal units, Arevalo et al., 2017).

        Args:
            pooled: `[batch, modalities, width]`.
            present: `[batch, modalities]`.

        Returns:
            Gates `[batch, modalities]`, and the gated sum `[batch, width]`.
        """
        scores = self.gate(nn.functional.layer_norm(pooled, pooled.shape[-1:]))[..., 0]  # [batch, modalities]
        lowest = torch.finfo(scores.dtype).min  # finite: a row with nothing present stays a number
        gates = torch.softmax(scores.masked_fill(~present, lowest), dim=1) * present
        return gates, (gates[..., None] * pooled).sum(1)

    def _special(self, ids: list[int]) -> Tensor:
        return self.backbone.embed(torch.tensor(ids, dtype=torch.long))


def head_losses(model: FusionModel, output: FusionOutput, targets: Tensor) -> Tensor:
    """The unweighted loss of each modality's head, `[batch, modalities]`."""
    row_loss = task(model.settings.task).loss
    return torch.stack([row_loss(output.modality_logits[:, k], targets) for k in range(output.present.shape[1])], dim=1)


def fusion_loss(
    model: FusionModel,
    output: FusionOutput,
    targets: Tensor,
    label_weights: Tensor | None = None,
    row_weights: Tensor | None = None,
) -> Tensor:
    """L = l(joint) + sum_k w_k * l(head_k), each l a weighted mean over the rows that have the modality.

    With learned weights the sum is over exp(-s_k) * l(head_k) + s_k / 2, s_k the log variance of modality k.

    Args:
        model: gives task, smoothing and w_k.
        output: of the same batch.
        targets: `[batch, labels]`.
        label_weights: `[labels]`.
        row_weights: `[batch]`, how much each row counts; None means alike.
    """
    config = model.settings
    row_loss = task(config.task).loss
    counts = output.logits.new_ones(len(targets)) if row_weights is None else row_weights
    joint = row_loss(output.logits, targets, label_weights, config.label_smoothing)
    total = (joint * counts).sum() / counts.sum().clamp(min=1e-9)
    for index, modality in enumerate(config.modalities):
        here = output.present[:, index].to(total.dtype) * counts  # [batch]
        losses = row_loss(output.modality_logits[:, index], targets, label_weights, config.label_smoothing)
        loss = (losses * here).sum() / here.sum().clamp(min=1e-9)
        if config.learn_weights:
            log_variance = model.log_variance[index]
            total = total + torch.exp(-log_variance) * loss + log_variance / 2
        else:
            total = total + config.inputs[modality].weight * loss
    return total


def build_model(config: FusionConfig, *, pull: bool = False) -> FusionModel:
    """A fresh fusion model on its pretrained backbone.

    Raises:
        ModelError: the backbone is not here.
        ConfigError: the inputs do not fit into the backbone's longest sequence.
    """
    return FusionModel(config, load_backbone(config.backbone, pull=pull))


def trained_state(model: nn.Module) -> dict[str, Tensor]:
    """Everything that training changed, by name: not the frozen part of a backbone, which is known by its hash."""
    trained = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    statistics = {name: b.detach() for name, b in model.named_buffers() if name.startswith(("projectors.", "scale."))}
    return {name: value.contiguous().cpu() for name, value in {**trained, **statistics}.items()}


def _projector(settings: ModalityInput, width: int, gain: float, dropout: float) -> nn.Module:
    if settings.projector == "resampler":
        return Resampler(settings.width, width, gain, dropout, settings.max_tokens)
    return Projector(settings.width, width, gain, dropout, is_linear=settings.projector == "linear")


def _tune(backbone: Backbone, config: FusionConfig) -> Backbone:
    backbone.requires_grad_(config.tuning == "full")
    if config.tuning in ("lora", "dora"):
        from peft import LoraConfig, inject_adapter_in_model
        from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as KNOWN

        usual = KNOWN.get(backbone.kind)
        targets = list(config.lora_targets or usual or ()) or "all-linear"
        lora = LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            target_modules=targets,
            lora_dropout=config.dropout,
            use_dora=config.tuning == "dora",  # Liu et al., 2024
        )
        try:
            inject_adapter_in_model(lora, backbone.module)  # projectors and heads lie outside it and are saved beside the adapters
        except ValueError as error:
            raise ConfigError(f"lora_targets {targets}: the backbone {config.backbone!r} has no such modules") from error
    elif config.tuning == "full":
        backbone.embedding_table().requires_grad_(True)
    return backbone


def _check_length(config: FusionConfig, backbone: Backbone) -> None:
    longest = len(backbone.opening()) + len(backbone.closing())
    longest += sum(max(1, i.max_words + (i.max_tokens if i.width else 0)) for i in config.inputs.values())
    if longest > backbone.most_positions:
        raise ConfigError(
            f"inputs: {longest} tokens a row at the most, the backbone {config.backbone!r} reads {backbone.most_positions}; "
            "lower max_tokens or max_words"
        )


def _check_features(config: FusionConfig, features: Mapping[Modality, Features]) -> None:
    if not features:
        raise InputError("no features were given; give those of at least one modality")
    if len({len(f) for f in features.values()}) != 1:
        raise InputError(f"features of {', '.join(features)} differ in their number of rows: {[len(f) for f in features.values()]}")
    for modality, given in features.items():
        wanted = config.inputs.get(modality)
        if wanted is None:
            raise InputError(f"this model was not trained on {modality}; it reads {', '.join(config.modalities)}")
        if given.encoder != wanted.encoder or (wanted.width and given.width != wanted.width):
            raise InputError(
                f"{modality}: features of {given.encoder!r} ({given.width} wide) do not fit a model that was trained on "
                f"{wanted.encoder!r} ({wanted.width} wide)"
            )
