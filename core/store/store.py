"""Store: alerts, evidence, runs and mutes, kept so that killing the process loses nothing that was acknowledged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from core.alerts import Alert, EvidenceKind
from core.store import alerts, evidence, mutes, retention, runs
from core.store.database import DEADLINE_S, Database, open_database
from core.store.evidence import EvidenceFolder
from core.store.evidence_check import EvidenceFault, evidence_faults
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
