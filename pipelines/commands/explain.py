"""`trivium explain`: what an answer rests on, as a page and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.commands.learning_options import FOLDER, TABLE, say, table_options
from pipelines.console import console, json_option, print_json


@click.command(
    epilog="""
\b
Examples:
  trivium explain shelf-model new.csv --row 17 --out why.html
  trivium explain shelf-model new.csv --row 17 --answer animals --out why.html --png why.png
  trivium explain shelf-model new.csv --row 17 --json
"""
)
@click.argument("model", type=FOLDER)
@click.argument("table", type=TABLE)
@table_options
@click.option("--row", required=True, metavar="ID", help="Id of the row that is explained.")
@click.option("--answer", metavar="LABEL", help="The answer that is explained  [default: the model's own]")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write one HTML page there.")
@click.option("--png", "picture", type=click.Path(path_type=Path, dir_okay=False), help="Write one picture there.")
@json_option
def explain(
    model: Path,
    table: Path,
    row: str,
    answer: str | None,
    out: Path | None,
    picture: Path | None,
    as_json: bool,
    **columns_told: Any,
) -> None:
    """Show what MODEL's answer about one row of TABLE rests on: modalities, words, patches, moments."""
    from core.errors import InputError
    from core.explaining import explain as explain_row
    from core.table.samples import to_samples
    from core.trained import load_fusion
    from pipelines import learning

    trained = load_fusion(model)
    rows = learning.TableRequest(table, **columns_told).read()
    if row not in rows.ids:
        raise InputError(f"{rows.name} has no row {row!r}; its ids begin with {', '.join(rows.ids[:3])}")
    one = trained.cast(rows.by_ids((row,)))
    samples, problems = to_samples(one)
    for problem in problems:
        say(f"{rows.name}: {problem}")
    if trained.others:
        say(f"{trained.name} answers together with {', '.join(trained.others)}; only the fusion model is explained")
    found = explain_row(trained.checkpoint, trained.encode(one), samples[0], label=answer)
    if out is not None:
        from core.explaining.showing import html
        from core.whole_file import write_whole

        write_whole(out, html(found))
        say(f"{out}: the page")
    if picture is not None:
        from core.explaining.showing import png

        png(found, picture)
        say(f"{picture}: the picture")
    if as_json:
        print_json(found.to_json())
        return
    from rich.table import Table

    shown = Table("modality", "Shapley", "left out alone", title=f"{found.sample}: {found.answer}", title_justify="left")
    for modality, share in found.shapley.items():
        shown.add_row(modality.value, f"{share:.0%}", f"{found.leave_one_out.get(modality, 0.0):.0%}")
    console().print(shown)
    for modality, parts in found.saliency.words.items():
        strongest = sorted(parts, key=lambda p: -abs(p.value))[:6]
        click.echo(f"words of {modality.value}: " + ", ".join(f"{p.name} {p.value:+.3f}" for p in strongest))
