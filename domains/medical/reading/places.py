"""What lies at a place: a file, a folder or a ZIP, as local files each with its kind."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.errors import InputError
from domains.medical.reading.archives import SIGNATURES, unpack
from domains.medical.reading.bounded import PREAMBLE_BYTES, PREFIX
from domains.medical.reading.bounds import Bounds

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
HEAD_BYTES = PREAMBLE_BYTES + len(PREFIX)


class Kind(StrEnum):
    """By a file's first bytes, never by its name."""

    DICOM = "dicom"
    PICTURE = "picture"
    ARCHIVE = "archive"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Found:
    """Files in the order of their names.

    Attributes:
        files: DICOM files and pictures.
        others: how many are neither.
        notices: what was left out, without names.
    """

    files: tuple[tuple[Path, Kind], ...]
    others: int
    notices: tuple[str, ...]


def files_at(location: Path, scratch: Path, bounds: Bounds) -> Found:
    """Gather, and unpack what is packed.

    Raises:
        InputError: nothing is there, too much is there, or the ZIP that was given is hostile.
    """
    if not (location.is_dir() or location.is_file()):
        raise InputError("nothing lies at the place given: give a DICOM file, a folder, a ZIP or a picture")
    notices: Counter[str] = Counter()
    paths = _walk(location, bounds, notices) if location.is_dir() else [location]
    files: list[tuple[Path, Kind]] = []
    others = 0
    for path in paths:
        kind = kind_of(path)
        if kind is Kind.ARCHIVE:
            try:
                unpacked, said = unpack(path, scratch, bounds)
            except InputError as error:
                if path == location:
                    raise
                notices[str(error)] += 1
                continue
            notices.update(said)
            inside = [(p, kind_of(p)) for p in unpacked]
            files += [(p, k) for p, k in inside if k in (Kind.DICOM, Kind.PICTURE)]
            others += sum(k in (Kind.ARCHIVE, Kind.OTHER) for _, k in inside)
        elif kind is Kind.OTHER:
            others += 1
        else:
            files.append((path, kind))
    return Found(tuple(files), others, tuple(f"{words} ({count} times)" if count > 1 else words for words, count in notices.items()))


def kind_of(path: Path) -> Kind:
    """By its first bytes. What has a DICOM prefix is DICOM whatever its preamble says, so a preamble cannot make it anything else."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return Kind.OTHER
    if head[PREAMBLE_BYTES:] == PREFIX:
        return Kind.DICOM
    if head.startswith(SIGNATURES):
        return Kind.ARCHIVE
    if head.startswith((PNG, JPEG)):
        return Kind.PICTURE
    return Kind.DICOM if head[:2] in (b"\x02\x00", b"\x08\x00") or (head[:2] == b"\x00\x08" and head[4:6].isalpha()) else Kind.OTHER


def _walk(folder: Path, bounds: Bounds, notices: Counter[str]) -> list[Path]:
    """Regular files below a folder, by name; a link that leads out of it is left."""
    root = folder.resolve()
    paths: list[Path] = []
    for parent, folders, names in os.walk(root):  # does not follow links to folders
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                notices["a link that leads out of the folder was left"] += 1
            elif path.is_file():
                paths.append(path)
            if len(paths) > bounds.files:
                raise InputError(f"the folder given has more than {bounds.files} files; give one of its folders")
    return paths
