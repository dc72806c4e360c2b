"""Decoding by CTranslate2: int8 weights, converted once from a model folder and kept in the cache beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.errors import ModelError
from core.language.decoding.contract import Completion
from core.weights import cache_root

THREADS = 2


class CTranslate2Decoder:
    """Greedy decoding; prompts of one call go as one batch."""

    def __init__(self, folder: Path, *, quantisation: str = "int8_float32", threads: int = THREADS) -> None:
        """Load a model folder, after converting it if that was not done before.

        Raises:
            ModelError: CTranslate2 is not installed or cannot convert the model.
        """
        try:
            ctranslate2: Any = import_module("ctranslate2")
        except ImportError as error:
            raise ModelError("CTranslate2 is not installed; install it: pip install 'trivium[language]'") from error
        import transformers

        hub: Any = transformers
        self.name = f"ctranslate2 {quantisation}"
        self._tokenizer: Any = hub.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        ready = converted_folder(folder, quantisation)
        self._model: Any = ctranslate2.Generator(str(ready), device="cpu", intra_threads=threads, inter_threads=1)

    def complete(self, prompts: Sequence[str], max_tokens: int, *, ignore_end: bool = False) -> list[Completion]:
        if not prompts:
            return []
        pieces = [self._tokenizer.convert_ids_to_tokens(self._tokenizer.encode(p, add_special_tokens=False)) for p in prompts]
        results = self._model.generate_batch(
            pieces,
            max_length=max_tokens,
            min_length=max_tokens if ignore_end else 0,
            beam_size=1,
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=self._tokenizer.eos_token,
        )
        found = []
        for result in results:
            ids = tuple(int(i) for i in result.sequences_ids[0] if ignore_end or i != self._tokenizer.eos_token_id)
            found.append(Completion(self._tokenizer.decode(ids, skip_special_tokens=True).strip(), ids))
        return found

    def chat(self, system: str, user: str) -> str:
        turns = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        return str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


def converted_folder(folder: Path, quantisation: str) -> Path:
    """The converted model, made now if it is not there; a half-made one never gets the final name.

    Raises:
        ModelError: CTranslate2 cannot convert it.
    """
    ready = cache_root() / "ctranslate2" / f"{folder.name}-{quantisation}"
    if (ready / "model.bin").is_file():
        return ready
    ready.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{ready}.lock"):
        if (ready / "model.bin").is_file():
            return ready
        converters: Any = import_module("ctranslate2.converters")
        making = ready.with_name(f"{ready.name}.{os.getpid()}.part")
        try:
            converters.TransformersConverter(str(folder), low_cpu_mem_usage=True).convert(
                str(making), quantization=quantisation, force=True
            )
        except (ValueError, OSError, KeyError, AttributeError, RuntimeError) as error:
            shutil.rmtree(making, ignore_errors=True)
            raise ModelError(
                f"CTranslate2 cannot convert {folder}: {str(error).splitlines()[0][:200]}; use the transformers runtime"
            ) from error
        making.rename(ready)
    return ready
