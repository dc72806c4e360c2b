"""What becomes of a draft: it is kept, and what reached its threshold is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.alerts import EvidenceKind
from domains.contract import Policy, ReportDraft, Sink
from domains.medical.policy import DOMAIN
from domains.medical.report import DraftReport, Evidence

if TYPE_CHECKING:
    from domains.medical.drafting import Drafted

NOBODY = "trivium, no findings model"


def as_draft(drafted: Drafted) -> ReportDraft:
    """The draft as the store keeps it."""
    report = drafted.report
    by = f"trivium, {report.checkpoint.name}" if report.checkpoint is not None else NOBODY
    return ReportDraft(report.id, DOMAIN, report.study_uid, report.model_dump(mode="json"), by, drafted.files)


def deliver(drafted: Drafted, sink: Sink, policy: Policy, wall_s: float) -> int:
    """Keep a draft, then its alerts with their pictures.

    Returns:
        How many alerts there were.

    Raises:
        StoreError: something could not be kept.
    """
    sink.draft(as_draft(drafted))
    alerts = policy.step((drafted.report,), 0.0, wall_s)
    for alert in alerts:
        sink.save(alert)
        if picture := _picture(drafted, alert.kind.removeprefix("finding:")):
            sink.attach(alert.id, EvidenceKind.EXPLANATION, picture, "image/png", "what-the-model-looked-at.png")
    return len(alerts)


def _picture(drafted: Drafted, finding: str) -> bytes | None:
    """The overlay of a finding, else the first key image."""
    by_hash = [e.overlay_sha256 for e in _evidence(drafted.report, finding) if e.overlay_sha256]
    by_hash += [e.image_sha256 for e in drafted.report.evidence if e.image_sha256]
    return drafted.file(by_hash[0]) if by_hash else None


def _evidence(report: DraftReport, finding: str) -> list[Evidence]:
    ids = {identity for f in report.findings if f.name == finding for identity in f.evidence}
    return [evidence for evidence in report.evidence if evidence.id in ids]
