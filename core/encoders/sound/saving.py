"""Write a trained sound network as a folder that `SoundTagger` loads: safetensors, ONNX, labels, calibration, metrics, card, hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from core.encoders.sound import frontend
from core.encoders.sound.network import NetworkShape, SoundNetwork
from core.encoders.sound.tagger import FORMAT, describe_frontend, read_config
from core.encoders.sound.training import TrainedSound
from core.errors import ModelError


def save_tagger(
    trained: TrainedSound, labels: Sequence[str], folder: Path, version: str, metrics: Mapping[str, Any], notes: Mapping[str, str]
) -> None:
    """Write everything; `config.json` comes last and names each file with its hash.

    Args:
        trained: the network and its calibration.
        labels: a name for each class, the background among them.
        folder: made if it is missing.
        version: of the weights; part of the encoder's name.
        metrics: measured figures, JSON values.
        notes: further text files, name to content (the card, the trained-on list).
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.contiguous() for name, value in trained.network.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    export_onnx(trained.network, folder / "model.onnx")
    _write_json(folder / "labels.json", list(labels))
    _write_json(folder / "calibration.json", {"temperature": round(trained.temperature, 4), "threshold": round(trained.threshold, 4)})
    _write_json(folder / "metrics.json", dict(metrics))
    for name, text in notes.items():
        (folder / name).write_text(text, encoding="utf-8")
    files = ["model.safetensors", "model.onnx", "labels.json", "calibration.json", "metrics.json", *notes]
    config = {
        "format": FORMAT,
        "name": "trivium-sound",
        "version": version,
        "network": asdict(trained.network.shape),
        "frontend": describe_frontend(),
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
    }
    _write_json(folder / "config.json", config)


def load_network(folder: Path) -> SoundNetwork:
    """The network of a folder for further training or export, from its safetensors.

    Raises:
        ModelError: missing, damaged, or the weights do not fit the configuration.
    """
    config = read_config(folder)
    try:
        values = dict(config["network"])
        network = SoundNetwork(NetworkShape(**{**values, "widths": tuple(values["widths"])}))
        network.load_state_dict(load_file(folder / "model.safetensors"))
    except (KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise ModelError(f"{folder}: the weights do not fit config.json ({type(error).__name__}); install it again") from error
    return network.eval()


def export_onnx(network: SoundNetwork, path: Path) -> None:
    """The network as ONNX: `patches` in, `embedding` and `logits` out, any number of patches."""
    network.eval()
    example = torch.zeros(2, frontend.PATCH_FRAMES, frontend.BANDS)
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.onnx.export(
        _Plain(network).eval(),
        (example,),
        input_names=["patches"],
        output_names=["embedding", "logits"],
        dynamic_shapes={"patches": {0: batch}},
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise ModelError(f"{path}: the network could not be exported")
    path.write_bytes(_without_traces(program.model_proto))


def _without_traces(model: Any) -> bytes:
    """The model as bytes, without the exporter's stack traces, which name folders of the machine that made it."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    return bytes(model.SerializeToString())


class _Plain(nn.Module):
    """The network with its outputs in a fixed order."""

    def __init__(self, network: SoundNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, patches: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedding, logits = self.network(patches)
        return embedding, logits


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
