"""`trivium medical reports`: read drafts, correct them, sign them, amend what is signed, and write any version out."""

from __future__ import annotations

import json
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.errors import InputError
from pipelines.cli import Session, pass_session
from pipelines.commands.medical import DOMAIN, FORMAT_NAMES
from pipelines.commands.medical.audit import audit
from pipelines.commands.passwords import by_option, password_file_option, read_password, shell_user
from pipelines.commands.session_store import open_session_store
from pipelines.console import json_option, print_json

if TYPE_CHECKING:
    from core.store import ReportVersion, Store
    from domains.medical.editing import Edit
    from domains.medical.report import DraftReport

__all__ = ["audit", "reports"]

STATES = ("draft", "final", "amended")
SECTIONS = ("indication", "technique", "comparison", "findings", "impression")
MAX_FILE_BYTES = 16_000_000

version_option = click.option(
    "--version", "number", default=None, type=click.IntRange(min=1), help="The version that you have read  [default: the newest]"
)


@click.group(
    epilog="\b\nExamples:\n  trivium medical reports list --state draft\n  trivium medical reports sign 3fa9 --by m.chen\n"
    "  trivium medical reports export 3fa9 --format pdf",
)
def reports() -> None:
    """Read, correct, sign, amend and export reports. Nothing is final without a person, and nothing is ever overwritten."""


@reports.command("list", epilog="\b\nExamples:\n  trivium medical reports list --state draft\n  trivium medical reports list --json")
@click.option("--state", type=click.Choice(STATES), default=None)
@click.option("--study", default=None, metavar="UID", help="Only reports on this study.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--after", default=None, metavar="CURSOR", help="Go on after this one, as --json prints it.")
@json_option
@pass_session
def list_(session: Session, state: str | None, study: str | None, limit: int, after: str | None, as_json: bool) -> None:
    """List reports, newest first."""
    from core.store import ReportFilter, ReportState
    from pipelines.commands.medical.report_showing import print_reports

    wanted = ReportFilter(DOMAIN, subject=study, state=None if state is None else ReportState(state), limit=limit, after=after)
    with open_session_store(session) as store:
        found = store.reports(wanted)
    if not as_json:
        print_reports(found)
        return
    for report in found:
        line = {"id": report.id, "study_uid": report.subject, "state": report.state, "version": report.version}
        line |= {"version_state": report.version_state, "created_wall_s": report.created_wall_s, "cursor": report.cursor}
        click.echo(json.dumps(line))


@reports.command(epilog="\b\nExamples:\n  trivium medical reports show 3fa9\n  trivium medical reports show 3fa9 --json > edited.json")
@click.argument("report_id", metavar="ID")
@version_option
@json_option
@pass_session
def show(session: Session, report_id: str, number: int | None, as_json: bool) -> None:
    """Show a report: its sentences with what they rest on, its findings, its versions. The first digits of the ID are enough."""
    from pipelines.commands.medical.report_showing import print_report

    with open_session_store(session) as store:
        head, versions = _read(store, report_id, "report.shown")
    version = _chosen(versions, number)
    if as_json:
        print_json(_version_as_json(version) | {"report_state": head, "versions": [_summary(each) for each in versions]})
    else:
        print_report(_report(version), version, versions)


@reports.command(
    epilog="\b\nExamples:\n  trivium medical reports edit 3fa9 --by m.chen --finding effusion=absent --remove s4\n"
    "  trivium medical reports edit 3fa9 --by m.chen --sentence s2 --text 'Heart of normal size.'\n"
    "  trivium medical reports edit 3fa9 --by m.chen --file edited.json",
)
@click.argument("report_id", metavar="ID")
@click.option("--sentence", default=None, metavar="ID", help="Change this sentence to --text.")
@click.option("--add", "section", type=click.Choice(SECTIONS), default=None, help="Add --text at the end of this section.")
@click.option("--text", default=None, help="The words for --sentence or --add.")
@click.option("--remove", multiple=True, metavar="ID", help="Remove this sentence; may be given several times.")
@click.option("--finding", multiple=True, metavar="NAME=present|absent", help="Decide a finding; may be given several times.")
@click.option(
    "--file", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None, help="What `show --json` printed, edited."
)
@click.option("--why", default="", help="The reason, kept with the version.")
@version_option
@by_option
@password_file_option
@json_option
@pass_session
def edit(
    session: Session,
    report_id: str,
    sentence: str | None,
    section: str | None,
    text: str | None,
    remove: tuple[str, ...],
    finding: tuple[str, ...],
    file: Path | None,
    why: str,
    number: int | None,
    by: str,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Correct a draft, or an amendment that is not signed yet. What you write bears your name; the version before stays."""
    from domains.medical.editing import edited, edited_by_file

    step = _edit(sentence, section, text, remove, finding)
    if (file is None) == (step is None):
        raise click.UsageError("say what to change: --sentence, --add, --remove and --finding, or --file alone")
    with open_session_store(session) as store:
        person = store.check_password(by, read_password(f"Password of {by}", password_file))
        if step is not None:
            version = _medical_version(store, report_id, number)
            body = edited(_report(version), step, person.name, version.number + 1)
        else:
            assert file is not None
            told, wanted = _edited_file(file)
            version = _medical_version(store, report_id, number or told)
            body = edited_by_file(_report(version), wanted, person.name)
        kept = store.edit(version.report_id, version.number, body.model_dump(mode="json"), person, why)
    _tell(kept, f"report {kept.report_id[:8]} now has version {kept.number}, {kept.state}", as_json)


@reports.command(epilog="\b\nExamples:\n  trivium medical reports sign 3fa9 --by m.chen")
@click.argument("report_id", metavar="ID")
@click.option("--leave-undecided", is_flag=True, help="Sign although findings are left that the model was not sure of.")
@click.option("--note", default="", help="A remark, kept with the version.")
@version_option
@by_option
@password_file_option
@json_option
@pass_session
def sign(
    session: Session,
    report_id: str,
    leave_undecided: bool,
    note: str,
    number: int | None,
    by: str,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Make a report final, or its amendment. It takes the role signer and your password, now."""
    from domains.medical.sign_off import stored_report, unresolved

    def check(body: Any) -> tuple[str, ...]:
        return unresolved(stored_report(body), may_stay_undecided=leave_undecided)

    with open_session_store(session) as store:
        version = _medical_version(store, report_id, number)
        password = read_password(f"Password of {by}, to sign version {version.number} of report {version.report_id[:8]}", password_file)
        kept = store.sign(version.report_id, version.number, by, password, check, note)
    _tell(kept, f"report {kept.report_id[:8]} is {kept.state}: version {kept.number}, signed by {kept.by}", as_json)


@reports.command(epilog="\b\nExamples:\n  trivium medical reports amend 3fa9 --by m.chen --why 'wrong side'")
@click.argument("report_id", metavar="ID")
@click.option("--why", required=True, help="The reason, kept with the version.")
@version_option
@by_option
@password_file_option
@json_option
@pass_session
def amend(session: Session, report_id: str, why: str, number: int | None, by: str, password_file: Path | None, as_json: bool) -> None:
    """Open a signed report for an amendment: then edit and sign again. The signed version stays valid meanwhile, and stays for ever."""
    with open_session_store(session) as store:
        person = store.check_password(by, read_password(f"Password of {by}", password_file))
        version = _medical_version(store, report_id, number)
        kept = store.amend(version.report_id, version.number, person, why)
    _tell(kept, f"report {kept.report_id[:8]} has version {kept.number}, {kept.state}; edit it, then sign it", as_json)


@reports.command(epilog="\b\nExamples:\n  trivium medical reports diff 3fa9\n  trivium medical reports diff 3fa9 1 4 --json")
@click.argument("report_id", metavar="ID")
@click.argument("before", type=click.IntRange(min=1), required=False)
@click.argument("after", type=click.IntRange(min=1), required=False)
@json_option
@pass_session
def diff(session: Session, report_id: str, before: int | None, after: int | None, as_json: bool) -> None:
    """What two versions say differently, sentence by sentence; without numbers, the first and the newest."""
    from core.store.json_diff import changes_between
    from pipelines.commands.medical.report_showing import print_changes

    with open_session_store(session) as store:
        _, versions = _read(store, report_id, "report.shown")
    old, new = _chosen(versions, before or 1), _chosen(versions, after)
    changes = changes_between(old.body, new.body)
    if as_json:
        shown = [{"path": c.path, "kind": c.kind, "before": c.before, "after": c.after} for c in changes]
        print_json({"report": old.report_id, "before": old.number, "after": new.number, "changes": shown})
    else:
        print_changes(old, new, changes)


@reports.command(
    epilog="\b\nExamples:\n  trivium medical reports export 3fa9 --format pdf\n"
    "  trivium medical reports export 3fa9 --format sr --final --out report.dcm",
)
@click.argument("report_id", metavar="ID")
@click.option("--format", "format_name", type=click.Choice(FORMAT_NAMES), default="pdf", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="The file  [default: named after the report]")
@click.option("--final", "is_final", is_flag=True, help="Only as it was signed; refused where nobody has.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--version", "number", default=None, type=click.IntRange(min=1), help="[default: the newest signed one, else the draft]")
@json_option
@pass_session
def export(
    session: Session, report_id: str, format_name: str, out: Path | None, is_final: bool, force: bool, number: int | None, as_json: bool
) -> None:
    """Write a version to a file. One that is not signed says DRAFT in every format."""
    from domains.medical.formats import FORMATS, write_as
    from domains.medical.sign_off import UNSIGNED, signed_state
    from pipelines.commands.medical.report_export import write_new

    with open_session_store(session) as store:
        _, versions = _read(store, report_id, None)
        signed = [version.number for version in versions if version.state.is_signed]
        version = _chosen(versions, number or (signed[-1] if signed else None))
        short = version.report_id[:8]
        if is_final and not version.state.is_signed:
            raise InputError(f"version {version.number} of report {short} is not signed: {UNSIGNED}; sign it, or export the draft")
        names = {person.name: person.display_name for person in store.people()}
        state = signed_state(versions, version.number, names)
        content = write_as(
            format_name, _report(version), state, lambda sha256: store.read_report_file(version.report_id, sha256), _zone(session)
        )
        path = out or Path(f"report-{short}-v{version.number}{FORMATS[format_name].suffix}")
        store.record(shell_user(), "report.exported", version.report_id, {"version": version.number, "format": format_name})
        write_new(path, content, force=force)
    word = state.state if state.is_signed else "DRAFT"
    if as_json:
        print_json({"report": version.report_id, "version": version.number, "state": state.state, "file": str(path), "bytes": len(content)})
    else:
        click.echo(f"{path}: version {version.number}, {word}")


@reports.command(
    epilog="\b\nExamples:\n  trivium medical reports labels labels.csv\n  trivium medical reports labels labels.csv --signed-too"
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--signed-too", is_flag=True, help="Also what signers left as the model had it: weaker labels.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@json_option
@pass_session
def labels(session: Session, file: Path, signed_too: bool, force: bool, as_json: bool) -> None:
    """Write what people decided as labels to train on, and print how often they agreed with the model.

    Only signed reports count, each with its newest signed version. The FILE has the columns study_uid, finding, label, how, model,
    probability.
    """
    from domains.medical.feedback import agreements, as_csv, labels_of
    from pipelines.commands.medical.report_export import signed_bodies, write_new
    from pipelines.commands.medical.report_showing import print_agreements

    with open_session_store(session) as store:
        found = labels_of(signed_bodies(store, DOMAIN))
        rows = found if signed_too else [label for label in found if label.how == "decided"]
        store.record(shell_user(), "labels.exported", DOMAIN, {"labels": len(rows)})
        write_new(file, as_csv(rows).encode(), force=force)
    agreed = agreements(found)
    if as_json:
        shown = [{**{n: getattr(a, n) for n in ("finding", "count", "agreed", "decided", "low", "high")}, "share": a.share} for a in agreed]
        print_json({"file": str(file), "labels": len(rows), "agreement": shown})
    else:
        print_agreements(agreed)
        click.echo(f"{len(rows)} labels in {file}")


def _edit(sentence: str | None, section: str | None, text: str | None, remove: tuple[str, ...], finding: tuple[str, ...]) -> Edit | None:
    """The options as steps, or None where there are none.

    Raises:
        click.UsageError: they do not go together.
    """
    from domains.medical.editing import Edit
    from domains.medical.report import Section, Status

    if (text is not None) != ((sentence is not None) + (section is not None) == 1):
        raise click.UsageError("--text goes with one --sentence or one --add")
    decided = {}
    for word in finding:
        name, _, status = word.rpartition("=")
        if not name or status not in ("present", "absent"):
            raise click.UsageError(f"{word[:80]!r} is no decision; write --finding NAME=present or NAME=absent")
        decided[name] = Status(status)
    if not (decided or remove or text is not None):
        return None
    changed = {} if sentence is None or text is None else {sentence: text}
    added = () if section is None or text is None else ((Section(section), text),)
    return Edit(decided, remove, changed, added)


def _edited_file(file: Path) -> tuple[int | None, DraftReport]:
    """The version that a file was made from, if it says so, and the report in it.

    Raises:
        InputError: it is too large, or no report.
    """
    from domains.medical.sign_off import stored_report

    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise InputError(f"{file} has more than {MAX_FILE_BYTES} bytes; give what `show --json` printed, edited")
        value = json.loads(content)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read as JSON; give what `show --json` printed, edited") from error
    if not isinstance(value, dict):
        raise InputError(f"{file} is no report; give what `show --json` printed, edited")
    number = value.get("version")
    body = value.get("body", value)
    if not isinstance(body, dict):
        raise InputError(f"{file} has no report in its body; give what `show --json` printed, edited")
    return (number if isinstance(number, int) and number > 0 else None), stored_report(body)


def _read(store: Store, report_id: str, action: str | None) -> tuple[str, list[ReportVersion]]:
    """A report's state and versions; the audit trail is told who looked, unless a better entry follows."""
    head = store.report(report_id)
    if head.domain != DOMAIN:
        raise InputError(f"report {head.id[:8]} is of the domain {head.domain}, not {DOMAIN}")
    if action is not None:
        store.record(shell_user(), action, head.id)
    return head.state, store.versions(head.id)


def _medical_version(store: Store, report_id: str, number: int | None) -> ReportVersion:
    head = store.report(report_id)
    if head.domain != DOMAIN:
        raise InputError(f"report {head.id[:8]} is of the domain {head.domain}, not {DOMAIN}")
    return store.version(head.id, number)


def _chosen(versions: list[ReportVersion], number: int | None) -> ReportVersion:
    if number is None:
        return versions[-1]
    if number > len(versions):
        raise InputError(f"report {versions[0].report_id[:8]} has no version {number}; its versions go from 1 to {len(versions)}")
    return versions[number - 1]


def _report(version: ReportVersion) -> DraftReport:
    from domains.medical.sign_off import stored_report

    return stored_report(version.body)


def _zone(session: Session) -> tzinfo:
    from zoneinfo import ZoneInfo

    name = getattr(getattr(session.settings, DOMAIN, None), "timezone", None)
    return UTC if name is None else ZoneInfo(name)


def _summary(version: ReportVersion) -> dict[str, object]:
    names = ("number", "state", "by", "at_wall_s", "reason", "previous", "sha256")
    return {name: getattr(version, name) for name in names}


def _version_as_json(version: ReportVersion) -> dict[str, object]:
    return {"report": version.report_id, "version": version.number, **_summary(version), "body": version.body}


def _tell(kept: ReportVersion, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json({"report": kept.report_id, "version": kept.number, **_summary(kept)})
    else:
        click.echo(sentence)
