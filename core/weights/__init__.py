"""Pretrained weights: which there are, fetching them into the user's cache, finding them, checking them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from core.weights.cache import FileCheck, cache_root, check_fully, is_here
from core.weights.lookup import locate
from core.weights.manifest import Entry, entries, entry

Progress = Callable[[str, str], None]

__all__ = ["Entry", "FileCheck", "cache_root", "entries", "entry", "is_here", "locate", "pull", "verify"]


def verify(names: Sequence[str]) -> list[FileCheck]:
    """Read every byte of these weights and compare it with what it should be.

    Raises:
        ModelError: a name is unknown, or its weights are not here.
    """
    return [check for name in names for check in check_fully(entry(name))]


def pull(names: Sequence[str], *, accept_unlicensed: bool = False, again: bool = False, progress: Progress | None = None) -> list[Path]:
    """Make sure that these weights are in the cache; see `core.weights.fetch.pull`."""
    from core.weights.fetch import pull as fetch

    return fetch(names, accept_unlicensed=accept_unlicensed, again=again, progress=progress)
