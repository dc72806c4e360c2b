"""A DRAFT worklist over alerts, in Markdown: which studies to look at first, and why."""

from __future__ import annotations

from collections.abc import Sequence

from core.alerts import Alert
from domains.medical.report import DRAFT_NOTICE


def draft_worklist(alerts: Sequence[Alert]) -> str:
    """The studies of alerts, the surest finding first.

    Args:
        alerts: of this field; none is a worklist too.

    Returns:
        Markdown; each line ends with the ids of the alerts that carry it, shortened to eight digits.
    """
    lines = ["# Worklist", "", f"**{DRAFT_NOTICE}**", ""]
    if not alerts:
        return "\n".join([*lines, "No finding reached its threshold."]) + "\n"
    by_study: dict[str, list[Alert]] = {}
    for alert in sorted(alerts, key=lambda a: -a.score):
        by_study.setdefault(alert.source, []).append(alert)
    for study, told in by_study.items():
        findings = ", ".join(f"{alert.kind.removeprefix('finding:')} {alert.score:.2f}" for alert in told)
        report = str(told[0].details.get("report", ""))[:8]
        ids = ", ".join(alert.id[:8] for alert in told)
        lines.append(f"- {study}: {findings}" + (f"; report {report}" if report else "") + f" [{ids}]")
    return "\n".join(lines) + "\n"
