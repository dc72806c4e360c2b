"""How a drawer is built, trained and asked."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

HEADS = 4
MOST_TOKENS = 1024


class DrawingOptions(BaseModel):
    """Settings of the task.

    Attributes:
        backend: `flow` is trained here from nothing; `diffusers` is a pipeline that is already here, of which nothing is trained.
        model: of diffusers: a folder or hub id.
        side_px: of the pictures; what is larger is shrunk.
        patch_px: side of a token; smaller is finer and dearer.
        width, depth: of the transformer.
        training_steps, batch, rate, weight_decay, seed: of training.
        minutes: training of the drawer ends after this many; none for no limit, and for the same model every time.
        hide_all: share of training rows with nothing asked; in the others some columns are left open.
        flip: mirror pictures in training; only where left and right mean nothing.
        classifier_steps: of the independent classifier's training.
        steps, guidance: of drawing; see `core.drawing.flow.draw`.
        validation_fraction: of groups, where no validation rows are given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["flow", "diffusers"] = "flow"
    model: str = ""
    side_px: int = Field(default=32, ge=8, le=96)
    patch_px: int = Field(default=4, ge=1, le=16)
    width: int = Field(default=128, ge=16, le=512, multiple_of=8)
    depth: int = Field(default=6, ge=1, le=12)
    training_steps: int = Field(default=2000, ge=1, le=1_000_000)
    batch: int = Field(default=64, ge=2, le=1024)
    rate: float = Field(default=1.5e-3, gt=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    seed: int = Field(default=0, ge=0)
    minutes: float | None = Field(default=None, gt=0)
    hide_all: float = Field(default=0.1, ge=0, lt=1)
    flip: bool = False
    classifier_steps: int = Field(default=1500, ge=1, le=100_000)
    steps: int = Field(default=12, ge=1, le=200)
    guidance: float = Field(default=2.0, ge=0, le=20)
    validation_fraction: float = Field(default=0.15, gt=0, le=0.5)

    @model_validator(mode="after")
    def _fits(self) -> DrawingOptions:
        if self.side_px % self.patch_px or (self.side_px // self.patch_px) ** 2 > MOST_TOKENS:
            raise ValueError(f"patch_px must divide side_px, and leave at most {MOST_TOKENS} tokens")
        if (self.backend == "diffusers") != bool(self.model):
            raise ValueError("model names the weights of the backend diffusers, and of no other")
        return self
