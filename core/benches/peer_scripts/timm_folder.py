"""Lay EfficientNet-Lite0 out as a folder that timm and AutoGluon read, and give its pooled features, to compare.

Runs in the peer's environment: `python timm_folder.py make WEIGHTS.pth FOLDER`, `python timm_folder.py embed FOLDER IN.npy OUT.npy`.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

ARCHITECTURE = "tf_efficientnet_lite0"
MEAN = [127.0 / 255.0] * 3  # the packaged weights were trained on (x - 127) / 128
DEVIATION = [128.0 / 255.0] * 3


def make(weights: Path, folder: Path) -> None:
    """Rename the keys, layer after layer, and write `pytorch_model.bin` and `config.json`.

    Args:
        weights: state dictionary of EfficientNet-Lite0 with its classifier last.
        folder: made where it is missing.

    Raises:
        ValueError: a layer has another shape.
    """
    stored = torch.load(weights, map_location="cpu", weights_only=True)
    network = import_module("timm").create_model(ARCHITECTURE, pretrained=False, num_classes=0)
    renamed = {}
    for name, (theirs, tensor) in zip(network.state_dict(), stored.items(), strict=False):
        if network.state_dict()[name].shape != tensor.shape:
            raise ValueError(f"{theirs} {list(tensor.shape)} does not fit {name} {list(network.state_dict()[name].shape)}")
        renamed[name] = tensor
    network.load_state_dict(renamed)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    known = {key: value for key, value in network.default_cfg.items() if value is not None and key not in ("url", "hf_hub_id")}
    pretrained = {**known, "mean": MEAN, "std": DEVIATION, "input_size": [3, 224, 224]}
    config = {"architecture": ARCHITECTURE, "num_classes": 0, "num_features": network.num_features, "pretrained_cfg": pretrained}
    (folder / "config.json").write_text(json.dumps(config, default=list), encoding="utf-8")


@torch.inference_mode()
def embed(folder: Path, squares: Path, out: Path) -> None:
    """Pooled features as AutoGluon would have them.

    Args:
        folder: as `make` wrote it.
        squares: bytes `[batch, 224, 224, 3]`.
        out: gets `[batch, 1280]`.
    """
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights = str(folder / "pytorch_model.bin")
    network = import_module("timm").create_model(config["architecture"], checkpoint_path=weights, num_classes=0).eval()
    pixels = torch.from_numpy(np.load(squares, allow_pickle=False)).permute(0, 3, 1, 2).float() / 255.0
    mean, deviation = (torch.tensor(config["pretrained_cfg"][key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    np.save(out, network((pixels - mean) / deviation).numpy(), allow_pickle=False)


if __name__ == "__main__":
    action, *given = sys.argv[1:]
    paths = [Path(each) for each in given]
    if action == "make":
        make(paths[0], paths[1])
    else:
        embed(paths[0], paths[1], paths[2])
