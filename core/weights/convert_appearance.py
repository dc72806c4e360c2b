"""MobileNetV2 appearance features: from a PyTorch weights file to one ONNX file.

Input `crop` `[batch, 3, 224, 224]`: RGB over 255, minus 0.485 0.456 0.406, over 0.229 0.224 0.225. Output `appearance`
`[batch, 1280]`, unit vectors: compare by cosine.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from core.weights.export import export_onnx
from core.weights.mobile_nets import MOBILENET_V2, MobileNet, load_by_order, read_pickled_weights

SIDE_PX = 224


class _Appearance(nn.Module):
    def __init__(self, network: MobileNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, crop: Tensor) -> Tensor:
        return nn.functional.normalize(self.network(crop)[1], dim=-1)


def convert(raw: Path, ready: Path) -> None:
    """Write `appearance.onnx` into `ready`."""
    network = MobileNet(MOBILENET_V2)
    load_by_order(network, read_pickled_weights(str(next(raw.glob("*.pt")))))
    example = torch.zeros(2, 3, SIDE_PX, SIDE_PX)
    export_onnx(_Appearance(network), example, ready / "appearance.onnx", inputs=["crop"], outputs=["appearance"], free_batch=True)
