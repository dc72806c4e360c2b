"""`trivium doctor`: say what is installed, found and reachable."""

from __future__ import annotations

from dataclasses import asdict

import click

from pipelines.cli import Session, pass_session
from pipelines.console import console, json_option, print_json

STYLES = {"good": "green", "note": "dim", "warning": "yellow", "broken": "bold red"}


@click.command(
    epilog="""
\b
Examples:
  trivium doctor
  trivium doctor --no-cameras --json
  trivium --config site.yaml doctor
"""
)
@click.option("--no-cameras", is_flag=True, help="Ask no camera.")
@json_option
@pass_session
def doctor(session: Session, no_cameras: bool, as_json: bool) -> None:
    """Say what is installed, which weights are found, which cameras answer; exit code 1 where something needed is broken."""
    from pipelines.checkup import examine

    findings = list(examine(lambda: session.configuration, with_sources=not no_cameras))
    is_broken = any(finding.state == "broken" for finding in findings)
    if as_json:
        print_json({"ok": not is_broken, "findings": [asdict(finding) for finding in findings]})
    else:
        from rich.markup import escape
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for heading in ("", "what", "which", ""):
            table.add_column(heading, overflow="fold")
        for finding in findings:
            table.add_row(f"[{STYLES[finding.state]}]{finding.state}", finding.subject, escape(finding.name), escape(finding.text))
        console().print(table)
    if is_broken:
        raise click.exceptions.Exit(1)
