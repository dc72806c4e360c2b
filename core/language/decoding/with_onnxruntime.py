"""Decoding by onnxruntime-genai, int4 weights; measured, not the default: its builder's folder must be made beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.language.decoding.contract import Completion, chat_ml


class OnnxRuntimeDecoder:
    """Greedy decoding, one prompt after another, of a folder that `python -m onnxruntime_genai.models.builder` wrote."""

    name = "onnxruntime-genai int4"

    def __init__(self, folder: Path) -> None:
        """Load a built folder.

        Raises:
            ModelError: onnxruntime-genai is not installed or the folder was not built for it.
        """
        try:
            onnxruntime_genai: Any = import_module("onnxruntime_genai")
        except ImportError as error:
            raise ModelError("onnxruntime-genai is not installed; install it: pip install onnxruntime-genai") from error
        self._genai = onnxruntime_genai
        try:
            self._model: Any = onnxruntime_genai.Model(str(folder))
        except RuntimeError as error:
            raise ModelError(f"{folder} was not built for onnxruntime-genai: {str(error).splitlines()[0][:200]}") from error
        self._tokenizer: Any = onnxruntime_genai.Tokenizer(self._model)

    def complete(self, prompts: Sequence[str], max_tokens: int, *, ignore_end: bool = False) -> list[Completion]:
        found = []
        for prompt in prompts:
            start = self._tokenizer.encode(prompt)
            settings = self._genai.GeneratorParams(self._model)
            length = len(start) + max_tokens
            settings.set_search_options(max_length=length, min_length=length if ignore_end else 0, do_sample=False)
            generator = self._genai.Generator(self._model, settings)
            generator.append_tokens(start)
            while not generator.is_done():
                generator.generate_next_token()
            new = tuple(int(i) for i in generator.get_sequence(0)[len(start) :])
            found.append(Completion(str(self._tokenizer.decode(list(new))).replace("<|im_end|>", "").strip(), new))
        return found

    def chat(self, system: str, user: str) -> str:
        return chat_ml(system, user)
