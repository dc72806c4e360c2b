"""Retention: what is kept for how long, and up to how many bytes; the oldest goes first.

Rows go first, in committed transactions; then the files that no row names. Alerts that are still open stay, and so do
those of the protected kinds. By age whole alerts go; by size only evidence goes, so that what happened stays readable.
Reports and their files always stay; the files count against the bytes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import case, delete, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from core.alerts import AlertState
from core.errors import StoreError
from core.store.complaints import disk_complaint
from core.store.database import Database
from core.store.evidence import EvidenceFolder, fsync_folder, named_files
from core.store.models import AlertRow, EvidenceRow, MuteRow, RunRow
from core.store.report_models import ReportFileRow, ReportRow

TEMPORARY_MAX_AGE_S = 3600.0
ROWS_A_TRANSACTION = 500  # writers wait no longer than for so many rows or files


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """What to keep.

    Attributes:
        max_age_s: alerts that were first stored longer ago go, with their evidence; None keeps them for ever.
        max_bytes: so many bytes of evidence stay, whatever their age; None is no bound.
        protected_kinds: alerts of these kinds stay, with their evidence.
    """

    max_age_s: float | None = None
    max_bytes: int | None = None
    protected_kinds: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Refuse limits that would be a slip of the pen."""
        for name, limit in (("max_age_s", self.max_age_s), ("max_bytes", self.max_bytes)):
            if limit is not None and not (math.isfinite(limit) and limit >= 0):
                raise StoreError(f"retention's {name} is {limit}; give a number from 0 up, or nothing for no limit")


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What went, and what stays.

    Attributes:
        alerts, evidence, runs: rows that were removed.
        files, bytes: evidence files that were removed.
        temporary_files: left by processes that died while they wrote.
        bytes_left: of evidence that rows still name, each file once; above `max_bytes` only where all of it is protected.
    """

    alerts: int
    evidence: int
    runs: int
    files: int
    bytes: int
    temporary_files: int
    bytes_left: int


@dataclass(frozen=True, slots=True)
class EvidenceUse:
    """A file as retention sees it.

    Attributes:
        sha256: its hash.
        bytes: its size.
        newest_wall_s: when the newest of the alerts that name it was stored.
        is_protected: an alert that must stay, or a report, names it.
    """

    sha256: str
    bytes: int
    newest_wall_s: float
    is_protected: bool


def files_to_drop(uses: Iterable[EvidenceUse], max_bytes: int) -> list[str]:
    """Which files go so that the rest fits, oldest first, protected ones never.

    Args:
        uses: every file once.
        max_bytes: what may stay.

    Returns:
        Their hashes, in the order in which they go.
    """
    uses = sorted(uses, key=lambda use: (use.newest_wall_s, use.sha256))
    excess = sum(use.bytes for use in uses) - max_bytes
    dropped = []
    for use in uses:
        if excess <= 0:
            break
        if not use.is_protected:
            dropped.append(use.sha256)
            excess -= use.bytes
    return dropped


def purge(database: Database, folder: EvidenceFolder, policy: RetentionPolicy, now_s: float | None = None) -> PurgeReport:
    """Remove what the policy does not keep, and what no row names; see `Store.purge`."""
    now_s = time.time() if now_s is None else now_s
    try:
        temporary_files = _remove_stale_temporary_files(folder, now_s)
        alerts = evidence = runs = 0
        if policy.max_age_s is not None:
            alerts, evidence = _purge_by_age(database, policy, now_s - policy.max_age_s)
            runs = _purge_ended(database, now_s - policy.max_age_s)
        if policy.max_bytes is not None:
            evidence += _purge_by_size(database, policy, policy.max_bytes)
        files, size = _remove_unnamed_files(database, folder)
    except OSError as error:
        raise disk_complaint(error, f"the evidence folder {folder.root}") from error
    with database.read() as session:
        left = sum(use.bytes for use in _uses(session, policy))
    return PurgeReport(alerts, evidence, runs, files, size, temporary_files, left)


def _purge_by_age(database: Database, policy: RetentionPolicy, before_wall_s: float) -> tuple[int, int]:
    oldest = (
        select(AlertRow.id)
        .where(AlertRow.created_wall_s < before_wall_s, AlertRow.state != AlertState.OPEN.value)
        .where(AlertRow.kind.not_in(policy.protected_kinds))
        .order_by(AlertRow.created_wall_s)
        .limit(ROWS_A_TRANSACTION)
    )
    alerts = evidence = 0
    while True:
        with database.write(holds_files=True) as session:
            ids = session.scalars(oldest).all()
            gone = session.scalars(delete(EvidenceRow).where(EvidenceRow.alert_id.in_(ids)).returning(EvidenceRow.id)).all()
            session.execute(delete(AlertRow).where(AlertRow.id.in_(ids)))
        alerts, evidence = alerts + len(ids), evidence + len(gone)
        if len(ids) < ROWS_A_TRANSACTION:
            return alerts, evidence


def _purge_ended(database: Database, before_wall_s: float) -> int:
    """Remove mutes that ended, and runs that ended and have no alerts left."""
    with database.write() as session:
        session.execute(delete(MuteRow).where(MuteRow.until_wall_s < before_wall_s))
        ended = (
            RunRow.started_wall_s < before_wall_s,
            RunRow.outcome.is_not(None),
            or_(RunRow.finished_wall_s.is_(None), RunRow.finished_wall_s < before_wall_s),
        )
        unused = ~exists().where(AlertRow.run_id == RunRow.id)
        return len(session.scalars(delete(RunRow).where(*ended, unused).returning(RunRow.id)).all())


def _purge_by_size(database: Database, policy: RetentionPolicy, max_bytes: int) -> int:
    with database.read() as session:
        candidates = iter(files_to_drop(_uses(session, policy), max_bytes))
    count = 0
    while batch := list(islice(candidates, ROWS_A_TRANSACTION)):
        with database.write(holds_files=True) as session:
            still = [use.sha256 for use in _uses(session, policy, batch) if not use.is_protected]  # somebody may have attached it anew
            count += len(session.scalars(delete(EvidenceRow).where(EvidenceRow.sha256.in_(still)).returning(EvidenceRow.id)).all())
    return count


def _uses(session: Session, policy: RetentionPolicy, hashes: list[str] | None = None) -> list[EvidenceUse]:
    stays = or_(AlertRow.state == AlertState.OPEN.value, AlertRow.kind.in_(policy.protected_kinds))
    of_alerts = select(
        EvidenceRow.sha256, EvidenceRow.bytes, AlertRow.created_wall_s.label("wall_s"), case((stays, 1), else_=0).label("stays")
    )
    of_alerts = of_alerts.join(AlertRow, AlertRow.id == EvidenceRow.alert_id)
    of_reports = select(ReportFileRow.sha256, ReportFileRow.bytes, ReportRow.created_wall_s, literal(1))
    of_reports = of_reports.join(ReportRow, ReportRow.id == ReportFileRow.report_id)
    if hashes is not None:
        of_alerts, of_reports = of_alerts.where(EvidenceRow.sha256.in_(hashes)), of_reports.where(ReportFileRow.sha256.in_(hashes))
    use = union_all(of_alerts, of_reports).subquery().c
    query = select(use.sha256, func.max(use.bytes), func.max(use.wall_s), func.max(use.stays)).group_by(use.sha256)
    return [EvidenceUse(sha256, size, newest, bool(is_protected)) for sha256, size, newest, is_protected in session.execute(query)]


def _remove_unnamed_files(database: Database, folder: EvidenceFolder) -> tuple[int, int]:
    files = folder.files()
    count = size = 0
    while batch := {path.name: path for path in islice(files, ROWS_A_TRANSACTION)}:
        with database.write(holds_files=True) as session:  # nobody can attach one of them meanwhile
            named = {sha256 for sha256, _ in session.execute(named_files(list(batch)))}
            unnamed = [path for name, path in batch.items() if name not in named]
            for path in unnamed:
                size += _unlink(path)
            for parent in {path.parent for path in unnamed}:
                fsync_folder(parent)
        count += len(unnamed)
    return count, size


def _remove_stale_temporary_files(folder: EvidenceFolder, now_s: float) -> int:
    count = 0
    for path in folder.temporary_files():
        try:
            is_stale = now_s - path.lstat().st_mtime > TEMPORARY_MAX_AGE_S
        except FileNotFoundError:  # its writer has just renamed it
            continue
        if is_stale:
            path.unlink(missing_ok=True)
            count += 1
    return count


def _unlink(path: Path) -> int:
    try:
        size = path.lstat().st_size
        path.unlink()
    except FileNotFoundError:  # another purge was quicker
        return 0
    return size
