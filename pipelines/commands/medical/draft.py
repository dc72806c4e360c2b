"""`trivium medical draft` and `worklist`: from studies to draft reports, and which to look at first."""

from __future__ import annotations

import time
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import click

from core.errors import InputError, TriviumError
from pipelines.cli import USER_ERROR_CODE, Session, pass_session
from pipelines.commands.medical import DOMAIN, FORMAT_NAMES, ID_DIGITS
from pipelines.commands.session_store import open_session_store
from pipelines.console import console, json_option, print_json

if TYPE_CHECKING:
    from domains.medical.config import MedicalSettings
    from domains.medical.drafting import Drafted

PLACE = click.Path(path_type=Path, exists=True)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command(
    epilog="\b\nExamples:\n  trivium medical draft study/ --record patient.json --out drafts/\n"
    "  trivium medical draft ct.zip --record labs.csv --symptoms 'cough for 5 days, fever'\n"
    "  trivium medical draft film.dcm --model lung-findings --format pdf --format sr --out drafts/ --json"
)
@click.argument("places", nargs=-1, required=True, type=PLACE, metavar="PLACE...")
@click.option("--record", "records", multiple=True, type=FILE, help="FHIR bundle, CSV of values, or text; may be given several times.")
@click.option("--symptoms", default="", metavar="WORDS", help="Symptoms and history in words.")
@click.option("--model", "models", multiple=True, type=FOLDER, help="Findings model to ask  [default: those of the configuration]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Also write each draft here.")
@click.option("--format", "formats", multiple=True, type=click.Choice(FORMAT_NAMES), help="What to write  [default: html and pdf]")
@json_option
@pass_session
def draft(
    session: Session,
    places: tuple[Path, ...],
    records: tuple[Path, ...],
    symptoms: str,
    models: tuple[Path, ...],
    out: Path | None,
    formats: tuple[str, ...],
    as_json: bool,
) -> None:
    """Draft a report of each study at PLACE: a DICOM file, a folder, a ZIP, or a PNG or JPEG with a .json beside it.

    Drafts are kept in the store and wait there for a person: `trivium medical reports list`. A place that cannot be read is named, the
    others are drafted all the same, and the exit code is 2.
    """
    from domains.medical.delivery import deliver
    from domains.medical.drafting import Drafting
    from domains.medical.policy import FindingsPolicy
    from pipelines.runs import configuration_of, versions
    from pipelines.sink import StoreSink

    settings = cast("MedicalSettings", session.settings.section(DOMAIN))
    if models:
        settings = settings.model_copy(update={"models": list(models)})
    told: list[dict[str, Any]] = []
    failed = 0
    with open_session_store(session) as store, Drafting(settings) as drafting:
        run_id = store.begin_run("draft", DOMAIN, f"{len(places)} places", configuration_of(settings), versions(), None)
        sink, policy = StoreSink(store, run_id), FindingsPolicy()
        for number, place in enumerate(places, start=1):
            try:
                for drafted in drafting.draft_place(place, records=records, texts=[symptoms] if symptoms else []):
                    deliver(drafted, sink, cast("Any", policy), time.time())
                    files = _written(drafted, out, formats or ("html", "pdf"), ZoneInfo(settings.timezone)) if out else {}
                    told.append(_told(drafted, files))
            except TriviumError as error:
                failed += 1
                click.echo(f"place {number}: {error}", err=True)
        store.finish_run(run_id, "failed" if failed else "done", {"reports": len(told), "failed": failed})
    if as_json:
        print_json(told)
    else:
        _show(told)
    if failed:
        click.get_current_context().exit(USER_ERROR_CODE)


@click.command(epilog="\b\nExamples:\n  trivium medical worklist > worklist.md\n  trivium medical worklist --limit 20")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Newest alerts that are looked at.")
@pass_session
def worklist(session: Session, limit: int) -> None:
    """Which studies to look at first, by what reached its threshold; a draft, in Markdown."""
    from core.store import AlertFilter
    from domains.medical.worklist import draft_worklist

    with open_session_store(session) as store:
        stored = store.alerts(AlertFilter(domain=DOMAIN, limit=limit))
    click.echo(draft_worklist([one.alert for one in stored]), nl=False)


def _written(drafted: Drafted, out: Path, formats: tuple[str, ...], zone: tzinfo) -> dict[str, str]:
    """Each format as a file named by the report's id."""
    from domains.medical.formats import FORMATS, write_as
    from domains.medical.sign_off import SignedState
    from pipelines.commands.medical.report_export import write_new

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be made: {error.strerror}; name another folder with --out") from error
    paths = {}
    for name in formats:
        path = out / f"{drafted.report.id[:ID_DIGITS]}{FORMATS[name].suffix}"
        content = write_as(name, drafted.report, SignedState(), drafted.file, zone)
        write_new(path, content, force=True)  # a draft's own name: nothing but itself can be there
        paths[name] = str(path)
    return paths


def _told(drafted: Drafted, files: dict[str, str]) -> dict[str, Any]:
    from domains.medical.policy import study_name

    report = drafted.report
    return {
        "report": report.id,
        "study": study_name(report.study_uid),
        "state": "draft",
        "findings": [{"name": f.name, "probability": round(f.probability, 4), "status": f.status.value} for f in report.findings],
        "checkpoint": report.checkpoint.name if report.checkpoint else None,
        "missing": list(report.missing),
        "notices": list(report.notices),
        "dropped": len(report.dropped),
        "files": files,
        "seconds": {name: round(value, 3) for name, value in drafted.seconds.items()},
    }


def _show(told: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = Table("report", "study", "findings", "missing", "seconds")
    for one in told:
        findings = ", ".join(f"{f['name']} {f['probability']:.2f} ({f['status']})" for f in one["findings"]) or "no model was asked"
        cells = (one["report"][:ID_DIGITS], one["study"], findings, "; ".join(one["missing"]), f"{one['seconds']['all']:.1f}")
        shown.add_row(*map(Text, cells))
    console().print(shown)
    for one in told:
        for path in one["files"].values():
            click.echo(f"look at  {path}")
        for notice in one["notices"]:
            click.echo(f"note     {notice}")
    if told:
        click.echo("DRAFT: a qualified person must review it. Next: trivium medical reports show " + told[0]["report"][:ID_DIGITS])
