"""The card of a checkpoint: on what data it was trained, how well it did, what it must not be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from core.checkpoints import Checkpoint


class Card(BaseModel):
    """What a person must know before trusting a checkpoint.

    Attributes:
        title: short name.
        data: which data sets, in a sentence or two.
        licence: of the data and of the weights.
        is_synthetic: trained on made data, at least in part; said wherever its output is shown.
        samples, groups: how many it was trained and validated on.
        limits: what it must not be used for, what it has never seen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(default="fusion", pattern=r"^[\w.-]{1,64}$")
    data: str = "not stated"
    licence: str = "not stated"
    is_synthetic: bool = False
    samples: int = 0
    groups: int = 0
    limits: tuple[str, ...] = ()


def render_card(checkpoint: Checkpoint) -> str:
    """The card as Markdown."""
    card, config, calibration = checkpoint.card, checkpoint.config, checkpoint.calibration
    inputs = "\n".join(f"| {m} | `{i.encoder}` | {i.width or 'sentences only'} |" for m, i in config.inputs.items())
    figures = "\n".join(f"| {name} | {value:.4g} |" for name, value in checkpoint.metrics.items()) or "| none | |"
    limits = "\n".join(f"- {limit}" for limit in card.limits) or "- not stated"
    notes = "\n".join(f"- {note}" for note in calibration.notes)
    temperatures = ", ".join(f"{t:.3g}" for t in calibration.temperatures)
    synthetic = "\n> **Trained on synthetic data.** Say so wherever its output is shown.\n" if card.is_synthetic else ""
    train, validation = len(checkpoint.split.train), len(checkpoint.split.validation)
    return f"""# {card.title}
{synthetic}
A {config.task} of: {", ".join(config.labels)}.

Trained on: {card.data}
Licence: {card.licence}
Samples: {card.samples} in {card.groups} groups; {train} for training, {validation} for validation,
no group in both (`split.json`).

Backbone: `{checkpoint.backbone.name}` ({config.tuning}), sha256 `{checkpoint.backbone.sha256}`; not part of this folder unless tuned fully.

| modality | encoder | width |
| --- | --- | --- |
{inputs}

## Figures on validation

| figure | value |
| --- | --- |
{figures}

Validation rows also chose the epoch and the temperature: the figures flatter. Use `evaluate` on samples of other groups.

## Confidence

Temperature {temperatures}, fitted on {calibration.rows} rows. 
Labels are accepted by a conformal threshold ({calibration.method}, alpha {calibration.alpha:g}).
{notes}

## Limits

{limits}
"""
