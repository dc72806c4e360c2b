"""Model folders: what training writes, whole or not at all, and what loading trusts only after comparing hashes.

Every model that Trivium saves, whatever its task, is a folder of JSON, safetensors and Markdown with a `hashes.json` that
holds the SHA-256 of each of the others. Nothing in it is run or unpickled.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

HASHES = "hashes.json"
MOST_FILES = 64
MOST_TEXT_BYTES = 16 << 20
MOST_WEIGHT_BYTES = 8 << 30
MOST_HEADER_BYTES = 4 << 20
WEIGHT_SUFFIXES = (".safetensors", ".onnx", ".pt2", ".bin", ".data")


def is_model_folder(folder: Path) -> bool:
    """Whether somebody wrote a model there, whole or damaged."""
    return (folder / HASHES).is_file()


def check_place(folder: Path, *, kind: str = "checkpoint") -> None:
    """Refuse a place that a model may not be written to: before hours of work, not after.

    Raises:
        ModelError: something is there that is not a model folder.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not is_model_folder(folder))):
        raise ModelError(f"{folder} is there and is not a {kind}; choose another folder")


def save_whole(folder: Path, write: Callable[[Path], None], *, kind: str = "checkpoint") -> Path:
    """Write a folder so that it is there whole or not at all; an older model folder of the same name is replaced.

    Args:
        folder: its place.
        write: writes every file, `hashes.json` excepted, into the empty folder that it is given.
        kind: what it is called in errors.

    Raises:
        ModelError: the folder cannot be written, or holds something that is not a model folder.
    """
    check_place(folder, kind=kind)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise ModelError(f"the {kind} {folder} cannot be written: {error.strerror or error}") from error
    try:
        write(part)
        write_json(part / HASHES, {path.relative_to(part).as_posix(): sha256(path) for path in sorted(part.rglob("*")) if path.is_file()})
        for path in part.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        part.chmod(0o755)
        old = part.with_name(part.name + ".old")
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise ModelError(f"the {kind} {folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def check_hashes(folder: Path, files: Collection[str] | None = None, *, kind: str = "checkpoint") -> tuple[str, ...]:
    """Compare every file's hash before anything of it is used.

    Args:
        folder: the model folder.
        files: exactly these must be named; None takes what `hashes.json` names.
        kind: what it is called in errors.

    Returns:
        The names of the files.

    Raises:
        ModelError: no model folder; a file is missing, too large, not plain, changed, or lies outside.
    """
    if not is_model_folder(folder):
        raise ModelError(f"no {kind} at {folder}: {HASHES} is missing; give the folder that `train` wrote")
    hashes = read_json(folder, HASHES, kind=kind)
    if files is not None and set(hashes) != set(files):
        raise ModelError(f"{kind} {folder.name}: {HASHES} must name exactly {', '.join(files)}; train again")
    if len(hashes) > MOST_FILES:
        raise ModelError(f"{kind} {folder.name}: {HASHES} names {len(hashes)} files, more than any that Trivium writes; it is not used")
    for name in files if files is not None else hashes:
        path = folder / name
        if not _is_within(folder, path) or path.is_symlink() or not path.is_file():
            raise ModelError(f"{kind} {folder.name}: {name[:80]} is missing or not a plain file; copy the whole folder again")
        if path.stat().st_size > (MOST_WEIGHT_BYTES if path.suffix in WEIGHT_SUFFIXES else MOST_TEXT_BYTES):
            raise ModelError(f"{kind} {folder.name}: {name} is larger than any that Trivium writes; it is not used")
        if sha256(path) != hashes[name]:
            raise ModelError(
                f"{kind} {folder.name}: {name} is damaged or was changed (its hash differs); copy the folder again or train again"
            )
    return tuple(hashes)


def read_json(folder: Path, name: str, *, kind: str = "checkpoint") -> dict[str, Any]:
    """A JSON object of a model folder.

    Raises:
        ModelError: it is missing, too large, or no object.
    """
    try:
        path = folder / name
        if path.stat().st_size > MOST_TEXT_BYTES:
            raise ModelError(f"{kind} {folder.name}: {name} is larger than any that Trivium writes; it is not used")
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{kind} {folder.name}: {name} cannot be read as JSON; copy the folder again or train again") from error
    if not isinstance(value, dict):
        raise ModelError(f"{kind} {folder.name}: {name} must hold an object; train again")
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object; numbers that are not finite become null."""
    path.write_text(json.dumps(_plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")


def read_weights(folder: Path, name: str, *, kind: str = "checkpoint") -> dict[str, Tensor]:
    """The tensors of a safetensors file, by name.

    Raises:
        ModelError: it is truncated or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / name
    with path.open("rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
    if header_bytes > min(MOST_HEADER_BYTES, path.stat().st_size):
        raise ModelError(f"{kind} {folder.name}: {name} states a header of {header_bytes} bytes; it is not used")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise ModelError(f"{kind} {folder.name}: {name} is not a safetensors file ({str(error)[:120]}); train again") from error


def read_fitting(folder: Path, name: str, wanted: Mapping[str, Tensor], *, kind: str = "checkpoint") -> dict[str, Tensor]:
    """The tensors of a safetensors file, if they are those of a model: same names, same shapes, finite.

    Args:
        folder: the model folder.
        name: of the file.
        wanted: what the model that `config.json` describes has.
        kind: what it is called in errors.

    Raises:
        ModelError: they are not.
    """
    weights = read_weights(folder, name, kind=kind)
    if set(weights) != set(wanted) or any(weights[key].shape != wanted[key].shape for key in wanted):
        raise ModelError(f"{folder.name}: {name} does not fit config.json; train again")
    if not all(bool(value.isfinite().all()) for value in weights.values()):
        raise ModelError(f"{folder.name}: {name} holds numbers that are not finite; train again")
    return weights


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_within(folder: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
