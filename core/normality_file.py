"""A learned memory on disk: one safetensors file with the rest as JSON in its header; never pickle, always whole.

Its SHA-256 over arrays and header is checked where there is one; files from before pictures were kept have none and still load.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelError, StoreError
from core.normality_memory import BLOCKS_KEPT, HOURS, NOTE_CHARACTERS, Memory
from core.normality_pictures import pictures_as_arrays, pictures_of_arrays

FORMAT = "trivium-normality-1"
MAX_BYTES = 256 * 1024 * 1024
MAX_MEMBERS = 100_000

_MEMBER_ARRAYS = ("vectors", "visits", "last_s", "counted_s", "last_wall_s", "ids")
_BLOCK_ARRAYS = ("peaks", "peak_times_s", "peak_hours", "peak_caps")
_PICTURE_ARRAYS = ("picture_ids", "picture_sizes", "picture_times", "picture_bytes")
_DTYPES = {"vectors": np.float32, "peaks": np.float32, "visits": np.int32, "peak_hours": np.int32, "ids": np.int64}


def save_memory(memory: Memory, file: Path, features: str, shown_as: str = "") -> None:
    """Write a memory: under a temporary name, synced, then renamed.

    Args:
        memory: what was learned.
        file: where to; its folder is made.
        features: name and version of the features, so that other features are never mixed with them.
        shown_as: names what was hidden in the pictures when they were taken (masks, faces).

    Raises:
        StoreError: it could not be written.
    """
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(getattr(memory, name)) for name in (*_MEMBER_ARRAYS, *_BLOCK_ARRAYS, "seen_s")}
    arrays |= pictures_as_arrays(memory.pictures)
    about = {"footage_s": memory.footage_s, "next_id": memory.next_id, "notes": memory.notes}
    header = {"format": FORMAT, "features": features, "memory": json.dumps(about), "shown_as": shown_as}
    content = save(arrays, metadata=header | {"sha256": _digest(header, arrays)})
    temporary: str | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).replace(file)
        temporary = None
    except OSError as error:
        raise StoreError(f"{file}: what was learned could not be kept: {error.strerror}") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def load_memory(file: Path, features: str, shown_as: str = "") -> Memory | None:
    """Read a memory, or None where there is none or it is of other features.

    Args:
        file: where it lies.
        features: name and version of the features.
        shown_as: what must be hidden in pictures; those taken when something else was hidden are left out.

    Raises:
        ModelError: the file is damaged or not what it says.
    """
    from safetensors import SafetensorError, safe_open

    if not file.is_file():
        return None
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ModelError(f"{file}: larger than any memory of normality; move it away, and it is learned anew")
        with safe_open(file, framework="numpy") as opened:
            header = opened.metadata() or {}
            if header.get("format") != FORMAT:
                raise ModelError(f"{file}: not a memory of normality; move it away, and it is learned anew")
            if header.get("features") != features:
                return None
            about = json.loads(header["memory"])
            arrays = {name: opened.get_tensor(name) for name in (*_MEMBER_ARRAYS, *_BLOCK_ARRAYS, "seen_s")}
            has_pictures = "picture_ids" in opened.keys()  # noqa: SIM118 - not a dictionary
            pictures = {name: opened.get_tensor(name) for name in _PICTURE_ARRAYS} if has_pictures else {}
        _check_digest(header, arrays | pictures)
        memory = _checked(about, arrays)
        memory.pictures = pictures_of_arrays(pictures) if pictures and header.get("shown_as") == shown_as else {}
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file}: damaged ({type(error).__name__}); move it away, and it is learned anew") from error
    return memory


def _check_digest(header: Mapping[str, str], arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Whether it is what was written.

    Raises:
        ValueError: it is not.
    """
    if header.get("sha256", "") not in ("", _digest(header, arrays)):
        raise ValueError("sha256")


def _digest(header: Mapping[str, str], arrays: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """SHA-256 over all that is kept, the digest itself left out."""
    digest = sha256(json.dumps({k: v for k, v in header.items() if k != "sha256"}, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape} ".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _checked(about: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Memory:
    """A memory whose parts belong together.

    Raises:
        ValueError: they do not.
    """
    members, blocks = len(arrays["vectors"]), len(arrays["peaks"])
    width = arrays["vectors"].shape[1]
    shapes: dict[str, tuple[int, ...]] = {**dict.fromkeys(_MEMBER_ARRAYS, (members,)), **dict.fromkeys(_BLOCK_ARRAYS, (blocks,))}
    shapes |= {"vectors": (members, width), "visits": (members, HOURS + 1), "peaks": (blocks, width), "seen_s": (HOURS + 1,)}
    for name, array in arrays.items():
        if array.shape != shapes[name] or array.dtype != _DTYPES.get(name, np.float64):
            raise ValueError(name)
        if name != "last_wall_s" and not np.all(np.isfinite(array)):
            raise ValueError(name)
    notes = about["notes"]
    if members > MAX_MEMBERS or blocks > BLOCKS_KEPT or len(notes) != members or not all(isinstance(n, str) for n in notes):
        raise ValueError("notes")
    if not (arrays["peak_hours"] >= 0).all() or not (arrays["peak_hours"] <= HOURS).all() or (arrays["visits"] < 0).any():
        raise ValueError("hours")
    footage_s, next_id = float(about["footage_s"]), int(about["next_id"])
    if not np.isfinite(footage_s) or footage_s < 0:
        raise ValueError("footage_s")
    writable: dict[str, Any] = {name: np.array(array) for name, array in arrays.items()}
    return Memory(**writable, notes=[n[:NOTE_CHARACTERS] for n in notes], footage_s=footage_s, next_id=next_id)
