"""`trivium bench`: measure, and write the page of benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.errors import InputError
from pipelines.console import console, json_option, print_json

if TYPE_CHECKING:
    from pipelines.bench_report import Report

EPILOG = """
\b
Examples:
  trivium bench --list
  trivium bench surveillance --quick
  trivium bench surveillance.motion --json > motion.json
  trivium bench surveillance --only streams
  trivium bench report motion.json -o docs/benchmarks.md
"""


@click.command(epilog=EPILOG)
@click.argument("name", required=False)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--list", "is_listing", is_flag=True, help="Name the benches and leave.")
@click.option("--quick", is_flag=True, help="The same figures on less input, within ten minutes.")
@click.option("--only", multiple=True, metavar="WORD", help="Only benches or figures whose name holds WORD; may be given several times.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="With report: the page to write  [default: standard output]"
)
@json_option
def bench(
    name: str | None, files: tuple[Path, ...], is_listing: bool, quick: bool, only: tuple[str, ...], output: Path | None, as_json: bool
) -> None:
    """Run the bench NAME, a field's name for all of its benches, or write the page from FILES: bench report FILES."""
    from pipelines import bench as benching

    if is_listing or name is None:
        for each in benching.benches():
            click.echo(each)
        return
    if name == "report":
        _write_page(files, output)
        return
    if files:
        raise click.UsageError(f"one bench at a time; {str(files[0])!r} is one too many (files belong to: trivium bench report FILES)")
    report = benching.run(name, quick, only, lambda line: click.echo(line, err=True))
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    _show(report)


def _write_page(files: tuple[Path, ...], output: Path | None) -> None:
    from pipelines.bench_report import page, read_reports

    if not files:
        raise click.UsageError("name the files that trivium bench --json wrote")
    text = page(read_reports(files))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from error
    click.echo(f"{output}: written from {len(files)} files")


def _show(report: Report) -> None:
    from rich.markup import escape
    from rich.table import Table

    from pipelines.bench_report import figure, ratio

    table = Table(title=f"{report.bench} at {report.commit}", title_justify="left", box=None, pad_edge=False)
    for heading, justify in (
        ("what", "left"),
        ("figure", "right"),
        ("target", "left"),
        ("holds", "left"),
        ("peer", "left"),
        ("ratio", "right"),
    ):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for metric in report.metrics:
        holds = {True: "[green]yes", False: "[bold red]no", None: ""}[metric.holds]
        peer = f"{metric.peer} {figure(metric.peer_value) if metric.peer_value is not None else ''}".strip()
        shown = f"{figure(metric.value)} {metric.unit}".strip()
        table.add_row(
            escape(metric.name), escape(shown), escape(metric.target), holds, escape(peer), ratio(metric.value, metric.peer_value)
        )
    out = console()
    out.print(table)
    for metric in report.metrics:
        if metric.note:
            out.print(f"[dim]{escape(metric.name)}: {escape(metric.note)}", soft_wrap=True)
