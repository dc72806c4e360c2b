"""A diffusers text-to-image model by configuration: a folder or hub id that is already here, asked in words."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from core.errors import ModelError
from core.samples import ByteArray
from core.weights import locate

INDEX = "model_index.json"


class DiffusersDrawer:
    """Draws by a pretrained pipeline; nothing of it is trained here, and its size is its own."""

    def __init__(self, model: str) -> None:
        """Load the weights.

        Args:
            model: a folder, or a hub id such as `hf:owner/model`.

        Raises:
            ModelError: diffusers or the weights are not here, or they are no diffusers pipeline.
        """
        if find_spec("diffusers") is None:
            raise ModelError("the backend diffusers needs the package diffusers, which is not installed; run: pip install diffusers")
        folder = locate(model)
        if not (folder / INDEX).is_file():
            raise ModelError(f"{model[:100]} is no diffusers pipeline: {INDEX} is missing; give a folder that diffusers saved")
        diffusers: Any = import_module("diffusers")
        try:
            pipeline = diffusers.DiffusionPipeline.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ModelError(f"{model[:100]} cannot be loaded by diffusers ({str(error).splitlines()[0][:160]})") from error
        pipeline.set_progress_bar_config(disable=True)
        self._pipeline = pipeline

    def draw(self, prompts: Sequence[str], seeds: Sequence[int], *, steps: int, guidance: float, side_px: int) -> ByteArray:
        """One picture a prompt, `[rows, side, side, 3]`, shrunk from the size that the model draws."""
        import cv2
        import torch

        squares = np.empty((len(prompts), side_px, side_px, 3), np.uint8)
        for index, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
            generator = torch.Generator().manual_seed(seed)
            picture = self._pipeline(prompt, num_inference_steps=steps, guidance_scale=guidance, generator=generator).images[0]
            squares[index] = cv2.resize(np.asarray(picture.convert("RGB"), np.uint8), (side_px, side_px), interpolation=cv2.INTER_AREA)
        return squares
