"""The commands that every domain has, made for one domain by its name: analyse, watch, alerts, train, evaluate, report."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from core.errors import ConfigError
from core.registry import domain as find_domain
from pipelines.cli import USER_ERROR_CODE, Session, pass_session
from pipelines.commands.alerts import alerts_group
from pipelines.commands.session_store import open_session_store
from pipelines.console import json_option

if TYPE_CHECKING:
    from domains.contract import Domain

threads_option = click.option(
    "--threads", default=2, show_default=True, type=click.IntRange(1, 64), help="Processor threads for the models."
)


def field_group(name: str, summary: str, footage: str) -> click.Group:
    """The commands of one domain.

    Args:
        name: the domain's name in the registry.
        summary: the group's help.
        footage: an example file for the help.
    """
    examples = f"\b\nExamples:\n  trivium {name} analyse {footage}\n  trivium {name} watch\n  trivium {name} alerts list"
    group = click.Group(name, help=summary, epilog=examples)
    group.add_command(_analyse(name, footage))
    group.add_command(_watch(name))
    group.add_command(alerts_group(name))
    group.add_command(_train(name))
    group.add_command(_evaluate(name))
    group.add_command(_report(name))
    return group


def _domain(name: str) -> Domain:
    return cast("Domain", find_domain(name))


def _analyse(name: str, footage: str) -> click.Command:
    @click.command(
        "analyse",
        epilog=f"\b\nExamples:\n  trivium {name} analyse {footage}\n  trivium {name} analyse recordings/ --json | jq .counts",
    )
    @click.argument("files", nargs=-1, required=True, metavar="FILE...")
    @click.option("--without-classifier", is_flag=True, help="Do without the fine-tuned model: rules and normality only.")
    @threads_option
    @json_option
    @pass_session
    def analyse(session: Session, files: tuple[str, ...], without_classifier: bool, threads: int, as_json: bool) -> None:
        """Judge recordings, as fast as it goes, and keep the alerts with their evidence.

        A FILE may be a folder: every recording in it is judged. A recording that cannot be read is named, the others are
        judged all the same, and the exit code is 2.
        """
        from pipelines.batch import analyse as run_all
        from pipelines.commands.showing import AnalysisLines, AnalysisProgress

        domain = _domain(name)
        settings: Any = session.settings.section(name)
        if without_classifier and hasattr(settings, "classifier"):
            settings = settings.model_copy(update={"classifier": settings.classifier.model_copy(update={"enabled": False})})
        locations = [location for file in files for location in domain.recordings(file)]
        failed = 0
        with open_session_store(session) as store, AnalysisLines() if as_json else AnalysisProgress(len(locations)) as show:
            state = session.settings.data_folder.expanduser() / "state" / name
            for outcome in run_all(domain, locations, settings, store, state, threads, show.progress):
                failed += bool(outcome.error)
                show.outcome(outcome, store)
            show.where(store.where, session.settings.evidence_folder())
        if failed:
            click.get_current_context().exit(USER_ERROR_CODE)

    return analyse


def _watch(name: str) -> click.Command:
    @click.command(
        "watch",
        epilog=f"\b\nExamples:\n  trivium {name} watch                       # what the configuration names\n"
        f"  trivium {name} watch --camera door=rtsp://10.0.0.7/main\n"
        f"  trivium {name} watch --camera 'door=rtsp://viewer:${{DOOR_PASSWORD}}@10.0.0.7/main'  # the password stays out of ps",
    )
    @click.option("--camera", "cameras", multiple=True, metavar="[NAME=]URL", help="Watch this too; may be given several times.")
    @click.option("--only", multiple=True, metavar="NAME", help="Of the configured ones only these.")
    @click.option("--for", "for_s", type=click.FloatRange(min=0.1), metavar="SECONDS", help="End by itself after this long.")
    @threads_option
    @json_option
    @pass_session
    def watch(session: Session, cameras: tuple[str, ...], only: tuple[str, ...], for_s: float | None, threads: int, as_json: bool) -> None:
        """Watch live sources until Ctrl-C, raise alerts, and show how every source fares."""
        from pipelines.alarms import alarms
        from pipelines.commands.showing import print_alert_line
        from pipelines.watch import StatusLines, StatusTable, stopping_on_signals
        from pipelines.watch import watch as run_watch

        domain = _domain(name)
        settings = domain.with_sources(session.settings.section(name), dict(_named(camera, i) for i, camera in enumerate(cameras, start=1)))
        if only:
            settings = _only(settings, only)
        stop = threading.Event()
        with open_session_store(session) as store, alarms(session.settings, store) as ring, stopping_on_signals(stop):

            def on_open(alert: Any) -> None:
                if as_json:
                    print_alert_line(alert)
                ring(alert)

            with StatusLines() if as_json else StatusTable(f"trivium {name} watch") as show:
                state = session.settings.data_folder.expanduser() / "state" / name
                counts = run_watch(domain, settings, store, state, threads, on_open, show, stop, for_s)
        if as_json:
            click.echo(json.dumps({"event": "end", "counts": counts}))

    return watch


def _train(name: str) -> click.Command:
    @click.command(
        "train",
        epilog=f"\b\nExamples:\n  trivium {name} train clips/ --out checkpoints/mine\n"
        f"  trivium {name} train clips/ --out mine --tuning lora --epochs 10",
    )
    @click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
    @click.option("--out", required=True, type=click.Path(path_type=Path), help="The checkpoint's folder; must not exist.")
    @click.option(
        "--tuning",
        type=click.Choice(["frozen", "lora", "full"]),
        default="frozen",
        show_default=True,
        help="How much of the backbone learns.",
    )
    @click.option("--epochs", type=click.IntRange(1, 1000), default=None, help="At most this many.")
    @click.option("--seed", type=int, default=0, show_default=True)
    @click.option("--backbone", default=None, metavar="NAME", help="A packaged model, a hub id or a folder.")
    @json_option
    @pass_session
    def train(
        session: Session, dataset: Path, out: Path, tuning: str, epochs: int | None, seed: int, backbone: str | None, as_json: bool
    ) -> None:
        """Fine-tune the classifier on your own labelled recordings.

        DATASET holds the recordings and labels.csv with the columns path,label,start_s,end_s,group. Groups (rooms, cameras) are
        never split between training, validation and test.
        """
        from pipelines.train import train as run_training

        report = run_training(
            _domain(name), dataset, out, session.settings.section(name), tuning, epochs, seed, backbone, say=_say(as_json)
        )
        _show_mapping(report, as_json)

    return train


def _evaluate(name: str) -> click.Command:
    @click.command(
        "evaluate", epilog=f"\b\nExamples:\n  trivium {name} evaluate checkpoints/mine clips/\n  trivium {name} evaluate mine clips/ --json"
    )
    @click.argument("checkpoint", type=click.Path(exists=True, file_okay=False, path_type=Path))
    @click.argument("dataset", type=click.Path(exists=True, file_okay=False, path_type=Path))
    @json_option
    @pass_session
    def evaluate(session: Session, checkpoint: Path, dataset: Path, as_json: bool) -> None:
        """Measure a checkpoint on labelled recordings: with intervals, and by every subset of modalities."""
        from pipelines.train import evaluate as run_evaluation

        _show_mapping(run_evaluation(_domain(name), checkpoint, dataset, session.settings.section(name), say=_say(as_json)), as_json)

    return evaluate


def _report(name: str) -> click.Command:
    @click.command("report", epilog=f"\b\nExamples:\n  trivium {name} report > draft.md\n  trivium {name} report --source door --limit 20")
    @click.option("--source", default=None, metavar="NAME", help="Only this source.")
    @click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
    @pass_session
    def report(session: Session, source: str | None, limit: int) -> None:
        """Draft a report over the newest alerts, for a person to review."""
        from core.store import AlertFilter

        with open_session_store(session) as store:
            stored = store.alerts(AlertFilter(domain=name, source=source, limit=limit))
        click.echo(_domain(name).draft([s.alert for s in stored]), nl=False)

    return report


def _named(camera: str, number: int) -> tuple[str, str]:
    """`door=rtsp://...` as name and URL; without a name it is called camera1, camera2, ..."""
    name, mark, url = camera.partition("=")
    if mark and name and "/" not in name and ":" not in name:
        return name, url
    return f"camera{number}", camera


def _only(settings: Any, names: tuple[str, ...]) -> Any:
    missing = [name for name in names if name not in settings.cameras]
    if missing:
        raise ConfigError(f"no camera is named {missing[0]!r}; there are {sorted(settings.cameras) or 'none'}")
    return settings.model_copy(update={"cameras": {name: settings.cameras[name] for name in names}})


def _say(as_json: bool) -> Any:
    return lambda text: click.echo(text, err=True) if not as_json else None


def _show_mapping(report: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report))
        return
    from pipelines.commands.showing import print_report

    print_report(report)
