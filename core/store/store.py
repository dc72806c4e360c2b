"""Store: alerts, evidence, runs, mutes and reports, kept so that killing the process loses nothing that was acknowledged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from core.alerts import Alert, EvidenceKind
from core.errors import StoreError
from core.store import alerts, audit, evidence, mutes, people, report_files, reports, retention, runs, signing
from core.store.audit_check import check_audit
from core.store.database import DEADLINE_S, Database, open_database
from core.store.evidence import EvidenceFolder
from core.store.evidence_check import EvidenceFault, evidence_faults
from core.store.json_diff import Change, changes_between
from core.store.report_values import (
    AuditCheck,
    AuditEntry,
    AuditFilter,
    Person,
    ReportFile,
    ReportFilter,
    ReportVersion,
    StoredReport,
    StoredReportFile,
)
from core.store.retention import PurgeReport, RetentionPolicy
from core.store.schema import migrate
from core.store.values import AlertFilter, Mute, StoredAlert


@dataclass(frozen=True, slots=True)
class Store:
    """An open store. Safe to use from several threads; several processes may have the same one open.

    Every method that writes has committed when it returns, and raises `StoreError` where it could not.

    Attributes:
        schema_version: of the database's tables.
    """

    _database: Database
    _folder: EvidenceFolder
    schema_version: str

    def begin_run(
        self,
        pipeline: str,
        domain: str,
        input: str,
        configuration: Mapping[str, object],
        versions: Mapping[str, object],
        checkpoint: str | None = None,
    ) -> str:
        """Note that this process begins a run.

        Args:
            pipeline: the command (`watch`, `analyse`).
            domain: the domain.
            input: what it reads; credentials of URLs are left out.
            configuration, versions: JSON values.
            checkpoint: the checkpoint in use, if any.

        Returns:
            The run's id.
        """
        with self._database.write() as session:
            return runs.begin_run(session, pipeline, domain, input, configuration, versions, checkpoint)

    def finish_run(self, run_id: str, outcome: str, counts: Mapping[str, object]) -> None:
        """Note how a run ended, and what it counted."""
        with self._database.write() as session:
            runs.finish_run(session, run_id, outcome, counts)

    def interrupt_open_alerts(self) -> int:
        """Mark the alerts that dead processes left open; call it once, at the start. Runs still alive are left alone.

        Returns:
            How many there were.
        """
        with self._database.write() as session:
            return runs.interrupt_open_alerts(session)

    def save_alert(self, alert: Alert, run_id: str) -> None:
        """Insert the alert, or update the one of the same id."""
        with self._database.write() as session:
            alerts.save_alert(session, alert, run_id)

    def attach(
        self,
        alert_id: str,
        kind: EvidenceKind,
        content: bytes | Path,
        media_type: str,
        name: str,
        start_s: float | None = None,
    ) -> str:
        """Keep a piece of evidence; attaching the same again changes only its media type, name and start.

        Args:
            alert_id: a saved alert.
            kind: what it shows.
            content: the bytes, or a file to copy in (which stays the caller's).
            media_type: such as `image/jpeg`.
            name: what to call it when it is exported; never used as a path here.
            start_s: the moment of its beginning, in the source's own clock.

        Returns:
            The content's SHA-256 in hexadecimal digits, which names the file.
        """
        return evidence.attach(self._database, self._folder, alert_id, kind, content, media_type, name, start_s)

    def alerts(self, wanted: AlertFilter | None = None) -> list[StoredAlert]:
        """The alerts that the filter asks for, newest first."""
        with self._database.read() as session:
            return alerts.find_alerts(session, wanted or AlertFilter(), self._folder)

    def alert(self, id_or_prefix: str) -> StoredAlert:
        """The one alert whose id begins so; a `StoreError` where there is none or more than one."""
        with self._database.read() as session:
            return alerts.find_alert(session, id_or_prefix, self._folder)

    def mute(self, source: str | None, kind: str | None, until_wall_s: float, note: str = "") -> Mute:
        """Mute a source, a kind, or both together, until a Unix time."""
        with self._database.write() as session:
            return mutes.add_mute(session, source, kind, until_wall_s, note)

    def mutes(self, at_wall_s: float) -> list[Mute]:
        """The mutes that hold at a Unix time."""
        with self._database.read() as session:
            return mutes.mutes_at(session, at_wall_s)

    def unmute(self, mute_id: int) -> None:
        """End a mute now."""
        with self._database.write() as session:
            mutes.remove_mute(session, mute_id)

    def purge(self, policy: RetentionPolicy) -> PurgeReport:
        """Remove what the policy does not keep, files that no row names, and temporary files older than an hour."""
        return retention.purge(self._database, self._folder, policy)

    def check(self, *, deep: bool = False) -> list[EvidenceFault]:
        """Compare the rows of evidence with the files.

        Args:
            deep: read every file and compare its hash, too.
        """
        with self._database.read() as session:
            faults = evidence_faults(session, self._folder, deep=deep)
        if not faults:
            return []
        with self._database.write(holds_files=True) as session:  # a row may have gone while its file was looked at
            return evidence_faults(session, self._folder, deep=deep, only={fault.sha256 for fault in faults})

    def save_draft(
        self,
        domain: str,
        subject: str,
        body: Mapping[str, object],
        by: str,
        *,
        report_id: str | None = None,
        files: Sequence[ReportFile] = (),
        reason: str = "",
    ) -> ReportVersion:
        """Keep a new report as its first version, a draft, together with its files.

        Args:
            domain: whose body it has.
            subject: what it is about, such as a study's UID.
            body: JSON; the domain has checked it.
            by: what software drafted it.
            report_id: 32 hexadecimal digits; None makes one.
            files: what sentences point at: key pictures.
            reason: on what occasion.
        """
        return signing.save_draft(self._database, self._folder, domain, subject, body, by, report_id, files, reason)

    def edit(self, report_id: str, based_on: int, body: Mapping[str, object], by: Person, reason: str = "") -> ReportVersion:
        """Keep a changed body as a new version of a draft, or of an amendment that is not signed yet.

        Args:
            report_id: or its first digits.
            based_on: the version that the change was made from; a `StoreError` where it is no longer the newest.
            body: the whole body as it now is.
            by: an authenticated person (`check_password`) with the role clinician or signer.
            reason: why.
        """
        return signing.edit(self._database, report_id, based_on, body, by, reason)

    def sign(
        self, report_id: str, based_on: int, name: str, password: str, check: signing.Check = lambda _: (), reason: str = ""
    ) -> ReportVersion:
        """Make the newest version final: a new version of the same body, state `final` (or `amended`), by the signer.

        Args:
            report_id: or its first digits.
            based_on: the version that the signer has read; a `StoreError` where it is no longer the newest.
            name, password: of a person with the role signer, who authenticates now.
            check: the domain's: what hinders a signature, from the body; anything said is a refusal.
            reason: a remark.
        """
        return signing.sign(self._database, report_id, based_on, name, password, check, reason)

    def amend(self, report_id: str, based_on: int, by: Person, reason: str, body: Mapping[str, object] | None = None) -> ReportVersion:
        """Open an amendment of a signed report: a version `amended-draft`, to be edited and signed; the signed one stays valid."""
        return signing.amend(self._database, report_id, based_on, by, reason, body)

    def attach_to_report(self, report_id: str, files: Sequence[ReportFile], by: str) -> list[str]:
        """Keep more files with a report; the same again changes nothing. Returns their SHA-256."""
        return signing.attach(self._database, self._folder, report_id, files, by)

    def reports(self, wanted: ReportFilter | None = None) -> list[StoredReport]:
        """The reports that the filter asks for, newest first."""
        with self._database.read() as session:
            return reports.find_reports(session, wanted or ReportFilter())

    def report(self, id_or_prefix: str) -> StoredReport:
        """The one report whose id begins so; a `StoreError` where there is none or more than one."""
        with self._database.read() as session:
            return reports.find_report(session, id_or_prefix)

    def versions(self, report_id: str) -> list[ReportVersion]:
        """All versions of a report, the first at the front."""
        with self._database.read() as session:
            return reports.find_versions(session, reports.find_id(session, report_id))

    def version(self, report_id: str, number: int | None = None) -> ReportVersion:
        """One version of a report, or the newest."""
        with self._database.read() as session:
            return reports.find_version(session, reports.find_id(session, report_id), number)

    def diff(self, report_id: str, before: int, after: int) -> tuple[Change, ...]:
        """What two versions of a report say differently."""
        return changes_between(self.version(report_id, before).body, self.version(report_id, after).body)

    def report_files(self, report_id: str) -> list[StoredReportFile]:
        """A report's files, in the order in which they were attached."""
        with self._database.read() as session:
            return report_files.find_files(session, self._folder, reports.find_id(session, report_id))

    def read_report_file(self, report_id: str, sha256: str) -> bytes:
        """The content of one of a report's own files, compared with its hash."""
        for file in self.report_files(report_id):
            if file.sha256 == sha256:
                return report_files.read_file(file)
        raise StoreError(f"report {report_id[:8]} has no file {sha256[:80]!r}; list its files")

    def record(self, who: str, action: str, subject: str, details: Mapping[str, object] | None = None) -> AuditEntry:
        """Add an entry to the audit trail on something that changes no row here, such as an export."""
        with self._database.write() as session:
            return audit.record(session, who, action, subject, details or {})

    def audit_entries(self, wanted: AuditFilter | None = None) -> list[AuditEntry]:
        """The audit entries that the filter asks for, newest first."""
        with self._database.read() as session:
            return audit.find_entries(session, wanted or AuditFilter())

    def verify_audit(self, expect: str | None = None) -> AuditCheck:
        """Check the whole audit trail and every version of a report against it.

        Args:
            expect: the anchor of an earlier check (`NUMBER:SHA256`): shows whether entries were cut off the end since.
        """
        return check_audit(self._database, expect)

    def add_person(self, name: str, display_name: str, roles: Collection[str], password: str, by: str) -> Person:
        """Add somebody who may do what their roles say; only a hash of the password is kept."""
        return people.add_person(self._database, name, display_name, roles, password, by)

    def check_password(self, name: str, password: str) -> Person:
        """Make sure that somebody is who they say.

        Raises:
            StoreError: name or password is wrong, or there were too many attempts: it never says which.
        """
        return people.check_password(self._database, name, password)

    def people(self) -> list[Person]:
        """Everybody, by name."""
        with self._database.read() as session:
            return people.find_people(session)

    def set_roles(self, name: str, roles: Collection[str], by: str) -> Person:
        """Give somebody these roles and no others; without any they can do nothing, and what they signed stays theirs."""
        return people.set_roles(self._database, name, roles, by)

    def set_password(self, name: str, password: str, by: str) -> None:
        """Give somebody a new password, and end their lock."""
        people.set_password(self._database, name, password, by)

    def unlock_person(self, name: str, by: str) -> None:
        """End the lock that failed attempts put on somebody."""
        people.unlock(self._database, name, by)

    @property
    def evidence_bytes(self) -> int:
        """Bytes of all evidence files that rows name, each counted once."""
        with self._database.read() as session:
            return evidence.evidence_bytes(session)

    @property
    def where(self) -> str:
        """The database, as it may be shown: without user and password."""
        return self._database.where

    def close(self) -> None:
        """Let go of the connections; what was committed stays."""
        self._database.engine.dispose()


def open_store(url: str | URL, evidence_folder: Path, deadline_s: float = DEADLINE_S) -> Store:
    """Open a store; makes folders and tables where there are none, and brings older tables up to date.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.
        evidence_folder: where the files lie; one folder for one database.
        deadline_s: how long a transaction may take (PostgreSQL) or wait for its turn (SQLite) before a `StoreError`.

    Raises:
        StoreError: one line that says what is wrong with the database or the folder.
    """
    database = open_database(url, deadline_s)
    try:
        schema_version = migrate(database)
        folder = evidence.open_folder(evidence_folder, database)
    except BaseException:
        database.engine.dispose()
        raise
    return Store(database, folder, schema_version)
