"""Train our own sound network: augmented patches, a background class, temperature and abstention from a validation part.

The validation part is split off by group before training and is used for calibration only; the number of epochs is fixed beforehand.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from core.encoders.sound.augmentation import NONE, PatchMaker, Recording, Strength
from core.encoders.sound.frontend import log_mel
from core.encoders.sound.network import NetworkShape, SoundNetwork
from core.errors import InputError
from core.samples import FloatArray

RESPONSE_KNOTS = 5


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Everything that decides what is learned.

    Attributes:
        seed: of the drawing, the weights and the batches.
        epochs: passes over the recordings.
        per_recording: patches drawn from each recording in a pass.
        background_share: background patches, as a share of the others.
        batch: patches a step.
        learning_rate: the highest; one cycle, cosine down to zero.
        weight_decay: AdamW's.
        smoothing: of the labels.
        validation_share: share of the groups kept for calibration.
        strength: of the augmentation.
        noises: made noises to draw from.
        averaging: of the weights over the steps; what is kept is the running mean.
        is_half: compute in bfloat16; 1.7 times as fast where the processor has AMX, far slower where it has not.
    """

    seed: int = 0
    epochs: int = 25
    per_recording: int = 4
    background_share: float = 0.2
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    smoothing: float = 0.05
    validation_share: float = 0.1
    strength: Strength = field(default_factory=Strength)
    noises: int = 240
    averaging: float = 0.99
    is_half: bool = False


@dataclass(frozen=True, slots=True)
class TrainedSound:
    """A trained network with its calibration.

    Attributes:
        network: in evaluation mode.
        temperature: what the logits are divided by.
        threshold: the least probability at which a label stands.
        losses: mean training loss of each epoch.
        validation_recordings: recordings that calibrated it.
    """

    network: SoundNetwork
    temperature: float
    threshold: float
    losses: tuple[float, ...]
    validation_recordings: int


def split_groups(recordings: Sequence[Recording], share: float, seed: int) -> tuple[list[Recording], list[Recording]]:
    """Training and validation recordings; no group in both, about `share` of each class's groups in the second."""
    kept: set[str] = set()
    draw = np.random.default_rng(seed)
    for label in sorted({r.label for r in recordings}):
        groups = sorted({r.group for r in recordings if r.label == label})
        kept.update(str(g) for g in draw.permutation(groups)[: round(share * len(groups))])
    return [r for r in recordings if r.group not in kept], [r for r in recordings if r.group in kept]


def fit(
    recordings: Sequence[Recording],
    classes: int,
    settings: TrainingSettings,
    say: Callable[[str], None] = lambda _: None,
    shape: NetworkShape | None = None,
) -> TrainedSound:
    """Train on recordings whose labels run from 0 to `classes` - 2; the last class is the background.

    Raises:
        InputError: no recordings, or a label out of range.
    """
    if not recordings or any(not 0 <= r.label < classes - 1 for r in recordings):
        raise InputError(f"training needs recordings with labels from 0 to {classes - 2}")
    training, validation = split_groups(recordings, settings.validation_share, settings.seed)
    random.seed(settings.seed)
    torch.manual_seed(settings.seed)
    network = SoundNetwork(shape or NetworkShape(classes))
    network.stages.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(settings.averaging), use_buffers=True)  # type: ignore[no-untyped-call]
    maker = PatchMaker(training, classes - 1, settings.strength, settings.seed, settings.noises)
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    drawn = len(training) * settings.per_recording
    steps = settings.epochs * -(-(drawn + round(drawn * settings.background_share)) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps, pct_start=0.2)
    losses = []
    for epoch in range(settings.epochs):
        losses.append(_one_epoch(network, averaged, maker, optimizer, schedule, settings))
        if epoch % 10 == 9:
            say(f"epoch {epoch + 1} of {settings.epochs}: loss {losses[-1]:.3f}")
    network.load_state_dict(averaged.module.state_dict())
    network.eval()
    temperature, threshold = calibrate(network, validation or training, classes, settings.seed, settings.noises)
    return TrainedSound(network, temperature, threshold, tuple(losses), len(validation))


def _one_epoch(
    network: SoundNetwork,
    averaged: AveragedModel,
    maker: PatchMaker,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.OneCycleLR,
    settings: TrainingSettings,
) -> float:
    network.train()
    waves, labels = maker.epoch(settings.per_recording, settings.background_share)
    targets = torch.nn.functional.one_hot(torch.from_numpy(labels), network.shape.classes).float()
    total, batches = 0.0, 0
    for begin in range(0, len(waves), settings.batch):
        batch, target = waves[begin : begin + settings.batch], targets[begin : begin + settings.batch]
        if len(batch) < 2:
            continue
        if settings.strength.mixup > 0:
            batch, target = _mixup(batch, target, settings.strength.mixup, maker.random)
        mel = torch.from_numpy(np.stack([log_mel(w) for w in batch]))
        mel = _spec_augment(mel, settings.strength, maker.random)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.is_half):
            logits = network(mel)[1]
        loss = nn.functional.cross_entropy(logits.float(), target, label_smoothing=settings.smoothing)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        averaged.update_parameters(network)
        total, batches = total + float(loss.detach()), batches + 1
    return total / max(1, batches)


def _mixup(waves: FloatArray, targets: Tensor, beta: float, draw: np.random.Generator) -> tuple[FloatArray, Tensor]:
    """Mix half of the patches with another, sound with sound and label with label."""
    share = draw.beta(beta, beta, len(waves)).astype(np.float32)
    share = np.where(draw.random(len(waves)) < 0.5, np.maximum(share, 1 - share), 1.0).astype(np.float32)
    other = draw.permutation(len(waves))
    rms = np.sqrt(np.mean(waves**2, axis=1, keepdims=True) + 1e-9)
    second = waves[other] * (rms / rms[other]).clip(0.03, 30.0)
    mixed = waves * share[:, None] + second * (1 - share)[:, None]
    weight = torch.from_numpy(share)[:, None]
    return mixed.astype(np.float32), targets * weight + targets[torch.from_numpy(other)] * (1 - weight)


def _spec_augment(mel: Tensor, strength: Strength, draw: np.random.Generator) -> Tensor:
    """Another microphone's frequency response, and one stripe of time and one of bands blanked with the patch's mean."""
    if strength.response_db:
        knots = draw.normal(0.0, strength.response_db * np.log(10) / 10, (len(mel), RESPONSE_KNOTS, 1)).astype(np.float32)
        curves = nn.functional.interpolate(torch.from_numpy(knots).transpose(1, 2), mel.shape[2], mode="linear", align_corners=True)
        mel = mel + curves  # [batch, 1, bands]
    for patch in mel:
        mean = patch.mean()
        if strength.time_mask_frames:
            width = int(draw.integers(0, strength.time_mask_frames + 1))
            start = int(draw.integers(0, patch.shape[0] - width + 1))
            patch[start : start + width] = mean
        if strength.band_mask:
            width = int(draw.integers(0, strength.band_mask + 1))
            start = int(draw.integers(0, patch.shape[1] - width + 1))
            patch[:, start : start + width] = mean
    return mel


def calibrate(network: SoundNetwork, recordings: Sequence[Recording], classes: int, seed: int, noises: int) -> tuple[float, float]:
    """The temperature that makes probabilities honest, and the least probability at which a label may stand.

    The threshold is the higher of 0.5 and what keeps 99 % of made background patches from being called a sound.
    """
    gentle = replace(NONE, gain_db=(-20.0, 6.0), mix_chance=0.4)
    maker = PatchMaker(recordings, classes - 1, gentle, seed + 1, noises)
    waves, labels = maker.epoch(per_recording=6, background_share=0.3)
    logits, truth = logits_of(network, waves), torch.from_numpy(labels)
    grid = np.geomspace(0.3, 5.0, 60)
    losses = [float(nn.functional.cross_entropy(logits / t, truth)) for t in grid]
    temperature = float(grid[int(np.argmin(losses))])
    probabilities = torch.softmax(logits / temperature, 1)[truth == classes - 1, :-1].amax(1).numpy()
    threshold = max(0.5, float(np.quantile(probabilities, 0.99))) if len(probabilities) else 0.5
    return temperature, min(threshold, 0.9)


def has_fast_half() -> bool:
    """Whether this processor multiplies bfloat16 in hardware (AMX)."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


@torch.no_grad()
def logits_of(network: SoundNetwork, waves: FloatArray) -> Tensor:
    """Logits `[patches, classes]` of waveforms `[patches, samples]`, each of one patch's length."""
    network.eval()
    return torch.cat([network(torch.from_numpy(np.stack([log_mel(w) for w in waves[i : i + 64]])))[1] for i in range(0, len(waves), 64)])
