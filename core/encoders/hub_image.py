"""Turn a picture into tokens with any vision model that transformers loads, from a folder or the hub.

Such a model brings no class names that can be trusted, so the sentence tells only size and brightness.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.encoders.checks import check_picture, payloads
from core.encoders.identity import identity
from core.encoders.pictures import brightness_word, shrink
from core.errors import ModelError
from core.features import Features
from core.samples import ByteArray, FloatArray, Image, Modality, Observation
from core.weights import locate

CHUNK = 8
MAX_SIDE_PX = 4096  # longer pictures are shrunk before the model's own preparation sees them


class HubImageEncoder:
    """Encodes pictures with a transformers vision model: its patches, or the cells of its last feature map, are the tokens."""

    modality = Modality.IMAGE

    def __init__(self, weights: str) -> None:
        """Load the weights.

        Args:
            weights: a folder, or a hub id such as `hf:google/vit-base-patch16-224`.

        Raises:
            ModelError: the weights are not here, damaged, or no vision model.
        """
        folder = locate(weights)
        self._processor, self._model = _load(folder)
        self.name = f"image:{identity(weights, folder)}"
        self.width = int(self._tokens([np.zeros((32, 32, 3), np.uint8)]).shape[2])

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode pictures: tokens `[batch, time, width]`.

        Raises:
            InputError: an observation is of another modality or no picture of bytes.
        """
        pictures = [image.rgb for image in payloads(observations, Image, self.name)]
        for rgb in pictures:
            check_picture(rgb, self.name)
        bounded = [shrink(rgb, MAX_SIDE_PX) for rgb in pictures]
        tokens = np.concatenate([self._tokens(bounded[start : start + CHUNK]) for start in range(0, len(bounded), CHUNK)])
        return Features(tokens, np.ones(tokens.shape[:2], np.bool_), tuple((self.describe(o),) for o in observations), self.name)

    def describe(self, observation: Observation) -> str:
        """Size and brightness."""
        (image,) = payloads([observation], Image, self.name)
        height, width = image.rgb.shape[:2]
        return f"a {brightness_word(image.rgb)}picture of {width} x {height} points"

    @torch.inference_mode()
    def _tokens(self, pictures: Sequence[ByteArray]) -> FloatArray:
        prepared = self._processor(images=list(pictures), return_tensors="pt", input_data_format="channels_last")
        hidden = self._model(pixel_values=prepared["pixel_values"]).last_hidden_state.float()
        if hidden.ndim == 4:  # a feature map [batch, channels, rows, columns]
            hidden = hidden.flatten(2).transpose(1, 2)
        tokens: FloatArray = hidden.contiguous().numpy()
        return tokens


def _load(folder: Path) -> tuple[Any, Any]:
    hub: Any = import_module("transformers")
    hub.utils.logging.disable_progress_bar()
    try:
        processor = hub.AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False, backend="pil")
        model = hub.AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise ModelError(f"{folder} holds no vision model that can be loaded: {reason}") from error
    vision = getattr(model, "vision_model", model)  # of a model for pictures and text, such as CLIP, only the picture's part
    return processor, vision.eval()
