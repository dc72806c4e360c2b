"""YAMNet: unpack the model inside the package, give it a second output, and save it as one ONNX file.

Input: a log-mel patch as published (8-bit). Outputs: the 521 class scores, then `features`: the 1024 pooled numbers under
the classifier, which are the tokens for fusion.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx

from core.errors import ModelError
from core.weights.archive import take
from core.weights.manifest import WantedFile

INSIDE = (
    WantedFile("job_jpev7z175_optimized_onnx/model.onnx", "6033a308ddfc9e0d8a23d4340bb7cb8fa455a339f3b3497b0585cfaf2bac88ef", 64_623),
    WantedFile("job_jpev7z175_optimized_onnx/model.data", "c6faf7f7dba0d179293fdcc3468a9a10f54ab8fbc1547218880bae79ff9f8126", 14_957_092),
)


def convert(raw: Path, ready: Path) -> None:
    """Write `yamnet.onnx` and `yamnet_class_map.csv` into `ready`."""
    take(raw / "YamNet_w8a8.onnx.zip", INSIDE, raw)
    model = onnx.load(raw / "model.onnx")  # with model.data beside it
    pooled = [node.output[0] for node in model.graph.node if node.op_type == "GlobalAveragePool"]
    if len(pooled) != 1:
        raise ModelError(f"YAMNet is not laid out as expected: {len(pooled)} pooling layers")
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(pooled[0]))
    onnx.save(model, ready / "yamnet.onnx")
    shutil.move(raw / "yamnet_class_map.csv", ready / "yamnet_class_map.csv")
