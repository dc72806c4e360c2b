"""Decoding by transformers: always there, any causal model folder, float32 on the processor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.language.decoding.contract import Completion


class TransformersDecoder:
    """Greedy decoding with a key-value cache; prompts of one call go as one left-padded batch."""

    name = "transformers float32"

    def __init__(self, folder: Path) -> None:
        """Load a model folder.

        Raises:
            ModelError: it holds no causal language model.
        """
        import torch
        import transformers

        hub: Any = transformers
        hub.utils.logging.disable_progress_bar()
        try:
            self._tokenizer: Any = hub.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            self._model: Any = hub.AutoModelForCausalLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            ).eval()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise ModelError(f"{folder} holds no language model that can be loaded: {reason}") from error
        self._tokenizer.padding_side = "left"
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token

    def complete(self, prompts: Sequence[str], max_tokens: int, *, ignore_end: bool = False) -> list[Completion]:
        import torch

        if not prompts:
            return []
        batch = self._tokenizer(list(prompts), return_tensors="pt", padding=True, add_special_tokens=False)
        shortest = max_tokens if ignore_end else None
        with torch.inference_mode():
            written = self._model.generate(
                **batch,
                max_new_tokens=max_tokens,
                min_new_tokens=shortest,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id,
            )
        rows = written[:, batch["input_ids"].shape[1] :].tolist()
        end = self._tokenizer.eos_token_id
        found = []
        for row in rows:
            new = row if ignore_end or end not in row else row[: row.index(end)]
            found.append(Completion(self._tokenizer.decode(new, skip_special_tokens=True).strip(), tuple(new)))
        return found

    def chat(self, system: str, user: str) -> str:
        turns = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        return str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
