"""The fusion model as a member."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.backbones import load_backbone
from core.cards import Card
from core.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from core.errors import ModelError
from core.featuresets import FeatureSet
from core.fusion import FusionConfig
from core.label_learning.options import LabelOptions
from core.label_learning.rows import Rows
from core.learning_rate import find_learning_rate
from core.predicting import joint_logits
from core.samples import FloatArray, Modality
from core.splits import Split
from core.tasks import task
from core.training import TrainingConfig, fit, inputs_of

PATIENCE = 2
LEAST_WORDS, SPECIAL_TOKENS = 4, 2
SAID_BESIDE_TOKENS = 24  # word pieces of a sentence that says what the tokens beside it say


class FusionMember:
    """A trained fusion model.

    Attributes:
        name: of the member.
        checkpoint: the model at rest.
    """

    name = "fusion"

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._model = checkpoint.build()
        self._task = task(checkpoint.config.task)

    def ask(self, rows: Rows) -> FloatArray:
        """Probabilities before any temperature, or numbers, `[rows, labels]`."""
        return self._task.probabilities(joint_logits(self._model, rows.features))

    def save(self, folder: Path) -> dict[str, Any]:
        """As a checkpoint of its own."""
        save_checkpoint(self.checkpoint, folder)
        return {}


def load_fusion(folder: Path, task_name: str, labels: tuple[str, ...]) -> FusionMember:
    """From a folder.

    Raises:
        ModelError: it is damaged, of another task or other labels, or its backbone is not here or another.
    """
    checkpoint = load_checkpoint(folder)
    if checkpoint.config.task != task_name or checkpoint.config.labels != labels:
        raise ModelError(f"the fusion model in {folder.name} is of another task or other labels than the model it lies in; train again")
    return FusionMember(checkpoint)


def configure(features: FeatureSet, task_name: str, labels: tuple[str, ...], options: LabelOptions) -> FusionConfig:
    """The fusion model that these features and options call for; fewer words are read where the backbone's sequences are short."""
    inputs = inputs_of(features, projector=options.projector)
    for modality, one in inputs.items():
        if modality is not Modality.TEXT and one.width:
            inputs[modality] = one.model_copy(update={"max_words": SAID_BESIDE_TOKENS})
    most = load_backbone(options.backbone).most_positions - SPECIAL_TOKENS
    while sum(i.max_words + (i.max_tokens if i.width else 0) for i in inputs.values()) > most:
        longest = max(inputs, key=lambda m: inputs[m].max_words)
        if inputs[longest].max_words < 2 * LEAST_WORDS:
            break  # the fusion model says what does not fit
        inputs[longest] = inputs[longest].model_copy(update={"max_words": inputs[longest].max_words // 2})
    return FusionConfig(
        inputs=inputs,
        labels=labels,
        task=task_name,
        backbone=options.backbone,
        tuning=options.tuning,
        dropout=options.dropout,
        modality_dropout=options.modality_dropout if len(inputs) > 1 else 0.0,
        learn_weights=options.learn_weights,
        balance_gradients=options.balance_gradients,
        label_smoothing=options.label_smoothing,
    )


def training_of(options: LabelOptions) -> TrainingConfig:
    """How it is trained; the rate is 1e-3 where it is yet to be found."""
    return TrainingConfig(
        seed=options.seed,
        epochs=options.most_epochs,
        patience=PATIENCE,
        batch_size=options.batch_size,
        optimizer=options.optimizer,
        weight_decay=options.weight_decay,
        learning_rate=1e-3 if options.learning_rate == "find" else options.learning_rate,
        validation_fraction=options.validation_fraction,
        class_weights=options.class_weights,
        alpha=options.alpha,
        threads=options.threads,
    )


def fit_fusion(
    features: FeatureSet,
    config: FusionConfig,
    training: TrainingConfig,
    *,
    split: Split | None = None,
    card: Card | None = None,
    say: Callable[[str], None] | None = None,
) -> FusionMember:
    """Train; see `core.training.fit`."""

    def told(epoch: int, figures: Any) -> None:
        if say is not None:
            say(f"fusion: epoch {epoch} of {training.epochs}, " + ", ".join(f"{k} {v:.3f}" for k, v in figures.items()))

    return FusionMember(fit(features, config, training, split=split, card=card, progress=told))


def found_rate(features: FeatureSet, config: FusionConfig, training: TrainingConfig) -> TrainingConfig:
    """The same training at the rate that a range test suggests."""
    return training.model_copy(update={"learning_rate": find_learning_rate(features, config, training).suggestion})
