"""Compare the rows of evidence, and those of reports' files, with the files that they name."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.store.complaints import disk_complaint
from core.store.evidence import EvidenceFolder
from core.store.models import EvidenceRow
from core.store.report_models import ReportFileRow


@dataclass(frozen=True, slots=True)
class EvidenceFault:
    """A row of evidence, or a file of a report, that is not what the row says.

    Attributes:
        alert_id: the alert, or the report, that names it.
        sha256, path: the file.
        problem: `missing`, `wrong size` or `wrong hash`.
    """

    alert_id: str
    sha256: str
    path: Path
    problem: str


def evidence_faults(session: Session, folder: EvidenceFolder, *, deep: bool, only: Collection[str] | None = None) -> list[EvidenceFault]:
    """The rows whose file is not what they say, in the order in which they were attached; those of alerts, then those of reports.

    Args:
        session: reads the rows.
        folder: holds the files.
        deep: read every file and compare its hash, too.
        only: look at these hashes and no others.
    """
    of_alerts = select(EvidenceRow.alert_id, EvidenceRow.sha256, EvidenceRow.bytes).order_by(EvidenceRow.id)
    of_reports = select(ReportFileRow.report_id, ReportFileRow.sha256, ReportFileRow.bytes).order_by(ReportFileRow.id)
    faults = []
    for alert_id, sha256, size in (*session.execute(of_alerts), *session.execute(of_reports)):
        path = folder.path_of(sha256)
        if (only is None or sha256 in only) and (problem := _problem(path, sha256, size, deep=deep)):
            faults.append(EvidenceFault(alert_id, sha256, path, problem))
    return faults


def _problem(path: Path, sha256: str, size: int, *, deep: bool) -> str | None:
    try:
        if path.stat().st_size != size:
            return "wrong size"
        if deep:
            with path.open("rb") as file:
                return None if hashlib.file_digest(file, "sha256").hexdigest() == sha256 else "wrong hash"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise disk_complaint(error, f"the evidence file {path}") from error
    return None
