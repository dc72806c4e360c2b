"""The settings of an alignment; apart, so that naming them costs no torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AlignmentOptions(BaseModel):
    """How the towers are built and trained.

    Attributes:
        shared: numbers of the shared space.
        epochs, batch, rate, weight_decay, dropout, patience, seed: of training.
        queue: embeddings remembered as further negatives; 0 for none.
        hardness: how much more negatives that look right count.
        smoothing: of the targets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shared: int = Field(default=128, ge=8, le=2048)
    epochs: int = Field(default=40, ge=1, le=1000)
    batch: int = Field(default=64, ge=2, le=4096)
    rate: float = Field(default=1e-3, gt=0, lt=1)
    weight_decay: float = Field(default=0.1, ge=0)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    patience: int = Field(default=6, ge=1)
    seed: int = Field(default=0, ge=0)
    queue: int = Field(default=256, ge=0, le=65536)
    hardness: float = Field(default=0.5, ge=0, le=10)
    smoothing: float = Field(default=0.1, ge=0, lt=1)
