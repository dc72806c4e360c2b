"""How a report moves: drafted, edited, signed, amended, signed again. Every step is a new version; none is ever overwritten.

A step, its version and its audit entry are one transaction: a process killed in the middle leaves all of it or nothing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.orm import Session

from core.errors import StoreError
from core.store import people
from core.store.audit import append_entry
from core.store.canonical import canonical_json, sha256_of
from core.store.cleaning import clean_json, clean_text
from core.store.database import Database
from core.store.evidence import EvidenceFolder
from core.store.pages import is_id
from core.store.report_files import keep_files, written_files
from core.store.report_models import ReportRow, ReportVersionRow
from core.store.report_values import Person, ReportFile, ReportState, ReportVersion
from core.store.reports import as_version, find_id, find_version

EDITORS = ("clinician", "signer")
SIGNERS = ("signer",)
MAX_BODY_BYTES = 16_000_000
MAX_REASON_CHARACTERS = 2000
Check = Callable[[Mapping[str, object]], Sequence[str]]


def save_draft(
    database: Database,
    folder: EvidenceFolder,
    domain: str,
    subject: str,
    body: Mapping[str, object],
    by: str,
    report_id: str | None,
    files: Sequence[ReportFile],
    reason: str,
) -> ReportVersion:
    """Keep a new report; see `Store.save_draft`."""
    report_id = uuid.uuid4().hex if report_id is None else report_id
    if not is_id(report_id):
        raise StoreError(f"{report_id[:80]!r} cannot be a report's id; it must be 32 hexadecimal digits")
    kept = _checked_body(body)
    with written_files(folder, files) as whole, database.write(holds_files=True) as session:
        if session.get(ReportRow, report_id) is not None:
            raise StoreError(f"there is a report {report_id[:8]} already; edit it, or give the new one another id")
        now_s = time.time()
        head = ReportRow(
            id=report_id,
            domain=clean_text(domain),
            subject=clean_text(subject),
            state=ReportState.DRAFT.value,
            version=1,
            created_wall_s=now_s,
        )
        session.add(head)
        session.flush()
        named = keep_files(session, folder, report_id, whole)
        return _add(session, head, None, ReportState.DRAFT, kept, by, reason, "report.drafted", {"files": named})


def edit(database: Database, report_id: str, based_on: int, body: Mapping[str, object], by: Person, reason: str) -> ReportVersion:
    """Keep a changed body; see `Store.edit`."""
    kept = _checked_body(body)
    with database.write() as session:
        people.require_role(session, by, EDITORS, "edit reports")
        head, last = _newest(session, report_id, based_on)
        if last.state.is_signed:
            raise StoreError(f"report {head.id[:8]} is signed; amend it, giving the reason, before it can be edited")
        if sha256_of(kept) == last.sha256:
            raise StoreError(f"the edit of report {head.id[:8]} changes nothing")
        return _add(session, head, last, last.state, kept, by.name, reason, "report.edited", {})


def sign(database: Database, report_id: str, based_on: int, name: str, password: str, check: Check, reason: str) -> ReportVersion:
    """Make the newest version final; see `Store.sign`."""
    person = people.check_password(database, name, password)
    with database.write() as session:
        people.require_role(session, person, SIGNERS, "sign reports")
        head, last = _newest(session, report_id, based_on)
        if last.state.is_signed:
            raise StoreError(f"report {head.id[:8]} is signed already; amend it, giving the reason, to change it")
        if sha256_of(last.body) != last.sha256:
            raise StoreError(f"version {last.number} of report {head.id[:8]} is not what was stored; verify the audit trail")
        problems = check(last.body)
        if problems:
            raise StoreError(f"report {head.id[:8]} cannot be signed yet: {'; '.join(problems)}"[:2000])
        state = ReportState.FINAL if last.state is ReportState.DRAFT else ReportState.AMENDED
        return _add(session, head, last, state, last.body, person.name, reason, "report.signed", {"signer": person.display_name})


def amend(database: Database, report_id: str, based_on: int, by: Person, reason: str, body: Mapping[str, object] | None) -> ReportVersion:
    """Open an amendment of a signed report; see `Store.amend`."""
    if not reason.strip():
        raise StoreError("an amendment has no reason; say why")
    kept = None if body is None else _checked_body(body)
    with database.write() as session:
        people.require_role(session, by, EDITORS, "amend reports")
        head, last = _newest(session, report_id, based_on)
        if not last.state.is_signed:
            raise StoreError(f"report {head.id[:8]} is not signed; edit it instead of amending it")
        return _add(
            session, head, last, ReportState.AMENDED_DRAFT, last.body if kept is None else kept, by.name, reason, "report.amended", {}
        )


def attach(database: Database, folder: EvidenceFolder, report_id: str, files: Sequence[ReportFile], by: str) -> list[str]:
    """Keep more files with a report; see `Store.attach_to_report`."""
    with written_files(folder, files) as whole, database.write(holds_files=True) as session:
        head = _locked(session, report_id)
        named = keep_files(session, folder, head.id, whole)
        if named:
            append_entry(session, by, "report.files", head.id, {"files": named})
        return [file.sha256 for _, file in whole]


def _checked_body(body: Mapping[str, object]) -> dict[str, object]:
    kept: dict[str, object] = clean_json(body, "the report")
    size = len(canonical_json(kept))
    if size > MAX_BODY_BYTES:
        raise StoreError(f"the report has {size} bytes, more than {MAX_BODY_BYTES}; keep pictures as files and name their hashes")
    return kept


def _locked(session: Session, report_id: str) -> ReportRow:
    return session.get_one(ReportRow, find_id(session, report_id), with_for_update=True)


def _newest(session: Session, report_id: str, based_on: int) -> tuple[ReportRow, ReportVersion]:
    """The head, locked, and the newest version, which must be the one that the change was made from."""
    head = _locked(session, report_id)
    last = find_version(session, head.id, None)
    if last.number != based_on:
        raise StoreError(
            f"report {head.id[:8]} was changed meanwhile: it has version {last.number}, this was based on {based_on}; look again"
        )
    return head, last


def _add(
    session: Session,
    head: ReportRow,
    last: ReportVersion | None,
    state: ReportState,
    body: Mapping[str, object],
    by: str,
    reason: str,
    action: str,
    details: Mapping[str, object],
) -> ReportVersion:
    """Add the version, its audit entry, and the head that goes with them."""
    number, now_s = 1 if last is None else last.number + 1, time.time()
    by, reason, sha256 = clean_text(by), clean_text(reason), sha256_of(body)
    if len(reason) > MAX_REASON_CHARACTERS:
        raise StoreError(f"the reason has {len(reason)} characters; use at most {MAX_REASON_CHARACTERS}")
    told = {"version": number, "state": state.value, "sha256": sha256, "reason": reason, **details}
    entry = append_entry(session, by, action, head.id, told, now_s)
    row = ReportVersionRow(
        report_id=head.id,
        number=number,
        state=state.value,
        by=by,
        at_wall_s=now_s,
        reason=reason,
        previous=None if last is None else last.number,
        sha256=sha256,
        body=dict(body),
        audit_number=entry.number,
    )
    session.add(row)
    if last is not None:
        head.version = number
        head.state = head.state if state is ReportState.AMENDED_DRAFT else state.value
    session.flush()
    return as_version(row)
