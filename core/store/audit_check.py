"""Check the audit trail from its first entry to its last, and every version of a report against the entry that tells of it.

What it finds: an entry that was edited, removed or put elsewhere; a version whose body, state, author, time or reason is not what was
written; a head that disagrees with its versions. Entries cut off the end leave the rest whole: an anchor (number and hash) that was
kept elsewhere shows that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, Select, String, cast, func, select
from sqlalchemy.orm import Session

from core.errors import StoreError
from core.store.audit import FIRST_PREVIOUS, VERSION_ACTIONS
from core.store.canonical import sha256_of
from core.store.database import Database
from core.store.guards import missing_guards
from core.store.report_models import AuditRow, ReportRow, ReportVersionRow
from core.store.report_values import AuditCheck, ReportState

ENTRIES_A_READ = 500
_NO_TEXT = "decode to UTF-8"  # what SQLite's driver says of bytes in a column of text
_ANCHOR = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class _Fault:
    number: int
    problem: str


def check_audit(database: Database, expect: str | None = None) -> AuditCheck:
    """Go through all of it; see `Store.verify_audit`."""
    anchor = None if expect is None else _parse_anchor(expect)
    checked = _check_chain(database, anchor)
    with database.read() as session:
        if checked.broken is None:
            stray = next(_strays(session, checked.entries), None)
            if stray is not None:
                checked = replace(checked, broken=stray.number, problem=stray.problem)
        return replace(checked, missing_guards=missing_guards(session))


def _parse_anchor(expect: str) -> tuple[int, str]:
    match = _ANCHOR.fullmatch(expect.strip())
    if match is None:
        raise StoreError(f"{expect[:100]!r} is not an anchor; give NUMBER:SHA256 as an earlier check printed it")
    return int(match[1]), match[2]


def _check_chain(database: Database, anchor: tuple[int, str] | None) -> AuditCheck:
    number, sha256 = 0, FIRST_PREVIOUS
    while True:
        page = _page(database, number)
        if page is None:
            return AuditCheck(number, sha256, broken=number + 1, problem="was changed: it cannot be read")
        for row in page:
            problem = _problem(row, number + 1, sha256)
            if not problem and anchor is not None and row.number == anchor[0] and row.sha256 != anchor[1]:
                problem = "is not the entry that was expected"
            if problem:
                return AuditCheck(number, sha256, broken=number + 1, problem=problem)
            number, sha256 = row.number, row.sha256
        if not page:
            break
    if anchor is not None and anchor[0] > number:
        return AuditCheck(number, sha256, broken=number + 1, problem=f"is missing, and all up to {anchor[0]}")
    return AuditCheck(number, sha256)


def _page(database: Database, after: int) -> list[Row[Any]] | None:
    """The next entries, or None where the very next one holds what is no text."""
    for limit in (ENTRIES_A_READ, 1):
        try:
            with database.read() as session:
                return list(session.execute(_entries(after, limit)))
        except StoreError as error:
            if _NO_TEXT not in str(error):
                raise
    return None


def _entries(after: int, limit: int) -> Select[*tuple[Any, ...]]:
    """Entries with the version that each tells of; JSON as text, because what was tampered with may be none."""
    version = ReportVersionRow
    return (
        select(
            *(AuditRow.number, AuditRow.at_wall_s, AuditRow.who, AuditRow.action, AuditRow.subject, AuditRow.previous_sha256),
            *(AuditRow.sha256, cast(AuditRow.details, String).label("details")),
            *(version.report_id, version.number.label("version"), version.state, version.by, version.at_wall_s.label("version_wall_s")),
            *(version.reason, version.sha256.label("body_sha256"), cast(version.body, String).label("body")),
        )
        .outerjoin(version, version.audit_number == AuditRow.number)
        .where(AuditRow.number > after)
        .order_by(AuditRow.number)
        .limit(limit)
    )


def _problem(row: Row[Any], number: int, previous_sha256: str) -> str:
    if row.number != number:
        return "is missing"
    if row.previous_sha256 != previous_sha256:
        return "does not follow the entry before it"
    names = ("number", "at_wall_s", "who", "action", "subject", "previous_sha256")
    try:
        details = json.loads(row.details)
        is_whole = sha256_of({**{name: getattr(row, name) for name in names}, "details": details}) == row.sha256
    except (StoreError, ValueError, TypeError, RecursionError):
        return "was changed: it cannot be read"
    if not is_whole:
        return "was changed"
    return _version_problem(row, details)


def _version_problem(row: Row[Any], details: dict[str, Any]) -> str:
    told = details.get("version") if row.action in VERSION_ACTIONS else None
    if told is None:
        return "" if row.version is None else f"tells of no version, but version {row.version} of report {row.report_id} names it"
    if row.version is None:
        return f"tells of version {told} of report {row.subject}, which is missing"
    says = (row.subject, told, details.get("state"), row.who, row.at_wall_s, details.get("reason"), details.get("sha256"))
    stands = (row.report_id, row.version, row.state, row.by, row.version_wall_s, row.reason, row.body_sha256)
    try:
        is_same = says == stands and sha256_of(json.loads(row.body)) == row.body_sha256
    except (StoreError, ValueError, TypeError, RecursionError):
        is_same = False
    return "" if is_same else f"tells of version {told} of report {row.subject}, which was changed since"


def _strays(session: Session, entries: int) -> Iterator[_Fault]:
    """Versions that no entry tells of, and heads that disagree with their versions."""
    version = ReportVersionRow
    unaudited = (
        select(version.report_id, version.number, version.audit_number)
        .outerjoin(AuditRow, AuditRow.number == version.audit_number)
        .where(AuditRow.number.is_(None))
        .order_by(version.audit_number)
    )
    for row in session.execute(unaudited):
        yield _Fault(row.audit_number, f"is missing; version {row.number} of report {row.report_id} names it")
    last = select(version.report_id, func.max(version.number).label("number")).group_by(version.report_id).subquery()
    heads = (
        select(
            version.report_id,
            version.number,
            version.state.label("version_state"),
            version.audit_number,
            ReportRow.state,
            ReportRow.version,
        )
        .join(last, (last.c.report_id == version.report_id) & (last.c.number == version.number))
        .outerjoin(ReportRow, ReportRow.id == version.report_id)
        .order_by(version.audit_number)
    )
    for head in session.execute(heads):
        is_same = _agrees(head.number, head.version_state, head.version, head.state)
        if head.audit_number <= entries and not is_same:  # a newer one came while this looked
            yield _Fault(
                head.audit_number, f"tells of version {head.number} of report {head.report_id}, but the report's head says otherwise"
            )


def _agrees(version: int, version_state: str, head_version: int | None, head_state: str | None) -> bool:
    if head_version != version:
        return False
    if version_state == ReportState.AMENDED_DRAFT:
        return head_state in (ReportState.FINAL, ReportState.AMENDED)
    return head_state == version_state
