"""SmolLM2: from a GGUF file with 4-bit weights to float16 safetensors that transformers loads within a second.

The weights are expanded once (16 s). They go through a plain Llama model, because transformers cannot save a model as it
is read from GGUF.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM


def convert(raw: Path, ready: Path) -> None:
    """Write a model folder (config, weights, tokenizer) into `ready`."""
    progress: Any = transformers.utils.logging
    progress.disable_progress_bar()
    gguf = next(raw.glob("*.gguf")).name
    expanded = AutoModelForCausalLM.from_pretrained(raw, gguf_file=gguf, dtype=torch.float32)
    settings = expanded.config.to_dict()
    settings.pop("quantization_config", None)
    plain = LlamaForCausalLM(LlamaConfig.from_dict(settings))
    plain.load_state_dict(expanded.state_dict())
    plain.generation_config = expanded.generation_config
    torch.nn.Module.to(plain, torch.float16)
    plain.save_pretrained(ready)
    AutoTokenizer.from_pretrained(raw, gguf_file=gguf).save_pretrained(ready)
