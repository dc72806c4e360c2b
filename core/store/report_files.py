"""Files of a report: kept in the evidence folder as evidence of alerts is, and for as long as the report is, which is for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import StoreError
from core.store.cleaning import clean_text
from core.store.complaints import disk_complaint
from core.store.evidence import EvidenceFolder, Written, put_in_place, written
from core.store.report_models import ReportFileRow
from core.store.report_values import ReportFile, StoredReportFile


@contextmanager
def written_files(folder: EvidenceFolder, files: Sequence[ReportFile]) -> Iterator[list[tuple[ReportFile, Written]]]:
    """The files under temporary names, hashed and fsynced, before any lock is taken.

    Raises:
        StoreError: the disk does not take them.
    """
    try:
        with ExitStack() as stack:
            yield [(file, stack.enter_context(written(folder, file.content))) for file in files]
    except OSError as error:
        raise disk_complaint(error, f"the evidence folder {folder.root}") from error


def keep_files(
    session: Session, folder: EvidenceFolder, report_id: str, files: Sequence[tuple[ReportFile, Written]]
) -> list[dict[str, object]]:
    """Put files in their place and name them in rows; in a transaction that holds the files.

    Returns:
        What the audit entry says of those that are new: kind, hash, size.
    """
    kept: list[dict[str, object]] = []
    for file, whole in files:
        put_in_place(folder, whole)
        kind = clean_text(file.kind)
        same = select(ReportFileRow.id).where(
            ReportFileRow.report_id == report_id, ReportFileRow.kind == kind, ReportFileRow.sha256 == whole.sha256
        )
        if session.scalar(same) is not None:
            continue
        session.add(
            ReportFileRow(
                report_id=report_id,
                kind=kind,
                sha256=whole.sha256,
                media_type=clean_text(file.media_type),
                bytes=whole.bytes,
                name=clean_text(file.name),
            )
        )
        session.flush()
        kept.append({"kind": kind, "sha256": whole.sha256, "bytes": whole.bytes})
    return kept


def find_files(session: Session, folder: EvidenceFolder, report_id: str) -> list[StoredReportFile]:
    """A report's files, in the order in which they were attached."""
    rows = session.scalars(select(ReportFileRow).where(ReportFileRow.report_id == report_id).order_by(ReportFileRow.id))
    return [StoredReportFile(row.kind, row.sha256, folder.path_of(row.sha256), row.media_type, row.bytes, row.name) for row in rows]


def read_file(file: StoredReportFile) -> bytes:
    """A file's content, compared with its hash.

    Raises:
        StoreError: it is missing or damaged.
    """
    try:
        content = file.path.read_bytes() if file.path.stat().st_size == file.bytes else b""
    except OSError as error:
        raise disk_complaint(error, f"the report's file {file.path}") from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise StoreError(f"the report's file {file.path} is damaged; put it back from a backup")
    return content
