"""Paths of media that a table names: found below its folder, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

from core.errors import InputError
from core.table.cells import short
from core.table.values import ColumnKind

MAX_PATH_CHARACTERS = 1024
SUFFIXES: dict[ColumnKind, tuple[str, ...]] = {
    ColumnKind.IMAGE: (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    ColumnKind.AUDIO: (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac"),
    ColumnKind.VIDEO: (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".ts"),
    ColumnKind.SERIES: (".npy", ".csv", ".tsv"),
}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def find_media(root: Path, named: str) -> Path:
    """The file that a table names.

    Args:
        root: the table's folder.
        named: relative to it; an absolute path only if it is inside.

    Returns:
        The file itself, links followed.

    Raises:
        InputError: it leaves the folder (by `..`, by an absolute path, by a link), is an address, is not there, or is no file.
    """
    shown = short(named)
    if "\0" in named or len(named) > MAX_PATH_CHARACTERS:
        raise InputError(f"{shown} is not a path")
    if _SCHEME.match(named):
        raise InputError(f"{shown} is an address; only files in the table's folder are read")
    parts = named.replace("\\", "/").split("/")
    if ".." in parts:
        raise InputError(f"{shown} has '..' in it; only files in the table's folder are read")
    try:
        inside = root.resolve(strict=True)
        found = (inside / named).resolve(strict=True)
        if not found.is_relative_to(inside):
            raise InputError(f"{shown} leads out of the table's folder; only files in it are read")
        if not found.is_file():
            raise InputError(f"{shown} is not a file")
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise InputError(f"{shown} is not there") from error
    return found


def is_inside(root: Path, named: str) -> bool:
    """Is it a file in the table's folder?"""
    try:
        find_media(root, named)
    except InputError:
        return False
    return True
