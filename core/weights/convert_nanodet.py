"""NanoDet: from the TensorFlow.js graph model in the package to one ONNX file.

The graph has one input and 15 kinds of operation; here each is a line of PyTorch, and the ONNX exporter writes the whole
down with its constants folded. The ONNX file takes BGR pixels, `[1, 3, 416, 416]`, minus 103.53 116.28 123.675, over
57.375 57.12 58.395. It gives, for each of the three maps (52, 26 and 13 cells a side), `scores_SIDE` `[1, cells, 80]`
and `distances_SIDE` `[1, cells, 44]`: 11 bins for each of left, top, right, bottom.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.weights.export import export_onnx

SIDE_PX = 416
CLASSES = 80

Attributes = Mapping[str, Any]


def convert(raw: Path, ready: Path) -> None:
    """Write `nanodet.onnx` into `ready` from `nanodet.json` and `nanodet.bin` in `raw`."""
    graph = TensorFlowJsGraph(raw / "nanodet.json").eval()
    example = torch.zeros(1, 3, SIDE_PX, SIDE_PX)
    with torch.inference_mode():
        names = [_name_output(output) for output in graph(example)]
    export_onnx(graph, example, ready / "nanodet.onnx", inputs=["bgr"], outputs=names, free_batch=False)


class TensorFlowJsGraph(nn.Module):
    """A TensorFlow.js graph model with one input.

    Attributes:
        order: the operations, each after what it needs: name, kind, attributes, inputs as (name, port).
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        model = json.loads(path.read_text(encoding="utf-8"))
        nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
        self.outputs = [name.partition(":")[0] for name in model["signature"]["outputs"]]
        self.placeholder = next(name for name, node in nodes.items() if node["op"] == "Placeholder")
        self.constants = _constants(model["weightsManifest"], path.parent)
        inputs = {name: [_reference(text) for text in node.get("input", [])] for name, node in nodes.items()}
        sequence = TopologicalSorter({name: [source for source, _ in needs] for name, needs in inputs.items()}).static_order()
        self.order = [
            (name, OPERATIONS[nodes[name]["op"]], nodes[name].get("attr", {}), inputs[name])
            for name in sequence
            if nodes[name]["op"] not in ("Const", "Placeholder")
        ]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Run the graph on `[1, 3, height, width]`; outputs in the model's own order."""
        values: dict[str, Any] = {**self.constants, self.placeholder: image}
        for name, operation, attributes, inputs in self.order:
            arguments = [values[source][port] if isinstance(values[source], tuple) else values[source] for source, port in inputs]
            values[name] = operation(attributes, *arguments)
        return [values[name] for name in self.outputs]


def _constants(manifest: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Weights become tensors; shapes, axes and paddings stay numpy, so that they are plain numbers to the exporter."""
    constants: dict[str, Any] = {}
    for group in manifest:
        blob, offset = b"".join((folder / Path(part).name).read_bytes() for part in group["paths"]), 0
        for spec in group["weights"]:
            stored = np.dtype(spec.get("quantization", spec)["dtype"])  # float16 on disk, float32 in use
            count = int(np.prod(spec["shape"]))
            value = np.frombuffer(blob, stored, count, offset).reshape(spec["shape"]).astype(spec["dtype"])
            is_weight = value.ndim > 0 and value.dtype.kind == "f"
            constants[spec["name"]] = torch.from_numpy(value) if is_weight else value
            offset += count * stored.itemsize
    return constants


def _reference(text: str) -> tuple[str, int]:
    name, _, port = text.partition(":")
    return name.lstrip("^"), int(port or 0)


def _name_output(output: Tensor) -> str:
    kind = "scores" if output.shape[2] == CLASSES else "distances"
    return f"{kind}_{round(output.shape[1] ** 0.5)}"


def _channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def _two(attributes: Attributes, key: str) -> list[int]:
    """Height and width of an attribute given as [batch, height, width, channels]."""
    return [int(value) for value in attributes[key]["list"]["i"]][1:3]


def _convolve(attributes: Attributes, x: Tensor, kernel: Tensor) -> Tensor:
    weight = kernel.permute(3, 2, 0, 1)  # [height, width, in, out] -> [out, in, height, width]
    return _channels_last(functional.conv2d(_channels_first(x), weight, stride=_two(attributes, "strides")))


def _max_pool(attributes: Attributes, x: Tensor) -> Tensor:
    return _channels_last(functional.max_pool2d(_channels_first(x), _two(attributes, "ksize"), _two(attributes, "strides")))


def _resize(_: Attributes, x: Tensor, size: Any) -> Tensor:
    resized = functional.interpolate(_channels_first(x), size=[int(s) for s in size], mode="bilinear", align_corners=False)
    return _channels_last(resized)


def _pad(_: Attributes, x: Tensor, pads: Any, value: Any = 0.0) -> Tensor:
    last_axis_first = [int(p) for pair in pads[::-1] for p in pair]
    return functional.pad(x, last_axis_first, value=float(value))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "Conv2D": _convolve,
    "MaxPool": _max_pool,
    "ResizeBilinear": _resize,
    "Pad": _pad,
    "PadV2": _pad,
    "Transpose": lambda _, x, axes: x.permute(*axes.tolist()),
    "Reshape": lambda _, x, shape: x.reshape(shape.tolist()),
    "ConcatV2": lambda _, *parts: torch.cat(parts[:-1], int(parts[-1])),
    "SplitV": lambda _, x, sizes, axis: torch.split(x, sizes.tolist(), int(axis)),
    "SparseToDense": lambda _, _indices, shape, _values, default: np.full(shape, default),  # has no entries in this model
    "LeakyRelu": lambda attributes, x: functional.leaky_relu(x, attributes["alpha"]["f"]),
    "Add": lambda _, x, y: x + y,
    "AddV2": lambda _, x, y: x + y,
    "Sigmoid": lambda _, x: x.sigmoid(),
    "Identity": lambda _, x: x,
}
