"""A DRAFT incident report over alerts, in Markdown: every sentence names the alerts it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from core.alerts import Alert

NOTICE = "**DRAFT.** Written by a program from its alerts; a qualified person must review it before anyone acts on it."


def draft_report(alerts: Sequence[Alert]) -> str:
    """A report over alerts, oldest first.

    Args:
        alerts: what to report; none is a report too.

    Returns:
        Markdown; each statement ends with the ids of the alerts that carry it, shortened to eight digits.
    """
    lines = ["# Incident report", "", NOTICE, ""]
    if not alerts:
        return "\n".join([*lines, "No alert was raised."]) + "\n"
    ordered = sorted(alerts, key=lambda a: (a.wall_start_s or 0.0, a.source, a.start_s))
    lines += ["## In short", ""]
    for (source, kind), count in sorted(Counter((a.source, a.kind) for a in ordered).items()):
        ids = ", ".join(a.id[:8] for a in ordered if (a.source, a.kind) == (source, kind))
        lines.append(f"- {source}: {kind}, {count} {'time' if count == 1 else 'times'} [{ids}]")
    lines += ["", "## One by one", ""]
    for alert in ordered:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in alert.contributions.items())
        how = f"score {alert.score:.2f}; {shares or alert.way}"
        lines.append(f"- {_when(alert)}, {alert.source}: {alert.reason or alert.kind} ({how}) [{alert.id[:8]}]")
    return "\n".join(lines) + "\n"


def _when(alert: Alert) -> str:
    if alert.wall_start_s is None:
        return f"{alert.start_s:.1f} to {alert.end_s:.1f} s"
    return datetime.fromtimestamp(alert.wall_start_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
