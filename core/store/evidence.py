"""Evidence files, named by their content's hash, and the rows that name them.

A file is written under a temporary name, fsynced, renamed, its folder fsynced, and only then does a row name it.
Renaming and naming happen in one transaction in which nobody removes files, so the cleaning never takes a file whose
row is about to come.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import CompoundSelect, func, select, union_all
from sqlalchemy.orm import Session

from core.alerts import EvidenceKind
from core.errors import StoreError
from core.store.cleaning import clean_text
from core.store.complaints import disk_complaint
from core.store.database import Database
from core.store.models import AlertRow, EvidenceRow, IdentityRow
from core.store.report_models import ReportFileRow

TEMPORARY = "tmp"
MARK = "store-id"
CHUNK_BYTES = 1 << 20
PRIVATE = 0o700  # films of people are for the user who runs the program
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class EvidenceFolder:
    """Where the files lie: `FOLDER/ab/ab12…`, the first two digits of the hash, then all of it."""

    root: Path

    def path_of(self, sha256: str) -> Path:
        """The file of a hash.

        Raises:
            StoreError: it is not a hash.
        """
        if not _HASH.fullmatch(sha256):
            raise StoreError(f"{sha256[:80]!r} is not a SHA-256; evidence is named by 64 hexadecimal digits")
        return self.root / sha256[:2] / sha256

    def files(self) -> Iterator[Path]:
        """All files that are named by a hash, folder by folder; anything else in there is not the store's."""
        for shard in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(shard.iterdir()):
                if _HASH.fullmatch(path.name) and path.name[:2] == shard.name and path.is_file():
                    yield path

    def temporary_files(self) -> Iterator[Path]:
        """Files that are being written, or were when their process died."""
        folder = self.root / TEMPORARY
        if folder.is_dir():
            yield from sorted(folder.iterdir())


@dataclass(frozen=True, slots=True)
class Written:
    """A whole, fsynced file that still has its temporary name."""

    path: Path
    sha256: str
    bytes: int


def open_folder(root: Path, database: Database) -> EvidenceFolder:
    """Make the folder and mark it as this database's.

    Raises:
        StoreError: it cannot be made or written, or it is another database's (cleaning one would empty the other).
    """
    folder = EvidenceFolder(root.absolute())
    mark = folder.root / MARK
    try:
        folder.root.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        (folder.root / TEMPORARY).mkdir(exist_ok=True)
        store_id = _store_id(database)
        if not mark.exists():
            with written(folder, store_id.encode()) as mine:
                _link_unless_there(mine.path, mark)
                fsync_folder(folder.root)
        found = mark.read_bytes()[:64].decode("ascii", "replace")
    except OSError as error:
        raise disk_complaint(error, f"the evidence folder {folder.root}") from error
    if found != store_id:
        raise StoreError(f"the evidence folder {folder.root} belongs to another database; give {database.where} a folder of its own")
    return folder


def attach(
    database: Database,
    folder: EvidenceFolder,
    alert_id: str,
    kind: EvidenceKind,
    content: bytes | Path,
    media_type: str,
    name: str,
    start_s: float | None,
) -> str:
    """Keep one piece of evidence; see `Store.attach`."""
    try:
        with written(folder, content) as file, database.write(holds_files=True) as session:
            if session.get(AlertRow, alert_id) is None:
                raise StoreError(f"there is no alert {alert_id[:80]!r} to attach {name[:80]!r} to; save the alert first")
            put_in_place(folder, file)
            same = select(EvidenceRow).where(
                EvidenceRow.alert_id == alert_id, EvidenceRow.kind == EvidenceKind(kind).value, EvidenceRow.sha256 == file.sha256
            )
            row = session.scalar(same)
            if row is None:
                row = EvidenceRow(alert_id=alert_id, kind=EvidenceKind(kind).value, sha256=file.sha256)
                session.add(row)
            row.media_type, row.name = clean_text(media_type), clean_text(name)
            row.bytes, row.start_s = file.bytes, start_s
    except OSError as error:
        raise disk_complaint(error, f"the evidence folder {folder.root}") from error
    return file.sha256


@contextmanager
def written(folder: EvidenceFolder, content: bytes | Path) -> Iterator[Written]:
    """The content in a temporary file, hashed and fsynced; removed at the end unless it was renamed.

    Raises:
        StoreError: the path is no regular file.
        OSError: the disk does not take it.
    """
    path = folder.root / TEMPORARY / uuid.uuid4().hex
    digest, size = hashlib.sha256(), 0
    try:
        with _reader(content) as reader, path.open("xb") as file:
            while chunk := reader.read(CHUNK_BYTES):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        yield Written(path=path, sha256=digest.hexdigest(), bytes=size)
    finally:
        path.unlink(missing_ok=True)


def put_in_place(folder: EvidenceFolder, file: Written) -> None:
    """Give a whole file the name of its hash, inside a transaction that holds the files and names it in a row.

    Raises:
        OSError: the disk does not take it.
    """
    path = folder.path_of(file.sha256)
    if not path.parent.is_dir():
        path.parent.mkdir(exist_ok=True)
        fsync_folder(folder.root)
    file.path.replace(path)  # the same content if it is there already, so this also mends a damaged one
    fsync_folder(path.parent)


def fsync_folder(folder: Path) -> None:
    """Bring the folder's names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def evidence_bytes(session: Session) -> int:
    """Bytes of all files that rows name, each counted once."""
    named = named_files().subquery()
    sizes = select(func.max(named.c.bytes).label("bytes")).group_by(named.c.sha256).subquery()
    return int(session.scalar(select(func.coalesce(func.sum(sizes.c.bytes), 0))) or 0)


def named_files(hashes: Collection[str] | None = None) -> CompoundSelect[str, int]:
    """`sha256, bytes` of every row that names a file, of alerts and of reports; or of those with one of the hashes."""
    alerts, reports = select(EvidenceRow.sha256, EvidenceRow.bytes), select(ReportFileRow.sha256, ReportFileRow.bytes)
    if hashes is not None:
        alerts, reports = alerts.where(EvidenceRow.sha256.in_(hashes)), reports.where(ReportFileRow.sha256.in_(hashes))
    return union_all(alerts, reports)


def _reader(content: bytes | Path) -> BinaryIO:
    if isinstance(content, bytes):
        return io.BytesIO(content)
    if not content.is_file():
        raise StoreError(f"the evidence {content} is not a file; give one that exists, or its bytes")
    return content.open("rb")


def _link_unless_there(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:  # another process was first; the caller reads what it wrote
        return


def _store_id(database: Database) -> str:
    with database.read() as session:
        row = session.get(IdentityRow, 1)
    if row is None:
        with database.write(holds_files=True) as session:
            row = session.get(IdentityRow, 1)
            if row is None:
                row = IdentityRow(id=1, store_id=uuid.uuid4().hex)
                session.add(row)
    return row.store_id
