"""The card of a label model: on what it was trained, which model won and by how much, what each modality is worth."""

from __future__ import annotations

from collections.abc import Sequence

from core.label_learning.model import LabelModel
from core.label_learning.subsets import SubsetScore
from core.table.values import ColumnKind, Table


def render_card(model: LabelModel, train: Table, notes: Sequence[str], subsets: Sequence[SubsetScore]) -> str:
    """The card as Markdown."""
    metrics = model.metrics or {}
    kinds = "\n".join(f"| {_cell(name)} | {kind} |" for name, kind in model.kinds.items())
    figures = "\n".join(f"| {_cell(name)} | {value:.4g} |" for name, value in metrics.items() if not name.startswith("validation "))
    shown = "\n".join(f"| {one.name} | {one.value:.4g} | {_alone(one)} | {one.rows} |" for one in subsets) or "| all | see above | | |"
    weights = "\n".join(
        f"| {', '.join(m for m in model.modalities if m in pattern)} | {', '.join(f'{n} {w:.0%}' for n, w in chosen.items())} |"
        for pattern, chosen in model.weights.items()
    )
    calibration = model.calibration
    temperatures = ", ".join(f"{t:.3g}" for t in calibration.temperatures[:8])
    remarks = "\n".join(f"- {note}" for note in (*notes, *calibration.notes)) or "- none"
    where = "rows held out" if model.options.preset == "quick" else "all rows, each answered by models that never saw its group"
    rows = len(model.split.train) + len(model.split.validation)
    groups = f"; groups by `{train.of(ColumnKind.GROUP)[0]}`" if train.of(ColumnKind.GROUP) else ""
    return f"""# {model.task.name.capitalize()} of {_cell(", ".join(model.labels)[:400])}

Trained on {rows} rows of {_cell(train.name)}{groups} (`split.json`). Preset {model.options.preset}, backbone `{model.options.backbone}`
({model.options.tuning}), seed {model.options.seed}.

## What was found

{remarks}

## Who answers

By the modalities that a row has:

| modalities | members |
| --- | --- |
{weights}

## Figures

On {where}; they chose the model too, so they flatter a little. Use `evaluate` on rows of other groups.

| figure | value |
| --- | --- |
{figures}

{
        model.task.headline
    } where only some modalities are given, beside the best linear probe that reads one of them alone, on rows that have any:

| modalities | {model.task.headline} | one alone | rows |
| --- | --- | --- | --- |
{shown}

## Confidence

Temperature {temperatures}, fitted on {calibration.rows} rows. Labels are accepted, or intervals drawn, by a conformal threshold
({calibration.method}, alpha {calibration.alpha:g}). {
        "Rare labels count more in training, so probabilities lean towards them."
        if model.options.class_weights and model.task.kind == "one"
        else ""
    }

## Columns

| column | kind |
| --- | --- |
{kinds}

## Limits

Rows unlike those above were never seen. Nothing here is a licence to use it where a person's safety hangs on one answer.
"""


def _alone(one: SubsetScore) -> str:
    return "" if one.alone is None else f"{one.alone:.4g} ({one.best_alone})"


def _cell(text: str) -> str:
    """Text of a table in a cell of another: on one line, without bars or markup."""
    return " ".join(text.split()).replace("|", "/").replace("<", "‹").replace("`", "'")[:400]
