"""`trivium DOMAIN alerts`: list, show, export, mute, and keep the store within bounds."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pipelines.cli import Session, pass_session
from pipelines.commands.session_store import open_session_store
from pipelines.console import json_option

SPANS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Span(click.ParamType[float]):
    """A length of time such as 90s, 15m, 8h or 2d, in seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([smhd])", str(value))
        if match is None:
            self.fail(f"{value!r} is no span of time; write 90s, 15m, 8h or 2d", param, ctx)
        return float(match[1]) * SPANS_S[match[2]]


def alerts_group(domain: str) -> click.Group:
    """The alert commands of one domain."""
    examples = f"\b\nExamples:\n  trivium {domain} alerts list\n  trivium {domain} alerts export report/"
    group = click.Group("alerts", help="List, show, export and mute alerts.", epilog=examples)
    for make in (_list, _show, _export, _mute, _mutes, _unmute, _purge):
        group.add_command(make(domain))
    return group


def _list(domain: str) -> click.Command:
    @click.command(
        "list",
        epilog=f"\b\nExamples:\n  trivium {domain} alerts list --last 8h\n  trivium {domain} alerts list --source door --kind fall --json",
    )
    @click.option("--source", default=None, metavar="NAME")
    @click.option("--kind", default=None)
    @click.option("--way", default=None, type=click.Choice(["rule", "normality", "classifier", "health"]))
    @click.option("--last", type=Span(), default=None, help="Only from this long ago until now, such as 8h.")
    @click.option("--min-score", type=click.FloatRange(0, 1), default=None)
    @click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
    @json_option
    @pass_session
    def list_(
        session: Session,
        source: str | None,
        kind: str | None,
        way: str | None,
        last: float | None,
        min_score: float | None,
        limit: int,
        as_json: bool,
    ) -> None:
        """List alerts, newest first."""
        from core.store import AlertFilter

        since_wall_s = None if last is None else time.time() - last
        wanted = AlertFilter(domain=domain, source=source, kind=kind, way=way, since_wall_s=since_wall_s, min_score=min_score, limit=limit)
        with open_session_store(session) as store:
            found = store.alerts(wanted)
        if as_json:
            from pipelines.export import alert_as_json

            for stored in found:
                click.echo(json.dumps(alert_as_json(stored)))
            return
        from pipelines.commands.showing import print_alerts

        print_alerts(found)

    return list_


def _show(domain: str) -> click.Command:
    @click.command("show", epilog=f"\b\nExamples:\n  trivium {domain} alerts show 3fa9\n  trivium {domain} alerts show 3fa9 --json")
    @click.argument("alert_id", metavar="ID")
    @json_option
    @pass_session
    def show(session: Session, alert_id: str, as_json: bool) -> None:
        """Show one alert: why, how sure, and where its evidence lies. The first digits of the ID are enough."""

        with open_session_store(session) as store:
            stored = store.alert(alert_id)
        if as_json:
            from pipelines.export import alert_as_json

            click.echo(json.dumps(alert_as_json(stored)))
            return
        from pipelines.commands.showing import print_alert

        print_alert(stored)

    return show


def _export(domain: str) -> click.Command:
    @click.command(
        "export",
        epilog=f"\b\nExamples:\n  trivium {domain} alerts export out/ --last 1d\n  trivium {domain} alerts export out/ --source door",
    )
    @click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
    @click.option("--source", default=None, metavar="NAME")
    @click.option("--kind", default=None)
    @click.option("--last", type=Span(), default=None, help="Only from this long ago until now.")
    @click.option("--limit", default=1000, show_default=True, type=click.IntRange(1, 10_000))
    @pass_session
    def export(session: Session, folder: Path, source: str | None, kind: str | None, last: float | None, limit: int) -> None:
        """Copy alerts and their evidence into a folder: index.html to look at, alerts.jsonl for programs."""
        from core.store import AlertFilter
        from pipelines.export import export_alerts

        since_wall_s = None if last is None else time.time() - last
        with open_session_store(session) as store:
            found = store.alerts(AlertFilter(domain=domain, source=source, kind=kind, since_wall_s=since_wall_s, limit=limit))
            page = export_alerts(found, folder)
        click.echo(f"{len(found)} alerts: look at {page}")

    return export


def _mute(domain: str) -> click.Command:
    @click.command(
        "mute",
        epilog=f"\b\nExamples:\n  trivium {domain} alerts mute --source yard --kind rule:dog --for 8h\n"
        f"  trivium {domain} alerts mute --kind unusual --for 2d",
    )
    @click.option("--source", default=None, metavar="NAME", help="Only this source.")
    @click.option("--kind", default=None, help="Only this kind.")
    @click.option("--for", "span_s", required=True, type=Span(), help="How long, such as 8h.")
    @click.option("--note", default="", help="Why.")
    @pass_session
    def mute(session: Session, source: str | None, kind: str | None, span_s: float, note: str) -> None:
        """Raise no alerts of a source or a kind for a while; running watchers heed it within a second."""

        if source is None and kind is None:
            raise click.UsageError("name a --source, a --kind or both")
        with open_session_store(session) as store:
            made = store.mute(source, kind, time.time() + span_s, note)
        until = datetime.fromtimestamp(made.until_wall_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
        click.echo(f"muted until {until}; end it with: trivium {domain} alerts unmute {made.id}")

    return mute


def _mutes(domain: str) -> click.Command:
    @click.command("mutes", epilog=f"\b\nExamples:\n  trivium {domain} alerts mutes --json")
    @json_option
    @pass_session
    def mutes(session: Session, as_json: bool) -> None:
        """What is muted now."""

        with open_session_store(session) as store:
            found = store.mutes(time.time())
        for mute in found:
            until = datetime.fromtimestamp(mute.until_wall_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
            row = f"{mute.id}  source {mute.source or 'any'}  kind {mute.kind or 'any'}  until {until}  {mute.note}"
            click.echo(json.dumps(asdict(mute)) if as_json else row)
        if not found and not as_json:
            click.echo("nothing is muted")

    return mutes


def _unmute(domain: str) -> click.Command:
    @click.command("unmute", epilog=f"\b\nExamples:\n  trivium {domain} alerts unmute 3")
    @click.argument("mute_id", type=int, metavar="NUMBER")
    @pass_session
    def unmute(session: Session, mute_id: int) -> None:
        """End a mute now."""

        with open_session_store(session) as store:
            store.unmute(mute_id)
        click.echo(f"mute {mute_id} ended")

    return unmute


def _purge(domain: str) -> click.Command:
    @click.command(
        "purge", epilog=f"\b\nExamples:\n  trivium {domain} alerts purge --older-than 30d\n  trivium {domain} alerts purge --max-gb 50"
    )
    @click.option("--older-than", type=Span(), default=None, help="Remove alerts older than this, such as 30d.")
    @click.option("--max-gb", type=click.FloatRange(min=0), default=None, help="Keep at most this much evidence; the oldest goes first.")
    @json_option
    @pass_session
    def purge(session: Session, older_than: float | None, max_gb: float | None, as_json: bool) -> None:
        """Remove what is too old or too much; without options, what the configuration's store section says."""
        from core.store import RetentionPolicy

        configured = session.settings.store
        age_s = older_than if older_than is not None else configured.max_age_days and configured.max_age_days * SPANS_S["d"]
        size_gb = max_gb if max_gb is not None else configured.max_gb
        with open_session_store(session) as store:
            report = store.purge(RetentionPolicy(max_age_s=age_s, max_bytes=None if size_gb is None else int(size_gb * 1e9)))
        if as_json:
            click.echo(json.dumps(asdict(report)))
        else:
            click.echo(
                f"removed {report.alerts} alerts, {report.evidence} pieces of evidence, {report.files} files ({report.bytes / 1e6:.1f} MB)"
            )

    return purge
