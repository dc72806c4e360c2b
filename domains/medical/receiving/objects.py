"""The folder of received objects: files being written, whole files named by their content, and nothing else.

A file is written under a temporary name of ours, renamed to its hash, fsynced, its folder fsynced; only then does a row name it.
Each process has a temporary folder of its own, held by a lock, so that one that died can be told from one at work.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import StoreError
from core.store.complaints import disk_complaint
from core.store.evidence import PRIVATE, EvidenceFolder, fsync_folder

WRITING = "writing"
HEAD_BYTES = 1 << 16  # kept in memory while a file is written: its header, in all but odd files


class TooLargeError(Exception):
    """An object is larger than may be."""


class IncomingFile:
    """An object while it comes: written, hashed and counted as its pieces arrive; at most its head is held in memory.

    What the disk refuses is kept in `failure` and said when the object is whole, so that the sender gets an answer.

    Attributes:
        name: the temporary file.
        bytes: written so far.
        meta_bytes: of them, before the data set: preamble and file meta.
        head: the first of them.
        failure: why it is no longer written.
    """

    __slots__ = ("_descriptor", "_digest", "_limit", "bytes", "failure", "head", "meta_bytes", "name")

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.name = str(path)
        self.bytes = self.meta_bytes = 0
        self.head = bytearray()
        self.failure: OSError | None = None
        self._limit = max_bytes
        self._digest = hashlib.sha256()
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            self.failure = error

    def write(self, piece: bytes | memoryview) -> None:
        """Take a piece.

        Raises:
            TooLargeError: the object is larger than may be.
        """
        self.bytes += len(piece)
        if self.bytes > self._limit:
            raise TooLargeError
        if len(self.head) < HEAD_BYTES:
            self.head += piece[: HEAD_BYTES - len(self.head)]
        if self.failure is not None:
            return
        try:
            view = memoryview(piece)
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            self.failure = error
            return
        self._digest.update(piece)

    @property
    def sha256(self) -> str:
        """Of everything written."""
        return self._digest.hexdigest()

    @property
    def file(self) -> IncomingFile:
        """What pynetdicom flushes."""
        return self

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def discard(self) -> None:
        """Remove it, unless it was put in place."""
        self.close()
        Path(self.name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class ObjectFolder:
    """Where objects lie: `FOLDER/ab/ab12…`, the first two digits of the hash, then all of it.

    Attributes:
        whole: the files that have their names.
        mine: where this process writes.
    """

    whole: EvidenceFolder
    mine: Path
    _lock: FileLock

    def new_file(self, max_bytes: int) -> IncomingFile:
        """A file to write an object to."""
        return IncomingFile(self.mine / uuid.uuid4().hex, max_bytes)

    def path_of(self, sha256: str) -> Path:
        """The file of a hash."""
        return self.whole.path_of(sha256)

    def put_in_place(self, files: Iterable[tuple[str, str]]) -> None:
        """Give whole files, by (temporary path, hash), their names, and bring content and names to the disk.

        First the names, then one fsync each: the other way round a journaling file system writes its journal twice for each file
        (4 ms more on a busy disk). Until the row is committed nobody relies on the file, and a file that was there is not replaced.

        Raises:
            OSError: the disk does not take it.
        """
        placed = {sha256: self._name(Path(name), sha256) for name, sha256 in files}
        for path in placed.values():
            _fsync(path)
        for folder in {path.parent for path in placed.values()}:
            fsync_folder(folder)

    def _name(self, written: Path, sha256: str) -> Path:
        path = self.path_of(sha256)
        try:
            if path.stat().st_size == written.stat().st_size:
                return path
        except FileNotFoundError:
            pass
        written.replace(path)
        return path

    def close(self) -> None:
        """Give up the temporary folder."""
        shutil.rmtree(self.mine, ignore_errors=True)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def open_objects(root: Path) -> ObjectFolder:
    """Make the folder, and remove what processes that died left half written.

    Raises:
        StoreError: it cannot be made or written.
    """
    writing = root.absolute() / WRITING
    try:
        root.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        for folder in (writing, *(root / f"{first:02x}" for first in range(256))):
            folder.mkdir(mode=PRIVATE, exist_ok=True)
        fsync_folder(root)
        for left in sorted(writing.glob("*.lock")):
            _clear(left)
        mine = writing / uuid.uuid4().hex
        lock = FileLock(f"{mine}.lock", timeout=0)
        lock.acquire()
        mine.mkdir(mode=PRIVATE)
    except (OSError, Timeout) as error:
        raise (
            disk_complaint(error, f"the folder of received objects {root}")
            if isinstance(error, OSError)
            else StoreError(f"the folder of received objects {root} is being opened by another process; try again")
        ) from error
    return ObjectFolder(EvidenceFolder(root.absolute()), mine, lock)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _clear(lock_file: Path) -> None:
    """Remove what a process left, unless it is still at work."""
    lock = FileLock(lock_file, timeout=0)
    with contextlib.suppress(Timeout), lock:
        shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
        lock_file.unlink(missing_ok=True)
