"""The audit trail: entries that are only ever added, each carrying the hash of the one before.

An entry is written in the transaction of what it tells of. Writers take their turn (`BEGIN IMMEDIATE` on SQLite, an advisory lock on
PostgreSQL, always the last lock that a transaction takes), so the chain never forks.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.errors import StoreError
from core.store.canonical import sha256_of
from core.store.cleaning import clean_json, clean_text
from core.store.pages import check_limit
from core.store.report_models import AuditRow
from core.store.report_values import AuditEntry, AuditFilter

FIRST_PREVIOUS = "0" * 64
VERSION_ACTIONS = ("report.drafted", "report.edited", "report.signed", "report.amended")  # each tells of a version and of nothing else
AUDIT_LOCK = 0x7472_6961  # "tria": the advisory lock under which the chain grows on PostgreSQL


def append_entry(
    session: Session, who: str, action: str, subject: str, details: Mapping[str, object], at_wall_s: float | None = None
) -> AuditRow:
    """Add an entry, inside the transaction of what it tells of; nothing else may be locked after it.

    Raises:
        StoreError: the details are no JSON.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": AUDIT_LOCK})
    last = session.execute(select(AuditRow.number, AuditRow.sha256).order_by(AuditRow.number.desc()).limit(1)).first()
    number, previous_sha256 = (1, FIRST_PREVIOUS) if last is None else (last.number + 1, last.sha256)
    values = {
        "number": number,
        "at_wall_s": time.time() if at_wall_s is None else float(at_wall_s),
        "who": clean_text(who),
        "action": clean_text(action),
        "subject": clean_text(subject),
        "details": clean_json(details, "the details of an audit entry"),
        "previous_sha256": previous_sha256,
    }
    row = AuditRow(**values, sha256=sha256_of(values))
    session.add(row)
    session.flush()
    return row


def record(session: Session, who: str, action: str, subject: str, details: Mapping[str, object]) -> AuditEntry:
    """Add an entry that tells of no version; see `Store.record`.

    Raises:
        StoreError: the action is one that only the store itself tells of.
    """
    if action in VERSION_ACTIONS or action.startswith("person."):
        raise StoreError(f"the action {action} is told by the store itself; name another one")
    return as_entry(append_entry(session, who, action, subject, details))


def find_entries(session: Session, wanted: AuditFilter) -> list[AuditEntry]:
    """The entries that the filter asks for, newest first.

    Raises:
        StoreError: the limit cannot be.
    """
    check_limit(wanted.limit, "audit entries", "before")
    query = select(AuditRow)
    for column, value in ((AuditRow.who, wanted.who), (AuditRow.action, wanted.action), (AuditRow.subject, wanted.subject)):
        if value is not None:
            query = query.where(column == clean_text(value))
    if wanted.before is not None:
        query = query.where(AuditRow.number < wanted.before)
    rows = session.scalars(query.order_by(AuditRow.number.desc()).limit(wanted.limit))
    return [as_entry(row) for row in rows]


def as_entry(row: AuditRow) -> AuditEntry:
    """The value of a row."""
    return AuditEntry(row.number, row.at_wall_s, row.who, row.action, row.subject, row.details, row.previous_sha256, row.sha256)
