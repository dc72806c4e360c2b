"""Fit a fusion model: split by group, train with early stopping, calibrate, and hand back a checkpoint.

The loop is transformers' Trainer; what is ours are the collator (features, not strings), the loss, and what is saved: only
what training changes. A run that is killed goes on from its last epoch when it is started again with the same work folder,
samples and configuration, and ends with the same weights as one that was never killed.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import EarlyStoppingCallback, PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from core.balance import modulation, scores_of
from core.calibration import Method, calibrate
from core.cards import Card
from core.checkpoints import WEIGHTS, Checkpoint, load_trained
from core.errors import ConfigError, InputError
from core.featuresets import FeatureSet
from core.fusion import (
    FusionConfig,
    FusionModel,
    FusionOutput,
    ModalityInput,
    OutputScale,
    build_model,
    fusion_loss,
    head_losses,
    trained_state,
)
from core.predicting import joint_logits
from core.samples import FloatArray, Modality
from core.splits import Split, hold_out
from core.tasks import task

Progress = Callable[[int, Mapping[str, float]], None]

_BACKBONE_RATES = {"frozen": 0.0, "lora": 3e-4, "dora": 3e-4, "full": 3e-5}
OptimizerName = Literal["adamw", "sgd", "adafactor"]


class TrainingConfig(BaseModel):
    """How to train.

    Attributes:
        seed: of weights, batches, dropout and the split.
        epochs: at the most.
        patience: epochs without a better validation loss after which training ends; 0 means all epochs are trained.
        optimizer: AdamW, SGD with Nesterov momentum, or Adafactor.
        learning_rate: of projectors and heads; `core.learning_rate` suggests one.
        backbone_learning_rate: of adapters or of the backbone; None means a usual one for the tuning.
        validation_fraction: about this share of the samples, in whole groups, chooses the epoch and the temperature; 0 means
            none: every epoch is trained and nothing is calibrated.
        class_weights: rare labels count more.
        alpha, conformal: of the abstention threshold.
        threads: processor threads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    epochs: int = Field(default=12, ge=1, le=1000)
    patience: int = Field(default=3, ge=0)
    batch_size: int = Field(default=16, ge=1, le=4096)
    optimizer: OptimizerName = "adamw"
    learning_rate: float = Field(default=5e-4, gt=0, lt=1)
    backbone_learning_rate: float | None = Field(default=None, gt=0, lt=1)
    weight_decay: float = Field(default=0.1, ge=0)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    validation_fraction: float = Field(default=0.2, ge=0, le=0.5)
    class_weights: bool = True
    alpha: float = Field(default=0.1, gt=0, lt=1)
    conformal: Method = "lac"
    threads: int = Field(default=2, ge=1)


def inputs_of(samples: FeatureSet, **settings: Any) -> dict[Modality, ModalityInput]:
    """The model inputs that these samples call for.

    Args:
        samples: their modalities, widths and encoders are taken.
        settings: other fields of `ModalityInput`, for all modalities alike.
    """
    first = {m: next(row for row in samples.rows[m] if row is not None) for m in samples.modalities}
    return {m: ModalityInput(encoder=row.encoder, width=row.width, **settings) for m, row in first.items()}


def fit(
    samples: FeatureSet,
    config: FusionConfig,
    training: TrainingConfig | None = None,
    *,
    split: Split | None = None,
    card: Card | None = None,
    work_folder: Path | None = None,
    progress: Progress | None = None,
) -> Checkpoint:
    """Train.

    Args:
        samples: labelled and encoded.
        config: the model.
        training: how.
        split: which samples are for what; made by group where it is not given. Test samples are not touched.
        card: what to say of the data.
        work_folder: where a killed run finds its last epoch; a temporary folder if None.
        progress: told the epoch and its figures after each.

    Raises:
        InputError: labels, groups or features do not fit.
        ConfigError: the model cannot be built so.
        ModelError: the backbone is not here.
    """
    training = training or TrainingConfig()
    may_be_empty = task(config.task).kind == "several"
    if unlabelled := [name for name, row in zip(samples.ids, samples.labels, strict=True) if not row and not may_be_empty]:
        raise InputError(f"{len(unlabelled)} samples have no label, the first is {unlabelled[0]!r}; label them or leave them out")
    if split is None:
        split = hold_out(samples.ids, samples.labels, samples.groups, fraction=training.validation_fraction, seed=training.seed)
    split.check(samples.ids, samples.groups)
    if not split.train:
        raise InputError("the split leaves no sample to train on; give more samples")
    place = {name: index for index, name in enumerate(samples.ids)}
    train, validation = (samples.select([place[name] for name in side]) for side in (split.train, split.validation))
    if work_folder is None:
        with tempfile.TemporaryDirectory(prefix="trivium-fit-") as folder:
            return _fit(train, validation, split, config, training, card or Card(), Path(folder), progress)
    return _fit(train, validation, split, config, training, card or Card(), work_folder, progress)


def _fit(
    train: FeatureSet,
    validation: FeatureSet,
    split: Split,
    config: FusionConfig,
    training: TrainingConfig,
    card: Card,
    folder: Path,
    progress: Progress | None,
) -> Checkpoint:
    model, targets, label_weights = prepared(train, config, training)
    chosen = task(config.task)

    trainer = _FusionTrainer(
        model,
        label_weights,
        args=_arguments(
            training, folder, has_validation=len(validation) > 0, steps=-(-len(train) // training.batch_size) * training.epochs
        ),
        train_dataset=_Rows(train, targets),
        eval_dataset=_Rows(validation, chosen.targets(validation.labels, config.labels)) if len(validation) else None,
        data_collator=_Collator(config.modalities),
        optimizers=(optimizer_of(model, training), None),
        callbacks=_callbacks(training, has_validation=len(validation) > 0, progress=progress),
    )
    trainer.train(resume_from_checkpoint=_resumable(folder, _fingerprint(train, validation, config, training)))
    model.eval()

    logits, truth = joint_logits(model, validation), chosen.targets(validation.labels, config.labels)
    calibration = calibrate(logits, truth, chosen, alpha=training.alpha, method=training.conformal)
    metrics = {"epochs": float(trainer.state.epoch or 0), "best_epoch": _best_epoch(trainer)}
    if len(validation):
        metrics |= {f"validation_{n}": m(calibration.probabilities(logits, chosen), truth) for n, m in chosen.measures.items()}
    card = card.model_copy(update={"samples": len(train) + len(validation), "groups": len({*train.groups, *validation.groups})})
    return Checkpoint(config, trained_state(model), model.backbone.identity, calibration, split, card, metrics)


def prepared(train: FeatureSet, config: FusionConfig, training: TrainingConfig) -> tuple[FusionModel, FloatArray, Tensor | None]:
    """A fresh model that has seen no more of the training samples than their means and spreads.

    Returns:
        The model, targets `[rows, labels]`, and weights of labels `[labels]` where they are to count differently.

    Raises:
        InputError: labels do not fit.
        ConfigError: the model cannot be built so.
        ModelError: the backbone is not here.
    """
    torch.set_num_threads(training.threads)
    set_seed(training.seed)
    model = build_model(config)
    fit_projectors(model, train)
    chosen = task(config.task)
    targets = chosen.targets(train.labels, config.labels)
    if isinstance(model.scale, OutputScale):
        model.scale.fit(torch.tensor(targets))
    is_weighted = training.class_weights or chosen.kind == "value"
    return model, targets, torch.tensor(chosen.weights(targets)) if is_weighted else None


def fit_projectors(model: FusionModel, samples: FeatureSet) -> None:
    """Standardise each projector's input by these samples' tokens."""
    for modality in model.settings.modalities:
        rows = [row for row in samples.rows.get(modality, ()) if row is not None]
        if rows and model.settings.inputs[modality].width:
            tokens = torch.tensor(np.concatenate([row.tokens[row.mask] for row in rows]))
            model.projectors[modality.value].fit(tokens)  # type: ignore[operator]


@dataclass(frozen=True)
class _Rows(torch.utils.data.Dataset[Any]):
    """A sample set as torch wants it: an item is a place and the set it is a place of."""

    samples: FeatureSet
    targets: FloatArray

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[_Rows, int]:
        return self, index


@dataclass(frozen=True)
class _Collator:
    modalities: Sequence[Modality]

    def __call__(self, items: Sequence[tuple[_Rows, int]]) -> dict[str, Any]:
        rows, indices = items[0][0], [index for _, index in items]
        features, present = rows.samples.batch(indices, self.modalities)
        batch = {"features": features, "present": torch.tensor(present), "labels": torch.tensor(rows.targets[indices])}
        if rows.samples.weights:
            batch["row_weights"] = torch.tensor([rows.samples.weights[i] for i in indices], dtype=torch.float32)
        return batch


class _FusionTrainer(Trainer):
    """Trainer with our loss, which saves and restores only what is trained."""

    def __init__(self, fusion: FusionModel, label_weights: Tensor | None, **settings: Any) -> None:
        super().__init__(model=fusion, **settings)
        self.fusion = fusion
        self.factors = {name: torch.ones(()) for name in fusion.projectors}
        if fusion.settings.balance_gradients:
            for name, projector in fusion.projectors.items():
                for parameter in projector.parameters():
                    parameter.register_hook(partial(torch.mul, self.factors[name]))  # type: ignore[no-untyped-call]
        self.label_weights = None if label_weights is None else label_weights.to(self.args.device)
        self.remove_callback(PrinterCallback)

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:  # noqa: ARG002
        output = model(inputs["features"], inputs["present"])
        if model.training:
            loss = fusion_loss(self.fusion, output, inputs["labels"], self.label_weights, inputs.get("row_weights"))
            if self.fusion.settings.balance_gradients:
                self._hold_back(output, inputs["labels"])
        else:  # the joint loss alone chooses the epoch
            loss = task(self.fusion.settings.task).loss(output.logits, inputs["labels"], self.label_weights).mean()
        return (loss, output) if return_outputs else loss

    def _hold_back(self, output: FusionOutput, targets: Tensor) -> None:
        """Multiply the gradients of modalities that are ahead, as the coming backward pass makes them."""
        scores = scores_of(head_losses(self.fusion, output, targets), output.present)
        factors = modulation(scores, output.present.any(0))
        for index, modality in enumerate(self.fusion.settings.modalities):
            if modality.value in self.factors:
                self.factors[modality.value].fill_(float(factors[index]))

    def prediction_step(self, model: Any, inputs: dict[str, Any], *_: Any, **__: Any) -> tuple[Tensor, None, None]:
        with torch.no_grad():
            loss: Tensor = self.compute_loss(model, self._prepare_inputs(inputs))
        return loss.detach(), None, None

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ARG002 - the trainer's signature
        folder = Path(output_dir or self.args.output_dir or ".")
        folder.mkdir(parents=True, exist_ok=True)
        save_file(trained_state(self.fusion), folder / WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ARG002 - as above
        load_trained(self.fusion, load_file(Path(resume_from_checkpoint) / WEIGHTS))

    def _load_best_model(self) -> None:
        load_trained(self.fusion, load_file(Path(self.state.best_model_checkpoint or "") / WEIGHTS))


class _Teller(TrainerCallback):
    """Passes each epoch's figures on."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the trainer's signature
        figures = {k: float(v) for entry in state.log_history[-2:] for k, v in entry.items() if k in ("loss", "eval_loss")}
        self.progress(round(state.epoch), figures)


def _callbacks(training: TrainingConfig, *, has_validation: bool, progress: Progress | None) -> list[Any]:
    chosen: list[Any] = [_Teller(progress)] if progress else []
    if has_validation and training.patience:
        chosen.append(EarlyStoppingCallback(training.patience))
    return chosen


def _arguments(training: TrainingConfig, folder: Path, *, has_validation: bool, steps: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=training.epochs,
        per_device_train_batch_size=training.batch_size,
        per_device_eval_batch_size=4 * training.batch_size,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        warmup_steps=round(training.warmup * steps),
        lr_scheduler_type="cosine",
        max_grad_norm=1.0,
        seed=training.seed,
        use_cpu=not torch.cuda.is_available(),
        eval_strategy="epoch" if has_validation else "no",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=has_validation,
        metric_for_best_model="eval_loss" if has_validation else None,
        greater_is_better=False if has_validation else None,
        logging_strategy="epoch",
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        report_to="none",
        disable_tqdm=True,
        log_level="error",
    )


def optimizer_of(model: FusionModel, training: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer by its name: the backbone slower than what is new; no decay for norms, biases and single vectors."""
    backbone_rate = training.backbone_learning_rate or _BACKBONE_RATES[model.settings.tuning]
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = backbone_rate if name.startswith("backbone.") else training.learning_rate
            decay = training.weight_decay if parameter.ndim > 1 and name not in ("missing", "modality_embedding") else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    settings = [{"params": p, "lr": rate, "weight_decay": decay} for (rate, decay), p in groups.items()]
    if training.optimizer == "sgd":
        return torch.optim.SGD(settings, lr=training.learning_rate, momentum=0.9, nesterov=True)
    if training.optimizer == "adafactor":
        return torch.optim.Adafactor(settings, lr=training.learning_rate)
    return torch.optim.AdamW(settings)


def _resumable(folder: Path, fingerprint: str) -> str | None:
    """The last whole epoch of a run of the same samples and configuration; a folder of another run is refused."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "run.json"
    if mark.is_file():
        if json.loads(mark.read_text("utf-8")).get("fingerprint") != fingerprint:
            raise ConfigError(f"{folder} holds an unfinished run of other samples or settings; delete it or choose another work folder")
        found = get_last_checkpoint(str(folder))  # type: ignore[no-untyped-call]
        return None if found is None else str(found)
    if any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty; choose another work folder")
    part = mark.with_suffix(".part")
    part.write_text(json.dumps({"fingerprint": fingerprint}), "utf-8")
    part.replace(mark)
    return None


def _fingerprint(train: FeatureSet, validation: FeatureSet, config: FusionConfig, training: TrainingConfig) -> str:
    digest = hashlib.sha256((config.model_dump_json() + training.model_dump_json()).encode())
    for samples in (train, validation):
        digest.update(repr((samples.ids, samples.labels, samples.groups, samples.weights)).encode())
        for modality in sorted(samples.rows):
            for row in samples.rows[modality]:
                digest.update(modality.encode() if row is None else row.tokens.tobytes() + repr(row.sentences).encode())
    return digest.hexdigest()


def _best_epoch(trainer: Trainer) -> float:
    losses = [(entry["eval_loss"], entry["epoch"]) for entry in trainer.state.log_history if "eval_loss" in entry]
    return float(min(losses)[1]) if losses else float(trainer.state.epoch or 0)
