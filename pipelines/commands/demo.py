"""`trivium demo`: the whole line on the sample films and the sample study, with pages to look at."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, cast

import click

from core.errors import InputError
from pipelines.cli import Session, pass_session

DRAFT_FILES = ("report.html", "report.pdf")
SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"


@click.command("demo", epilog="\b\nExamples:\n  trivium demo\n  trivium demo --out /tmp/look")
@click.option(
    "--out", default=Path("demo_output"), show_default=True, type=click.Path(path_type=Path, file_okay=False), help="Where the results go."
)
@click.option(
    "--samples", default=SAMPLES, type=click.Path(path_type=Path, file_okay=False), help="Films to judge  [default: those that come along]"
)
@pass_session
def demo(session: Session, out: Path, samples: Path) -> None:  # noqa: ARG001  a demo never touches the user's own store
    """Judge the sample films from decoding to stored alerts, draft the report of a sample study, and write pages to look at."""
    from core.registry import domain as find_domain
    from core.store import AlertFilter, open_store
    from domains.contract import Domain
    from pipelines.batch import analyse
    from pipelines.commands.medical.sample import draft_sample
    from pipelines.commands.showing import AnalysisProgress
    from pipelines.export import export_alerts

    films = samples / "surveillance"
    if not films.is_dir():
        raise InputError(f"no sample films at {films}: they come with the repository; name a folder with --samples")
    started_s = time.monotonic()
    domain = cast("Domain", find_domain("surveillance"))
    settings: Any = domain.settings()
    work, page_folder = out / "data", out / "page"
    _clear(work, "trivium.db")
    _clear(page_folder, "index.html")
    _clear(out / "drafts", DRAFT_FILES[0])
    store = open_store(f"sqlite:///{(work / 'trivium.db').absolute()}", work / "evidence")
    locations = domain.recordings(str(films))
    with AnalysisProgress(len(locations)) as show:
        for outcome in analyse(domain, locations, settings, store, work / "state", 2, show.progress):
            show.outcome(outcome, store)
    found = store.alerts(AlertFilter(limit=1000))
    drafts = draft_sample(samples / "medical", [out / "drafts" / name for name in DRAFT_FILES], store)
    store.close()
    notice = "The classifier was trained on 23 acted falls in three rooms: expect mistakes elsewhere."
    page = export_alerts(list(reversed(found)), page_folder, notice)
    click.echo(f"{len(found)} alerts from {len(locations)} films in {time.monotonic() - started_s:.0f} s")
    click.echo(f"look at   {page.absolute()}")
    for path in drafts:
        click.echo(f"look at   {path.absolute()}")
    click.echo(f"database  {(work / 'trivium.db').absolute()}")
    click.echo(f"evidence  {(work / 'evidence').absolute()}")


def _clear(folder: Path, proof: str) -> None:
    """Remove what an earlier demo left; nothing that somebody else put there."""
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / proof).is_file():
            raise InputError(f"{folder} holds something that is not of a demo; name another folder with --out")
        shutil.rmtree(folder)
