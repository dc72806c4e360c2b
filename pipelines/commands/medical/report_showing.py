"""Reports as tables and text for people at a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from domains.medical.report import DRAFT_NOTICE, DraftReport, Section
from pipelines.console import console

if TYPE_CHECKING:
    from core.store import Change, ReportVersion, StoredReport
    from domains.medical.feedback import Agreement

STATE_COLOURS = {"draft": "yellow", "amended-draft": "yellow", "final": "green", "amended": "green"}
STATUS_COLOURS = {"present": "red", "absent": "green", "abstained": "yellow"}


def print_reports(found: Sequence[StoredReport]) -> None:
    """Reports as a table, or that there are none."""
    if not found:
        console().print("no reports; draft one with: trivium medical draft STUDY")
        return
    table = Table()
    for name in ("id", "drafted", "state", "version", "study"):
        table.add_column(name, no_wrap=name != "study")
    for report in found:
        state = Text(report.state, style=STATE_COLOURS[report.state])
        if report.version_state != report.state:
            state.append(f" ({report.version_state})")
        table.add_row(report.id[:8], _when(report.created_wall_s), state, str(report.version), _plain(report.subject))
    console().print(table)


def print_report(report: DraftReport, version: ReportVersion, versions: Sequence[ReportVersion]) -> None:
    """A version with everything a reader must know of it."""
    out = console()
    out.print(Text(f"report {version.report_id}, version {version.number} of {len(versions)}: {version.state}", style="bold"))
    if not version.state.is_signed:
        out.print(Text(DRAFT_NOTICE, style="bold yellow"))
    labels = {evidence.id: evidence.label for evidence in report.evidence}
    for section in Section:
        sentences = report.in_section(section)
        if sentences:
            out.print(Text(f"\n{section.upper()}", style="bold"))
        for sentence in sentences:
            line = Text(f"  {_plain(sentence.id):<6} {_plain(sentence.text)}")
            rests_on = "; ".join(_plain(labels.get(identity, identity)) for identity in sentence.evidence)
            line.append(f"  [{_plain(sentence.by)}{': ' if rests_on else ''}{rests_on}]", style="dim")
            out.print(line)
    if report.findings:
        out.print(_findings(report))
    for name, words in (("used", report.used), ("missing", report.missing), ("notices", report.notices)):
        if words:
            out.print(Text(f"{name}: {_plain('; '.join(words))}"))
    for each in versions:
        reason = f": {_plain(each.reason)}" if each.reason else ""
        out.print(Text(f"version {each.number}  {each.state}  {_when(each.at_wall_s)} UTC  {_plain(each.by)}{reason}", style="dim"))


def print_changes(old: ReportVersion, new: ReportVersion, changes: Sequence[Change]) -> None:
    """Differences, one under the other: what was said, and what is said."""
    out = console()
    out.print(Text(f"report {old.report_id[:8]}: version {old.number} ({old.by}) to {new.number} ({new.by})", style="bold"))
    for change in changes:
        out.print(Text(f"{_plain(change.path)} {change.kind}", style="bold"))
        if change.kind != "added":
            out.print(Text(f"  - {_words(change.before)}", style="red"))
        if change.kind != "removed":
            out.print(Text(f"  + {_words(change.after)}", style="green"))
    if not changes:
        out.print("they say the same")


def print_agreements(agreed: Sequence[Agreement]) -> None:
    """How often people agreed with the model, a row a finding."""
    table = Table()
    table.add_column("finding")
    for name in ("signed", "agreed", "share", "95 % interval", "decided by hand"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in agreed:
        share = "-" if each.share is None else f"{each.share:.2f}"
        interval = f"{each.low:.2f} to {each.high:.2f}"
        table.add_row(Text(_plain(each.finding)), str(each.count), str(each.agreed), share, interval, str(each.decided))
    if agreed:
        console().print(table)
    else:
        console().print("no signed report says anything of a finding yet")


def _findings(report: DraftReport) -> Table:
    table = Table()
    table.add_column("finding")
    for name in ("probability", "present from", "absent below"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for finding in report.findings:
        status = Text(finding.status, style=STATUS_COLOURS[finding.status])
        if finding.by != "model":
            status.append(f" ({_plain(finding.by)})")
        numbers = (f"{finding.probability:.2f}", f"{finding.threshold:.2f}", f"{finding.absent_below:.2f}")
        table.add_row(Text(_plain(finding.name)), *numbers, status)
    return table


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return _plain(str(value.get("text") or value))
    return _plain(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _plain(text: str) -> str:
    """Without what would steer a terminal or turn the direction of words."""
    return "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cf", "Cs"))


def _when(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%d %H:%M")
