"""`trivium medical audit`: who did what to which report, and whether the trail of it is whole."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from pipelines.cli import USER_ERROR_CODE, Session, pass_session
from pipelines.commands.session_store import open_session_store
from pipelines.console import json_option, print_json


@click.group(epilog="\b\nExamples:\n  trivium medical audit show --report 3fa9\n  trivium medical audit verify")
def audit() -> None:
    """Who did what, when; and whether the trail of it is whole."""


@audit.command(
    epilog="\b\nExamples:\n  trivium medical audit show --who m.chen\n  trivium medical audit show --action report.signed --json"
)
@click.option("--report", "report_id", default=None, metavar="ID", help="Only what was done to this report; its first digits are enough.")
@click.option("--person", default=None, metavar="NAME", help="Only what was done to this person's roles and password.")
@click.option("--who", default=None, metavar="NAME", help="Only what this person did.")
@click.option("--action", default=None, metavar="WORD", help="Only this, such as report.signed.")
@click.option("--before", default=None, type=click.IntRange(min=1), metavar="NUMBER", help="Only older entries than this one.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@json_option
@pass_session
def show(
    session: Session,
    report_id: str | None,
    person: str | None,
    who: str | None,
    action: str | None,
    before: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the audit trail, newest first."""
    from core.store import AuditFilter

    if report_id is not None and person is not None:
        raise click.UsageError("give --report or --person, not both")
    with open_session_store(session) as store:
        subject = person if report_id is None else store.report(report_id).id
        entries = store.audit_entries(AuditFilter(who=who, action=action, subject=subject, before=before, limit=limit))
    for entry in entries:
        if as_json:
            click.echo(json.dumps(asdict(entry)))
        else:
            when = datetime.fromtimestamp(entry.at_wall_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
            version = f" version {entry.details['version']}" if "version" in entry.details else ""
            click.echo(f"{entry.number:>6}  {when} UTC  {entry.who}  {entry.action}  {entry.subject[:16]}{version}")
    if not entries and not as_json:
        click.echo("no entries")


@audit.command(epilog="\b\nExamples:\n  trivium medical audit verify\n  trivium medical audit verify --expect 812:9f3c...")
@click.option("--expect", default=None, metavar="NUMBER:SHA256", help="What an earlier check printed: shows entries cut off the end since.")
@json_option
@pass_session
def verify(session: Session, expect: str | None, as_json: bool) -> None:
    """Check every entry against the one before, and every version of a report against its entry.

    The exit code is 2 where something does not hold. Keep the printed NUMBER:SHA256 somewhere else, and give it back with
    --expect later: a trail that was cut at its end is whole in itself.
    """
    with open_session_store(session) as store:
        checked = store.verify_audit(expect)
    is_whole = checked.broken is None and not checked.missing_guards
    if as_json:
        print_json({**asdict(checked), "anchor": checked.anchor, "ok": is_whole})
    elif checked.broken is not None:
        click.echo(f"trivium: error: entry {checked.broken} {checked.problem}; the {checked.entries} before it hold", err=True)
    else:
        click.echo(f"{checked.entries} entries hold; keep this elsewhere: {checked.anchor}")
    if checked.missing_guards and not as_json:
        click.echo(f"trivium: error: the database's guards are gone: {', '.join(checked.missing_guards)}", err=True)
    if not is_whole:
        click.get_current_context().exit(USER_ERROR_CODE)
