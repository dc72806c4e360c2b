"""Write a trained model for other places: a folder that is there whole or not at all, with a card and hashes.

exported.json        what it reads and says: modalities, labels, calibration, columns
fusion.onnx          from tokens, masks and word ids to logits (or fusion.pt2, a torch.export program)
tokenizer.json       of the backbone
member-1.onnx        a linear probe or boosted trees, where several models answer together; member-1.json: the words that it knows
text.onnx            the text encoder, where the model reads text; text-tokenizer.json beside it
README.md            the card
hashes.json          SHA-256 of each of the above; loading compares them first
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from core.backbones import load_backbone
from core.calibration import Calibration
from core.cards import render_card
from core.checkpoints import Checkpoint
from core.encoders.tabular import TabularState
from core.errors import ModelError
from core.exporting.answers import LINKS
from core.exporting.graph import FusionGraph, input_specs, merge_adapters
from core.exporting.mixture import FUSION, graph_file, words_file
from core.exporting.plain_graphs import write_boosted, write_linear
from core.exporting.preparing import InputSpec, input_names
from core.exporting.runtime import CARD, FORMAT, GRAPH, KIND, PROGRAM, SETTINGS, TEXT_GRAPH, TEXT_TOKENIZER, TOKENIZER
from core.label_learning.boosting import BoostedMember
from core.label_learning.fusion_member import FusionMember
from core.label_learning.linear import LinearMember
from core.label_learning.members import Member
from core.label_learning.model import LabelModel
from core.label_learning.scripts import kept_text_encoder
from core.model_folder import save_whole, write_json
from core.samples import Modality
from core.table.defaults import encoders_of
from core.table.values import ColumnKind
from core.trained import TrainedFusion
from core.weights import locate

ExportFormat = Literal["onnx", "torch"]
MOST_INLINE_BYTES = 1_800_000_000  # protobuf ends at 2 GiB
EXAMPLE_ROWS, EXAMPLE_TOKENS, EXAMPLE_WORDS = 2, 3, 5


def export(trained: TrainedFusion, out: Path, *, form: ExportFormat = "onnx", int8: bool = False) -> Path:
    """Write the folder.

    Args:
        trained: the model; adapters are merged into a copy of its own.
        out: the folder; must not exist, or hold an older export.
        form: for onnxruntime, or a torch.export program.
        int8: weights of matrix products and embeddings as 8-bit integers (ONNX only).

    Raises:
        ModelError: other models answer together with it, it is too large, its task has no link, or the folder cannot be written.
    """
    if trained.others:
        raise ModelError(
            f"{trained.name} answers together with {', '.join(trained.others)}; export all of them with --format onnx, "
            "or the fusion model alone with --member fusion"
        )
    if int8 and form != "onnx":
        raise ModelError("8-bit weights are written for onnxruntime alone; use --format onnx with --int8")
    checkpoint = trained.checkpoint
    if checkpoint.config.task not in LINKS:
        raise ModelError(f"the task {checkpoint.config.task!r} cannot be exported; {', '.join(LINKS)} can")
    specs = input_specs(checkpoint)

    def write(folder: Path) -> None:
        write_fusion(checkpoint, specs, folder, form, int8)
        wanted = checkpoint.config.inputs.get(Modality.TEXT)
        text = _write_text(wanted.encoder, folder, int8) if wanted is not None and form == "onnx" else None
        settings = {"form": form, "int8": int8, "name": checkpoint.name, "task": checkpoint.config.task, "text": text}
        settings |= _settings(checkpoint.labels, specs, checkpoint.calibration, LINKS[checkpoint.config.task])
        write_json(folder / SETTINGS, settings | _columns(trained.kinds, trained.tabular))
        (folder / CARD).write_text(_card(render_card(checkpoint), checkpoint.name, form, int8), "utf-8")

    return save_whole(out, write, kind=KIND)


def export_members(model: LabelModel, name: str, card: str, out: Path, *, int8: bool = False) -> Path:
    """Write a model in which several members answer, or one that is no fusion model, for onnxruntime.

    Args:
        model: whatever `train` shipped.
        name: of its folder.
        card: its card.
        out: the folder; must not exist, or hold an older export.
        int8: matrices of the fusion model and of the text encoder as 8-bit integers; plain members are small as they are.

    Raises:
        ModelError: a member is too large, or the folder cannot be written.
    """
    encoders = encoders_of(model.modalities, model.tabular, text=kept_text_encoder(model.options), image=model.options.image_encoder)
    specs = tuple(InputSpec(m, encoders[m].name, encoders[m].width, 1, 1) for m in model.modalities)
    fusion = model.members.get(FUSION)
    if isinstance(fusion, FusionMember):
        specs = input_specs(fusion.checkpoint)
        if names := [s.modality for s in specs if encoders[s.modality].name != s.encoder]:
            raise ModelError(f"{name} reads {names[0]} by another encoder than the packaged one; train again")

    def write(folder: Path) -> None:
        told = [_write_member(member, place, specs, folder, int8) for place, member in enumerate(model.members.values())]
        text = _write_text(encoders[Modality.TEXT].name, folder, int8) if Modality.TEXT in model.modalities else None
        settings = {"form": "onnx", "int8": int8, "name": name, "task": model.task.name, "text": text}
        settings |= _settings(model.labels, specs, model.calibration, LINKS[model.task.name])
        weights = [{"modalities": sorted(m.value for m in p), "members": dict(w)} for p, w in model.weights.items()]
        settings["mixture"] = {"members": told, "weights": weights}
        write_json(folder / SETTINGS, settings | _columns(model.kinds, model.tabular))
        (folder / CARD).write_text(_card(card, name, "onnx", int8), "utf-8")

    return save_whole(out, write, kind=KIND)


def _write_member(member: Member, place: int, specs: tuple[InputSpec, ...], folder: Path, int8: bool) -> dict[str, Any]:
    if isinstance(member, FusionMember):
        write_fusion(member.checkpoint, specs, folder, "onnx", int8)
        return {"name": FUSION}
    if isinstance(member, BoostedMember):
        write_boosted(member, folder / graph_file(place))
        return {"name": member.name, "modalities": [m.value for m in member.components.centre], "has_words": False}
    if not isinstance(member, LinearMember):
        raise ModelError(f"the member {member.name[:40]!r} cannot be exported; export the fusion model alone with --member fusion")
    write_linear(member, folder / graph_file(place))
    words = member.columns.words
    if words:
        write_json(folder / words_file(place), {m.value: one.to_json() for m, one in words.items()})
    return {"name": member.name, "modalities": [m.value for m in member.columns.modalities], "has_words": bool(words)}


def write_fusion(checkpoint: Checkpoint, specs: tuple[InputSpec, ...], folder: Path, form: ExportFormat, int8: bool) -> None:
    """The fusion model's graph or program, and the tokenizer of its backbone.

    Raises:
        ModelError: it is too large for one file.
    """
    graph = FusionGraph(merge_adapters(checkpoint.build()), specs)
    if sum(p.numel() * 4 for p in graph.parameters()) > MOST_INLINE_BYTES:
        raise ModelError(f"the backbone {checkpoint.config.backbone!r} is too large for one ONNX file; export a smaller one")
    program = trace(graph)
    if form == "torch":
        torch.export.save(program, folder / PROGRAM)
    else:
        write_onnx(program, folder / GRAPH, input_names(specs), ("logits", "modality_logits"), int8=int8)
    shutil.copyfile(locate(checkpoint.config.backbone) / TOKENIZER, folder / TOKENIZER)


def trace(graph: FusionGraph) -> Any:
    """A torch.export program of any number of rows, tokens and words."""
    dynamic = torch.export.Dim.DYNAMIC
    names = input_names(graph.specs)
    shapes = ({0: dynamic}, tuple({0: dynamic, 1: dynamic} for _ in names[1:]))
    with _plain_attention(), torch.no_grad():
        return torch.export.export(graph, _example(graph.specs), dynamic_shapes=shapes, strict=False)


def write_onnx(program: Any, path: Path, inputs: tuple[str, ...], outputs: tuple[str, ...], *, int8: bool) -> None:
    """One ONNX file; with `int8` its matrices as 8-bit integers, quantised as they are, activations at run time."""
    with _quiet():
        made = torch.onnx.export(program, input_names=list(inputs), output_names=list(outputs), dynamo=True, external_data=False)
    if made is None:
        raise ModelError("torch.onnx gave no graph; update torch")
    if not int8:
        made.save(path)
        return
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="trivium-int8-") as folder, _quiet():
        whole, ready = Path(folder) / "whole.onnx", Path(folder) / "ready.onnx"
        made.save(whole)
        quant_pre_process(str(whole), str(ready), skip_symbolic_shape=True)
        quantize_dynamic(ready, path, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gemm", "Gather"])


def _example(specs: tuple[InputSpec, ...]) -> tuple[Tensor, ...]:
    """Of every input, two rows; sizes differ, so that none is taken for another."""
    made: list[Tensor] = [torch.ones(EXAMPLE_ROWS, len(specs), dtype=torch.bool)]
    for index, spec in enumerate(specs):
        words, tokens = EXAMPLE_WORDS + 2 * index, EXAMPLE_TOKENS + 2 * index
        made += [torch.ones(EXAMPLE_ROWS, words, dtype=torch.long), torch.ones(EXAMPLE_ROWS, words, dtype=torch.bool)]
        if spec.width:
            made += [torch.randn(EXAMPLE_ROWS, tokens, spec.width), torch.ones(EXAMPLE_ROWS, tokens, dtype=torch.bool)]
            made.append(torch.linspace(0, 1, tokens).expand(EXAMPLE_ROWS, -1).clone())
    return tuple(made)


class _TextGraph(nn.Module):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        hidden: Tensor = self.module(input_ids=ids, attention_mask=mask).last_hidden_state
        return hidden


def _write_text(wanted: str, folder: Path, int8: bool) -> dict[str, Any] | None:
    """The packaged text encoder, where that is what the model was trained on."""
    from core.encoders.text import DEFAULT_WEIGHTS, TextEncoder

    encoder = TextEncoder()
    if encoder.name != wanted:
        return None
    dynamic = torch.export.Dim.DYNAMIC
    ids = torch.ones(EXAMPLE_ROWS, EXAMPLE_WORDS, dtype=torch.long)
    with _plain_attention(), torch.no_grad():
        program = torch.export.export(
            _TextGraph(load_backbone(DEFAULT_WEIGHTS).module),
            (ids, ids),
            dynamic_shapes=({0: dynamic, 1: dynamic}, {0: dynamic, 1: dynamic}),
            strict=False,
        )
    write_onnx(program, folder / TEXT_GRAPH, ("ids", "mask"), ("tokens",), int8=int8)
    shutil.copyfile(locate(DEFAULT_WEIGHTS) / TOKENIZER, folder / TEXT_TOKENIZER)
    return {"name": encoder.name, "width": encoder.width, "max_tokens": encoder.max_tokens}


def _settings(labels: Sequence[str], specs: tuple[InputSpec, ...], calibration: Calibration, link: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "labels": list(labels),
        "inputs": [{**asdict(spec), "modality": spec.modality.value} for spec in specs],
        "calibration": {
            "link": link,
            "temperatures": list(calibration.temperatures),
            "thresholds": list(calibration.thresholds),
            "method": calibration.method,
        },
        "versions": {"torch": torch.__version__},
    }


def _columns(kinds: Mapping[str, ColumnKind], tabular: TabularState | None) -> dict[str, Any]:
    return {"kinds": {name: kind.value for name, kind in kinds.items()}, "tabular": tabular.to_json() if tabular else None}


def _card(card: str, name: str, form: str, int8: bool) -> str:
    how = "a torch.export program: `core.exporting.program.load`" if form == "torch" else "for onnxruntime: `core.exporting.runtime.load`"
    bits = "Weights are 8-bit integers: measure what that costs on your own rows.\n" if int8 else ""
    return f"{card}\n## This export\n\nOf the model `{name}`, {how}.\n{bits}"


@contextlib.contextmanager
def _plain_attention() -> Iterator[None]:
    """torch's fused encoder path cannot be traced."""
    was = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporters print each of their steps, and warn of packages that are not needed here."""
    import io
    import warnings

    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
