"""Where prepared weights lie, and whether they are still what was put there.

Each set has a folder `<cache>/weights/<name>-<version>/` with a stamp: the size, hash and time of every file. Loading
compares size and time and reads a file again only when its time has changed; `verify` reads every byte.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypedDict

import platformdirs

from core.errors import ModelError
from core.weights.manifest import Entry

STAMP = "stamp.json"
MAX_STAMP_BYTES = 1 << 20


class FileStamp(TypedDict):
    """What a file was when it was put here."""

    size_bytes: int
    sha256: str
    modified_ns: int


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file, compared with what it should be.

    Attributes:
        entry: name of the set of weights.
        file: path inside the set's folder.
        ok: the bytes are the expected ones.
        expected: sha256 in hexadecimal.
        found: sha256 in hexadecimal, or None where the file is missing or cannot be read.
    """

    entry: str
    file: str
    ok: bool
    expected: str
    found: str | None


def cache_root() -> Path:
    """The folder for everything that can be fetched again: TRIVIUM_CACHE, else the user's cache folder."""
    chosen = os.environ.get("TRIVIUM_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("trivium"))


def weights_root() -> Path:
    return cache_root() / "weights"


def folder_of(entry: Entry) -> Path:
    """Where the entry's prepared files lie, or would lie."""
    return weights_root() / f"{entry.name}-{entry.version}"


def is_here(entry: Entry) -> bool:
    """Whether a finished folder of the right revision is there; its files are not looked at."""
    folder = folder_of(entry)
    if not (folder / STAMP).is_file():
        return False
    try:
        return _read(folder)[0] == entry.revision
    except ModelError:
        return False


def stamp(entry: Entry, folder: Path) -> None:
    """Record every file of a prepared folder; the last step before it is renamed into place."""
    files: dict[str, FileStamp] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        facts = path.stat()
        files[path.relative_to(folder).as_posix()] = {
            "size_bytes": facts.st_size,
            "sha256": sha256_of(path),
            "modified_ns": facts.st_mtime_ns,
        }
    (folder / STAMP).write_text(json.dumps({"revision": entry.revision, "files": files}, indent=1), encoding="utf-8")


def check_quickly(entry: Entry) -> Path:
    """The entry's folder, when every file has its recorded size, and its recorded hash where its time has changed.

    Raises:
        ModelError: not here, or damaged.
    """
    folder = folder_of(entry)
    if not is_here(entry):
        damaged = (folder / STAMP).exists() and _revision_or_none(folder) is None
        state = "damaged" if damaged else "not here"
        raise ModelError(f"weights {entry.name!r} are {state} ({folder}); run: trivium models pull {entry.name}")
    for name, recorded in _read(folder)[1].items():
        path = folder / name
        try:
            facts = path.stat()
        except OSError:
            facts = None
        if facts is None or facts.st_size != recorded["size_bytes"]:
            raise _damaged(entry, path)
        if facts.st_mtime_ns != recorded["modified_ns"] and sha256_of(path) != recorded["sha256"]:
            raise _damaged(entry, path)
    return folder


def check_fully(entry: Entry) -> list[FileCheck]:
    """Read every byte of the entry's files and compare; files taken unchanged from a package are held to the manifest's hash.

    Raises:
        ModelError: the entry is not here at all.
    """
    folder = folder_of(entry)
    if not is_here(entry):
        raise ModelError(f"weights {entry.name!r} are not here or their stamp is damaged; run: trivium models pull {entry.name}")
    published = {} if entry.prepare else {f.name: f.sha256 for p in entry.packages for f in p.files}
    recorded = {name: facts["sha256"] for name, facts in _read(folder)[1].items()}
    checks = []
    for name, expected in {**recorded, **published}.items():
        try:
            found = sha256_of(folder / name)
        except OSError:
            found = None
        checks.append(FileCheck(entry.name, name, found == expected, expected, found))
    return checks


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path) -> tuple[int, dict[str, FileStamp]]:
    path = folder / STAMP
    try:
        with path.open("rb") as file:
            stored = json.loads(file.read(MAX_STAMP_BYTES))
        files = {_inside(name): _file_stamp(facts) for name, facts in stored["files"].items()}
        return int(stored["revision"]), files
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} cannot be read ({error}); pull these weights again") from error


def _file_stamp(facts: Mapping[str, Any]) -> FileStamp:
    return {"size_bytes": int(facts["size_bytes"]), "sha256": str(facts["sha256"]), "modified_ns": int(facts["modified_ns"])}


def _inside(name: str) -> str:
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise ValueError(f"it names {name!r}")
    return name


def _revision_or_none(folder: Path) -> int | None:
    try:
        return _read(folder)[0]
    except ModelError:
        return None


def _damaged(entry: Entry, path: Path) -> ModelError:
    return ModelError(f"weights {entry.name!r} are damaged ({path.name} in {path.parent}); run: trivium models pull {entry.name}")
