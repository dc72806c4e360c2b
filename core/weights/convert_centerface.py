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
    weights = {tensor.name for tensor in model.graph.initializer}  # also listed as inputs, which stops constant folding
    kept = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    onnx.save(model, ready / "centerface.onnx")
