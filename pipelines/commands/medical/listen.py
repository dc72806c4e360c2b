"""`trivium medical listen` and `pull`: studies come over the network and become drafts."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from core.errors import ConfigError
from pipelines.cli import Session, pass_session
from pipelines.commands.medical import DOMAIN, ID_DIGITS
from pipelines.commands.session_store import open_session_store
from pipelines.console import console, json_option, print_json

if TYPE_CHECKING:
    from rich.table import Table

    from core.store import Store
    from domains.medical.config import MedicalSettings
    from domains.medical.drafting import Drafted
    from domains.medical.receiving.listener import Listener
    from domains.medical.receiving.settings import ReceivingSettings

RECEIVED = "received"  # folder of the objects, in the data folder
SHOWN_S = 0.5


@click.command(
    epilog="\b\nExamples:\n  trivium medical listen\n  trivium medical listen --host 0.0.0.0 --aet TRIVIUM --caller CT1 --caller CT2\n"
    "  trivium medical listen --json --for 60"
)
@click.option("--host", default=None, metavar="ADDRESS", help="Address to listen at; 0.0.0.0 is every network.  [default: 127.0.0.1]")
@click.option("--port", default=None, type=click.IntRange(0, 65_535), help="Port; 0 takes a free one.  [default: 11112]")
@click.option("--aet", "ae_title", default=None, metavar="TITLE", help="Our application entity title.  [default: TRIVIUM]")
@click.option("--caller", "callers", multiple=True, metavar="TITLE", help="Only this title may send; may be given several times.")
@click.option("--for", "for_s", default=None, type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="End after so long.")
@json_option
@pass_session
def listen(
    session: Session, host: str | None, port: int | None, ae_title: str | None, callers: tuple[str, ...], for_s: float | None, as_json: bool
) -> None:
    """Listen for DICOM associations (C-ECHO, C-STORE, storage commitment) and draft each study once it is whole.

    Senders are told of success once an object is on the disk and in the index. TLS, time limits and bounds are in the configuration,
    under medical.listen. End it with Ctrl-C: what is not drafted yet is drafted at the next start.
    """
    from domains.medical.receiving.listener import Listener
    from pipelines.watch import stopping_on_signals

    settings = cast("MedicalSettings", session.settings.section(DOMAIN))
    receiving = _receiving(settings, host, port, ae_title, callers)
    say = _Lines() if as_json else _News()
    with open_session_store(session) as store, _drafter(store, settings, say.draft) as on_study:
        listener = Listener(receiving, store, session.settings.data_folder / RECEIVED, on_study, say.event)
        listener.start()
        try:
            say.begin(receiving, listener.port)
            ended = threading.Event()
            with stopping_on_signals(ended):
                say.show(listener, ended, for_s)
        finally:
            listener.stop()
            say.end(listener)


@click.command(
    epilog="\b\nExamples:\n  trivium medical pull http://127.0.0.1:8042/dicom-web --study 1.2.840.113619.2.1\n"
    "  trivium medical pull https://pacs.example/dicom-web --query PatientID=4711 --query StudyDate=20260101- --json"
)
@click.argument("url")
@click.option("--study", "study_uid", default="", metavar="UID", help="Study instance UID.")
@click.option("--query", "queries", multiple=True, metavar="KEYWORD=VALUE", help="Search; may be given several times.")
@click.option("--no-draft", is_flag=True, help="Only fetch; the listener drafts it when it starts next.")
@json_option
@pass_session
def pull(session: Session, url: str, study_uid: str, queries: tuple[str, ...], no_draft: bool, as_json: bool) -> None:
    """Fetch studies from a DICOMweb service at URL and draft them.

    A login is taken from TRIVIUM_DICOMWEB_USER and TRIVIUM_DICOMWEB_PASSWORD, or from TRIVIUM_DICOMWEB_TOKEN.
    """
    from domains.medical.policy import study_name
    from domains.medical.receiving.dicomweb import pull as fetch

    if bool(study_uid) == bool(queries):
        raise click.UsageError("give either --study or --query")
    query = dict(_pair(text) for text in queries)
    settings = cast("MedicalSettings", session.settings.section(DOMAIN))
    say = _Lines() if as_json else _News()
    with open_session_store(session) as store, _drafter(store, settings, lambda _: None) as on_study:
        folder = session.settings.data_folder / RECEIVED
        found = fetch(url, store, folder, study_uid=study_uid, query=query, on_study=None if no_draft else on_study)
    told = [
        {
            "study": study_name(each.study_uid),
            "objects": each.objects,
            "duplicates": each.duplicates,
            "conflicts": each.conflicts,
            "bytes": each.bytes,
            "seconds": round(each.took_s, 3),
        }
        for each in found
    ]
    if isinstance(say, _Lines):
        print_json(told)
        return
    for one in told:
        console().print(f"{one['study']}: {one['objects']} new objects, {one['duplicates']} known ones, in {one['seconds']:.1f} s")
    console().print("Next: trivium medical " + ("listen" if no_draft else "reports list"))


def _pair(text: str) -> tuple[str, str]:
    keyword, equals, value = text.partition("=")
    if not equals or not keyword.isalnum():
        raise click.UsageError("--query is written KEYWORD=VALUE, such as PatientID=4711")
    return keyword, value


def _receiving(
    settings: MedicalSettings, host: str | None, port: int | None, ae_title: str | None, callers: tuple[str, ...]
) -> ReceivingSettings:
    """The configured listener, changed by what the command line says."""
    from pydantic import ValidationError

    from domains.medical.receiving.settings import ReceivingSettings

    configured = (settings.listen or ReceivingSettings()).model_dump()
    said: dict[str, Any] = {"host": host, "port": port, "ae_title": ae_title, "callers": list(callers) or None}
    try:
        return ReceivingSettings.model_validate({**configured, **{name: value for name, value in said.items() if value is not None}})
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"the listener cannot be set up so: {'.'.join(map(str, first['loc']))}: {first['msg']}; see --help") from None


@contextmanager
def _drafter(store: Store, settings: MedicalSettings, tell: Callable[[Drafted], None]) -> Iterator[Callable[[str, tuple[Path, ...]], None]]:
    """What drafts a study, for the length of a command; the run it belongs to is noted."""
    from domains.medical.drafting import Drafting
    from domains.medical.policy import FindingsPolicy
    from domains.medical.receiving.drafted import drafter
    from pipelines.runs import configuration_of, versions
    from pipelines.sink import StoreSink

    run_id = store.begin_run("listen", DOMAIN, "received studies", configuration_of(settings), versions(), None)
    sink = StoreSink(store, run_id)
    outcome = "failed"
    try:
        with Drafting(settings) as drafting:
            yield drafter(drafting, settings, sink, cast("Any", FindingsPolicy()), tell)
        outcome = "done"
    finally:
        store.finish_run(run_id, outcome, {"reports": sink.drafted})


class _Lines:
    """One JSON object a line, for programs."""

    def begin(self, receiving: ReceivingSettings, port: int) -> None:
        self._say("listening", {"host": receiving.host, "port": port, "ae_title": receiving.ae_title, "tls": receiving.tls is not None})

    def event(self, event: str, details: dict[str, object]) -> None:
        self._say(event, _without_uid(details))

    def draft(self, drafted: Drafted) -> None:
        from domains.medical.policy import study_name

        self._say("draft", {"report": drafted.report.id, "study": study_name(drafted.report.study_uid)})

    def show(self, _listener: Listener, ended: threading.Event, for_s: float | None) -> None:
        ended.wait(for_s)

    def end(self, listener: Listener) -> None:
        self._say("ended", _counts(listener))

    @staticmethod
    def _say(event: str, details: dict[str, object]) -> None:
        print(json.dumps({"event": event, "wall_s": round(time.time(), 3), **details}), flush=True)


class _News:
    """A table that is kept up to date, for people."""

    def __init__(self) -> None:
        self._last = ""
        self._seen: tuple[float, int] = (time.monotonic(), 0)
        self._rate = 0.0

    def begin(self, receiving: ReceivingSettings, port: int) -> None:
        who = "anyone who reaches the port" if receiving.callers is None else ", ".join(receiving.callers)
        console().print(
            f"{receiving.ae_title} listens at {receiving.host}:{port}, {'by TLS' if receiving.tls else 'unencrypted'}; {who} may send"
        )

    def event(self, event: str, details: dict[str, object]) -> None:
        if event == "study" and details["error"]:
            self._last = f"failed: {details['error']}"

    def draft(self, drafted: Drafted) -> None:
        self._last = f"{drafted.report.id[:ID_DIGITS]} at {time.strftime('%H:%M:%S')}"

    def show(self, listener: Listener, ended: threading.Event, for_s: float | None) -> None:
        from rich.live import Live

        until_s = None if for_s is None else time.monotonic() + for_s
        with Live(self._table(listener), console=console(), auto_refresh=False) as live:
            while not ended.wait(SHOWN_S if until_s is None else max(0.0, min(SHOWN_S, until_s - time.monotonic()))):
                live.update(self._table(listener), refresh=True)
                if until_s is not None and time.monotonic() >= until_s:
                    return

    def end(self, listener: Listener) -> None:
        counts = _counts(listener)
        console().print(
            f"{counts['objects']} objects of {counts['studies']} studies received; {counts['waiting']} are drafted at the next start"
        )

    def _table(self, listener: Listener) -> Table:
        from rich.table import Table

        status = listener.status()
        taken, now_s = status.objects + status.duplicates + status.conflicts, time.monotonic()
        if now_s - self._seen[0] >= 1.0:
            self._rate = (taken - self._seen[1]) / (now_s - self._seen[0])
            self._seen = now_s, taken
        table = Table("associations", "objects", "a second", "known", "contradicting", "refused", "turned away", "studies", "last draft")
        table.add_row(
            str(status.associations),
            str(status.objects),
            f"{self._rate:.0f}",
            str(status.duplicates),
            str(status.conflicts),
            str(status.refused),
            str(status.rejected),
            f"{status.studies} ({status.waiting} coming)",
            self._last,
        )
        return table


def _counts(listener: Listener) -> dict[str, object]:
    status = listener.status()
    names = ("objects", "duplicates", "conflicts", "refused", "bytes", "rejected", "waiting", "studies", "failed")
    return {name: getattr(status, name) for name in names}


def _without_uid(details: dict[str, object]) -> dict[str, object]:
    """A study by the name that lists have for it."""
    from domains.medical.policy import study_name

    return {**details, "study": study_name(str(details["study"]))} if "study" in details else details
