"""`trivium evaluate`: how good a trained model is on rows that it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.commands.learning_options import FOLDER, TABLE, figures_as_json, in_words, read_words_option, say, table_options
from pipelines.console import console, json_option, print_json


@click.command(
    epilog="""
\b
Examples:
  trivium evaluate shelf-model test.csv --label shelf
  trivium evaluate entities-model test.conll --json
"""
)
@click.argument("model", type=FOLDER)
@click.argument("table", type=TABLE)
@table_options
@read_words_option
@json_option
def evaluate(
    model: Path,
    table: Path,
    as_json: bool,
    **columns_told: Any,
) -> None:
    """Measure MODEL on the labelled rows of TABLE: figures with 95 % intervals, the headline first."""
    from pipelines import learning

    learned = learning.model_at(model)
    rows = learning.TableRequest(table, **columns_told).read(say)
    learning.tell_problems(rows, say)
    figures = learned.evaluate(rows)
    if as_json:
        print_json({"model": learned.name, "task": learned.task, "rows": len(rows), "figures": figures_as_json(figures)})
        return
    from rich.table import Table
    from rich.text import Text

    title = Text(in_words(f"{learned.name} on {len(rows)} rows of {rows.name}"))
    shown = Table("figure", "value", "95 % interval", title=title, title_justify="left")
    for name, estimate in figures.items():
        shown.add_row(Text(in_words(name)), f"{estimate.value:.4g}", f"{estimate.low:.4g} to {estimate.high:.4g}")
    console().print(shown)
