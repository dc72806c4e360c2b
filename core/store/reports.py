"""Find reports and their versions."""

from __future__ import annotations

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from core.errors import StoreError
from core.store.cleaning import clean_text
from core.store.pages import begins_with, check_limit, parse_cursor, the_only
from core.store.report_models import ReportRow, ReportVersionRow
from core.store.report_values import ReportFilter, ReportState, ReportVersion, StoredReport


def find_reports(session: Session, wanted: ReportFilter) -> list[StoredReport]:
    """The reports that the filter asks for, newest first.

    Raises:
        StoreError: the limit or the cursor cannot be.
    """
    check_limit(wanted.limit, "reports")
    query = _heads()
    for column, value in ((ReportRow.domain, wanted.domain), (ReportRow.subject, wanted.subject), (ReportRow.state, wanted.state)):
        if value is not None:
            query = query.where(column == clean_text(str(value)))
    if wanted.since_wall_s is not None:
        query = query.where(ReportRow.created_wall_s >= wanted.since_wall_s)
    if wanted.until_wall_s is not None:
        query = query.where(ReportRow.created_wall_s < wanted.until_wall_s)
    if wanted.after is not None:
        query = query.where(tuple_(ReportRow.created_wall_s, ReportRow.id) < tuple_(*parse_cursor(wanted.after, "report")))
    rows = session.execute(query.order_by(ReportRow.created_wall_s.desc(), ReportRow.id.desc()).limit(wanted.limit))
    return [_stored(row, version_state) for row, version_state in rows]


def find_report(session: Session, prefix: str) -> StoredReport:
    """The one report whose id begins so.

    Raises:
        StoreError: no report's does, or more than one's.
    """
    row, version_state = session.execute(_heads().where(ReportRow.id == find_id(session, prefix))).one()
    return _stored(row, version_state)


def find_id(session: Session, prefix: str) -> str:
    """The whole id of the one report whose id begins so.

    Raises:
        StoreError: no report's does, or more than one's.
    """
    query = select(ReportRow.id).where(begins_with(ReportRow.id, prefix, "report")).order_by(ReportRow.id).limit(2)
    return the_only(session.scalars(query).all(), prefix, "report")


def find_versions(session: Session, report_id: str) -> list[ReportVersion]:
    """All versions of a report, the first at the front."""
    rows = session.scalars(select(ReportVersionRow).where(ReportVersionRow.report_id == report_id).order_by(ReportVersionRow.number))
    return [as_version(row) for row in rows]


def find_version(session: Session, report_id: str, number: int | None) -> ReportVersion:
    """One version, or the newest.

    Raises:
        StoreError: there is no such version.
    """
    query = select(ReportVersionRow).where(ReportVersionRow.report_id == report_id)
    if number is not None:
        query = query.where(ReportVersionRow.number == number)
    row = session.scalars(query.order_by(ReportVersionRow.number.desc()).limit(1)).first()
    if row is None:
        raise StoreError(f"report {report_id[:8]} has no version {number}; list its versions")
    return as_version(row)


def as_version(row: ReportVersionRow) -> ReportVersion:
    """The value of a row."""
    return ReportVersion(
        report_id=row.report_id,
        number=row.number,
        state=ReportState(row.state),
        by=row.by,
        at_wall_s=row.at_wall_s,
        reason=row.reason,
        previous=row.previous,
        sha256=row.sha256,
        body=row.body,
        audit_number=row.audit_number,
    )


def _heads() -> Select[ReportRow, str]:
    newest = (ReportVersionRow.report_id == ReportRow.id) & (ReportVersionRow.number == ReportRow.version)
    return select(ReportRow, ReportVersionRow.state).join(ReportVersionRow, newest)


def _stored(row: ReportRow, version_state: str) -> StoredReport:
    return StoredReport(
        id=row.id,
        domain=row.domain,
        subject=row.subject,
        state=ReportState(row.state),
        version=row.version,
        version_state=ReportState(version_state),
        created_wall_s=row.created_wall_s,
    )
