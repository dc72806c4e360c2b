"""Write a PyTorch network as one ONNX file with a free batch size."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn


def export_onnx(
    network: nn.Module, example: Tensor, path: Path, *, inputs: Sequence[str], outputs: Sequence[str], free_batch: bool
) -> None:
    """Write `network` to `path`; weights lie inside the file.

    Args:
        example: an input, `[batch, ...]`.
        free_batch: the first axis may have any size later.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    shapes = ({0: torch.export.Dim("batch")},) if free_batch else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch about itself
        torch.onnx.export(
            network.eval(),
            (example,),
            path,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
