"""CenterFace: free the batch, height and width that the file in the package fixes at 10 x 32 x 32.

Input `input.1` `[batch, 3, height, width]`, RGB 0 to 255, sides multiples of 32. Outputs as published: `537` heat,
`538` size, `539` offset, `540` landmarks, at a quarter of the size.
"""

from __future__ import annotations

from pathlib import Path

import onnx

INPUT = "input.1"


def convert(raw: Path, ready: Path) -> None:
    """Write `centerface.onnx` into `ready`."""
    model = onnx.load(raw / "centerface.onnx")
    del model.graph.value_info[:]  # shapes worked out for the fixed size
    pictures = [value for value in model.graph.input if value.name == INPUT]
    for value, axes in [(v, ("batch", None, "height", "width")) for v in pictures] + [
        (v, ("batch", None, "rows", "columns")) for v in model.graph.output
    ]:
        for dimension, name in zip(value.type.tensor_type.shape.dim, axes, strict=True):
            if name:
                dimension.dim_param = name
    used = {name for node in model.graph.node for name in node.input}
    weights = [tensor for tensor in model.graph.initializer if tensor.name in used]  # the rest makes onnxruntime complain
    del model.graph.initializer[:]
    model.graph.initializer.extend(weights)
    del model.graph.input[:]  # weights are listed as inputs too, which stops constant folding
    model.graph.input.extend(pictures)
    onnx.save(model, ready / "centerface.onnx")
