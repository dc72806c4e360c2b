"""EfficientNet-Lite0: from a PyTorch weights file to one ONNX file, and the 1000 class names beside it.

Input `image` `[batch, 3, 224, 224]`, RGB, minus 127, over 128. Outputs `tokens` `[batch, 49, 1280]`, `pooled`
`[batch, 1280]`, `logits` `[batch, 1000]`. The names come from the ImageNet synset lists, in the order of the logits.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from core.errors import ModelError
from core.weights.export import export_onnx
from core.weights.mobile_nets import EFFICIENTNET_LITE0, MobileNet, load_by_order, read_pickled_weights

SIDE_PX = 224


def convert(raw: Path, ready: Path) -> None:
    """Write `efficientnet-lite0.onnx` and `labels.json` into `ready`."""
    network = MobileNet(EFFICIENTNET_LITE0)
    load_by_order(network, read_pickled_weights(str(next(raw.glob("*.pth")))))
    example = torch.zeros(2, 3, SIDE_PX, SIDE_PX)
    names = ["tokens", "pooled", "logits"]
    export_onnx(network, example, ready / "efficientnet-lite0.onnx", inputs=["image"], outputs=names, free_batch=True)
    labels = read_labels(raw / "imagenet_synsets.txt", raw / "imagenet_synset_to_lemma.txt")
    (ready / "labels.json").write_text(json.dumps(labels), encoding="utf-8")


def read_labels(synsets: Path, lemmas: Path) -> list[str]:
    """The first everyday name of each class, in the order of the logits."""
    name_of = dict(line.split("\t", 1) for line in lemmas.read_text(encoding="utf-8").splitlines() if "\t" in line)
    labels = [name_of[synset].split(",")[0].strip() for synset in synsets.read_text(encoding="utf-8").split()]
    if len(labels) != EFFICIENTNET_LITE0.classes:
        raise ModelError(f"{synsets.name} names {len(labels)} classes, not {EFFICIENTNET_LITE0.classes}")
    return labels
