"""Make received objects last: fsync each, then name and index all that wait in one commit, and only then say so.

Group commit without a waiting time: whoever gets the turn commits for everybody who waits. One sender alone is committed at
once; while a commit is under way the objects of the others gather for the next.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from dataclasses import dataclass

from core.errors import StoreError
from core.store.received import Arrival, ReceivedIndex, ReceivedObject
from domains.medical.receiving.identity import DEEP_HEAD_BYTES, CutShortError, Identity, read_identity
from domains.medical.receiving.objects import IncomingFile, ObjectFolder

DOMAIN = "medical"
_SHARD = re.compile(r"[0-9a-f]{2}")


@dataclass(slots=True)
class _Waiting:
    file: IncomingFile
    received: ReceivedObject
    arrival: Arrival | None = None
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.arrival is not None or self.error is not None


class Intake:
    """Where whole objects come in, from any thread.

    Attributes:
        folder: where they lie.
        index: what is known of them.
    """

    def __init__(self, folder: ObjectFolder, index: ReceivedIndex) -> None:
        self.folder, self.index = folder, index
        self._waiting: list[_Waiting] = []
        self._gathering = threading.Lock()
        self._turn = threading.Lock()

    def take(self, file: IncomingFile, identity: Identity, transfer_syntax: str, sender: str, association: str) -> Arrival:
        """Keep an object; on return it is on the disk and in the index.

        Raises:
            OSError: the disk does not take it.
            StoreError: the database does not.
        """
        file.close()
        if file.failure is not None:
            raise file.failure
        received = ReceivedObject(
            sender=sender,
            association=association,
            study_uid=identity.study_uid,
            series_uid=identity.series_uid,
            instance_uid=identity.instance_uid,
            class_uid=identity.class_uid,
            transfer_syntax=transfer_syntax,
            sha256=file.sha256,
            bytes=file.bytes,
            received_wall_s=time.time(),
        )
        mine = _Waiting(file, received)
        with self._gathering:
            self._waiting.append(mine)
        with self._turn:
            if not mine.is_done:
                self._commit()
        if mine.error is not None:
            raise mine.error
        assert mine.arrival is not None
        return mine.arrival

    def _commit(self) -> None:
        with self._gathering:
            batch, self._waiting = self._waiting, []
        try:
            arrivals = self.index.add(
                [each.received for each in batch],
                lambda: self.folder.put_in_place((each.file.name, each.received.sha256) for each in batch),
            )
        except Exception as error:
            for each in batch:
                each.error = error if isinstance(error, (OSError, StoreError)) else StoreError("the index of received objects failed")
            if not isinstance(error, (OSError, StoreError)):
                raise
            self._remove_unnamed({each.received.sha256 for each in batch})
            return
        for each, arrival in zip(batch, arrivals, strict=True):
            each.arrival = arrival

    def _remove_unnamed(self, hashes: set[str]) -> None:
        """Take back files that were put in place for nothing; what fails now is done at the next start."""
        there = {sha256 for sha256 in hashes if self.folder.path_of(sha256).exists()}
        if there:
            with contextlib.suppress(StoreError, OSError):
                self.index.remove_unnamed(there, lambda sha256: self.folder.path_of(sha256).unlink(missing_ok=True))

    def sweep(self) -> int:
        """Remove whole files that no row names: their process died before the commit, and nobody was told of success.

        Returns:
            How many there were.

        Raises:
            OSError, StoreError: the folder or the index cannot be read or written.
        """
        gone = 0
        for shard in sorted(path for path in self.folder.whole.root.iterdir() if _SHARD.fullmatch(path.name)):
            hashes = {path.name for path in shard.iterdir() if re.fullmatch("[0-9a-f]{64}", path.name)}
            unnamed = hashes - self.index.named(hashes)
            if unnamed:
                gone += self.index.remove_unnamed(unnamed, lambda sha256: self.folder.path_of(sha256).unlink(missing_ok=True))
        return gone


def identify(file: IncomingFile, transfer_syntax: str) -> Identity:
    """Read an object's identifiers: from its head in memory, and where that is not enough from some more of its file.

    Raises:
        InputError: it has none, or they are not identifiers.
    """
    try:
        return read_identity(file.head[file.meta_bytes :], transfer_syntax)
    except CutShortError:
        if file.bytes <= len(file.head):
            raise
    with open(file.name, "rb") as whole:  # noqa: PTH123  a name of ours
        whole.seek(file.meta_bytes)
        return read_identity(whole.read(DEEP_HEAD_BYTES), transfer_syntax)
