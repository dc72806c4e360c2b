"""A text file that is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

from core.errors import InputError


def write_whole(path: Path, content: str | bytes) -> Path:
    """Write beside its place, then rename: a half-written file never has the name.

    Raises:
        InputError: it cannot be written there.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    return path
