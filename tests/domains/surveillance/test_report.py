"""The incident report is a DRAFT, and each statement names what carries it."""

from __future__ import annotations

from core.alerts import Alert, AlertState
from domains.surveillance.report import draft_report


def alert(number: int, kind: str, start_s: float) -> Alert:
    return Alert(
        id=f"{number:032x}"[::-1],
        domain="surveillance",
        source="hall",
        kind=kind,
        way="rule",
        state=AlertState.CLOSED,
        start_s=start_s,
        end_s=start_s + 2,
        wall_start_s=1_700_000_000.0 + start_s,
        wall_end_s=None,
        score=1.0,
        reason=f"a {kind} was seen",
        contributions={"video": 1.0},
    )


def test_every_statement_of_a_report_names_its_alerts() -> None:
    report = draft_report([alert(2, "fall", 9.0), alert(1, "person", 3.0)])

    assert "DRAFT" in report
    statements = [line for line in report.splitlines() if line.startswith("- ")]
    assert len(statements) == 4
    assert all(line.endswith("]") for line in statements)
    assert statements[2].startswith("- 2023-11-14 22:13:23 UTC, hall: a person was seen (score 1.00; video 100%)")


def test_a_quiet_time_is_a_draft_too() -> None:
    assert "DRAFT" in draft_report([])
    assert "No alert was raised." in draft_report([])
