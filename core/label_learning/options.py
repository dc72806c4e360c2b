"""LabelOptions: the settings of every task whose answer is a label or a number of a whole row."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Preset = Literal["quick", "best"]
PRESET_EPOCHS = {"quick": 6, "best": 8}


class LabelOptions(BaseModel):
    """How a model is built, trained and chosen.

    Attributes:
        preset: `quick` trains the fusion model alone; `best` also fits linear probes and gradient boosting over the same features,
            compares all by cross-validation with groups, and keeps the winner or several of them together.
        backbone: a packaged name, a folder or a hub id.
        tuning: the backbone stays frozen, gets adapters, or is tuned fully.
        epochs: at the most; None means the preset's own.
        batch_size, optimizer, weight_decay, dropout, label_smoothing, modality_dropout, learn_weights, balance_gradients, projector: as
            in `TrainingConfig`, `FusionConfig` and `ModalityInput`.
        learning_rate: of projectors and heads, or `find` for a range test beforehand.
        class_weights: rare labels count more.
        validation_fraction: of the groups; chooses the epoch where no validation rows are given.
        alpha: share of the right labels that the accepted ones may miss.
        seed, threads: of everything.
        order: of ordinal labels, lowest first; may be left out where they are numbers.
        separator: between several labels of a cell; None means the first of | ; , that occurs.
        folds: of the cross-validation.
        text_encoder: which packaged encoder reads text; `auto` takes the multilingual one where most letters are of a script that the
            usual one does not know.
        image_encoder: what reads pictures: the packaged one, a folder, or a hub id of a vision model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Preset = "quick"
    backbone: str = "minilm"
    tuning: Literal["frozen", "lora", "dora", "full"] = "frozen"
    epochs: int | None = Field(default=None, ge=1, le=1000)
    batch_size: int = Field(default=32, ge=1, le=4096)
    learning_rate: float | Literal["find"] = 1e-3
    optimizer: Literal["adamw", "sgd", "adafactor"] = "adamw"
    weight_decay: float = Field(default=0.1, ge=0, le=10)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    label_smoothing: float = Field(default=0.05, ge=0, lt=1)
    class_weights: bool = True
    modality_dropout: float = Field(default=0.3, ge=0, lt=1)
    learn_weights: bool = False
    balance_gradients: bool = False
    projector: Literal["linear", "mlp", "resampler"] = "mlp"
    validation_fraction: float = Field(default=0.15, ge=0, le=0.5)
    alpha: float = Field(default=0.1, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)
    threads: int = Field(default=2, ge=1, le=256)
    order: tuple[str, ...] = ()
    separator: str | None = Field(default=None, min_length=1, max_length=8)
    folds: int = Field(default=3, ge=2, le=20)
    text_encoder: Literal["auto", "minilm", "multilingual"] = "auto"
    image_encoder: str = Field(default="efficientnet-lite0", min_length=1, max_length=512)

    @property
    def most_epochs(self) -> int:
        """The epochs asked for, or the preset's."""
        return self.epochs or PRESET_EPOCHS[self.preset]
