"""What a person is told of a study without opening its report: one alert for each finding that reached its threshold."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence

from core.alerts import Alert, AlertState, Box
from domains.medical.report import DraftReport, Finding, Status

DOMAIN = "medical"
WAY = "classifier"
DIGITS = 12


class FindingsPolicy:
    """Raises an alert a finding that is called present; studies have no duration, so nothing stays open.

    A finding raises one alert a study, however often the study is judged.
    """

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def step(
        self,
        judgements: Sequence[DraftReport],
        time_s: float,  # noqa: ARG002  the contract's; studies have no clock of their own
        wall_s: float | None,
    ) -> tuple[Alert, ...]:
        """Alerts of what was drafted now.

        Args:
            judgements: drafts.
            time_s: in the source's clock; studies have none.
            wall_s: Unix time now.
        """
        alerts: list[Alert] = []
        for report in judgements:
            for finding in report.findings:
                key = (report.study_uid, finding.name)
                if finding.status is Status.PRESENT and key not in self._told:
                    self._told.add(key)
                    alerts.append(_alert(report, finding, wall_s))
        return tuple(alerts)

    def finish(self) -> tuple[Alert, ...]:
        """Nothing is open."""
        return ()


def study_name(study_uid: str) -> str:
    """What a study is called in lists and logs: a short hash, since a UID can lead to a patient."""
    return f"study {hashlib.sha256(study_uid.encode()).hexdigest()[:DIGITS]}"


def _alert(report: DraftReport, finding: Finding, wall_s: float | None) -> Alert:
    cut = f"from {finding.threshold:.2f} on it is called present"
    pictures = {evidence.id: evidence for evidence in report.evidence if evidence.region is not None}
    boxes = tuple(
        Box(region.x1, region.y1, region.x2, region.y2, "what the model looked at", finding.probability)
        for identity in finding.evidence
        if identity in pictures and (region := pictures[identity].region) is not None
    )
    return Alert(
        id=uuid.uuid4().hex,
        domain=DOMAIN,
        source=study_name(report.study_uid),
        kind=f"finding:{finding.name}",
        way=WAY,
        state=AlertState.CLOSED,
        start_s=0.0,
        end_s=0.0,
        wall_start_s=wall_s,
        wall_end_s=wall_s,
        score=finding.probability,
        reason=f"The model gives {finding.name} a probability of {finding.probability:.2f} ({cut}); a draft for a person to review.",
        contributions=finding.contributions,
        boxes=boxes,
        details={"report": report.id},
    )
