"""Export whatever a model folder holds: a checkpoint, a fusion model, or several models that answer together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from core.errors import ModelError
from core.exporting.mixture import FUSION
from core.exporting.writing import ExportFormat, export, export_members
from core.label_learning.model import CARD
from core.learners.contract import kept_task, load
from core.trained import load_fusion


def export_folder(
    folder: Path,
    out: Path,
    *,
    form: ExportFormat = "onnx",
    int8: bool = False,
    member: Literal["fusion"] | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Write the export of a model folder.

    Args:
        folder: of the model.
        out: the folder to write; must not exist, or hold an older export.
        form: for onnxruntime, or a torch.export program, which holds a fusion model alone.
        int8: weights as 8-bit integers (ONNX only).
        member: `fusion` takes the fusion model alone, with its own calibration, where several answer together.
        say: told what is exported.

    Raises:
        ModelError: the model is missing, damaged, of a task that cannot be exported, or `out` cannot be written.
    """
    if kept_task(folder) is None:
        say(f"exporting {folder.name}")
        return export(load_fusion(folder), out, form=form, int8=int8)
    learned: Any = load(folder)
    model: Any = getattr(learned, "model", None)
    members = getattr(model, "members", None)
    if not members:
        raise ModelError(f"{folder.name} is of the task {learned.task}, which cannot be exported; labels and numbers can")
    if member is not None and member not in members:
        raise ModelError(f"{folder.name} holds no {member} model: it answers by {', '.join(members)}; export it without --member")
    if list(members) == [FUSION]:
        say(f"exporting the fusion model of {folder.name}")
        return export(load_fusion(folder), out, form=form, int8=int8)
    if member == FUSION:
        say(f"exporting the fusion model of {folder.name} without {', '.join(name for name in members if name != FUSION)}")
        return export(replace(load_fusion(folder), checkpoint=members[FUSION].checkpoint, others=()), out, form=form, int8=int8)
    if form != "onnx":
        advice = ", or --member fusion" if FUSION in members else ""
        raise ModelError(
            f"{folder.name} answers by {', '.join(members)}; a torch program holds one fusion model: use --format onnx{advice}"
        )
    say(f"exporting {', '.join(members)} of {folder.name}")
    return export_members(model, folder.name, (folder / CARD).read_text("utf-8"), out, int8=int8)
