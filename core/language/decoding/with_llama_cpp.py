"""Decoding by llama.cpp from a GGUF file; measured, not the default: PyPI has no wheel, so it must be compiled."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.language.decoding.contract import Completion, chat_ml

THREADS = 2
CONTEXT_TOKENS = 2048


class LlamaCppDecoder:
    """Greedy decoding, one prompt after another."""

    name = "llama.cpp Q4_1"

    def __init__(self, gguf: Path, *, threads: int = THREADS) -> None:
        """Load a GGUF file.

        Raises:
            ModelError: llama-cpp-python is not installed or the file cannot be read.
        """
        try:
            llama_cpp: Any = import_module("llama_cpp")
        except ImportError as error:
            raise ModelError("llama-cpp-python is not installed; it is compiled on install: pip install llama-cpp-python") from error
        low: Any = llama_cpp.llama_cpp
        defaults = low.llama_model_default_params
        low.llama_model_default_params = lambda: _without_repacking(defaults())
        try:
            self._model: Any = llama_cpp.Llama(
                str(gguf), n_ctx=CONTEXT_TOKENS, n_threads=threads, n_threads_batch=threads, verbose=False, seed=0
            )
        except ValueError as error:
            raise ModelError(f"{gguf} cannot be read by llama.cpp: {str(error).splitlines()[0][:200]}") from error
        finally:
            low.llama_model_default_params = defaults

    def complete(self, prompts: Sequence[str], max_tokens: int, *, ignore_end: bool = False) -> list[Completion]:
        found = []
        end = self._model.token_eos()
        for prompt in prompts:
            start = self._model.tokenize(prompt.encode(), add_bos=False, special=True)
            new: list[int] = []
            bias = _never(end) if ignore_end else None
            for token in self._model.generate(start, temp=0.0, top_k=1, repeat_penalty=1.0, logits_processor=bias):
                if token == end and not ignore_end:
                    break
                new.append(int(token))
                if len(new) == max_tokens:
                    break
            found.append(Completion(self._model.detokenize(new).decode(errors="replace").strip(), tuple(new)))
        return found

    def chat(self, system: str, user: str) -> str:
        return chat_ml(system, user)


def _without_repacking(settings: Any) -> Any:
    """Weights stay as they are in the file: 0.3.36 repacks them for AMX and then crashes where a virtual machine forbids AMX."""
    settings.use_extra_bufts = False
    return settings


def _never(token: int) -> Any:
    """A rule that a token is never chosen."""

    def rule(_: Any, scores: Any) -> Any:
        scores[token] = -float("inf")
        return scores

    return import_module("llama_cpp").LogitsProcessorList([rule])
