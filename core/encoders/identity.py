"""The name of weights, by what they hold, so that features of different weights never mix."""

from __future__ import annotations

import hashlib
from pathlib import Path

from core.weights import entry
from core.weights.manifest import is_packaged

DIGEST_BYTES = 6
_TELLING = ("*.safetensors", "*.onnx", "config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")


def identity(weights: str, folder: Path) -> str:
    """Name and version of a packaged set; name and content hash of a folder or a hub model."""
    if is_packaged(weights):
        known = entry(weights)
        return f"{known.name}-{known.version}r{known.revision}"
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for path in sorted({p for pattern in _TELLING for p in folder.glob(pattern)}):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    is_path = Path(weights).expanduser().is_dir()
    return f"{Path(weights).expanduser().resolve().name if is_path else weights.removeprefix('hf:')}-{digest.hexdigest()}"
