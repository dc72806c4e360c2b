"""`trivium train`: learn from a table of labelled examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.commands.learning_options import TABLE, in_words, read_words_option, say, table_options
from pipelines.commands.learning_options import as_json as plain
from pipelines.console import console, json_option, print_json

if TYPE_CHECKING:
    from pipelines.learning import TableRequest


@click.command(
    epilog="""
\b
Examples:
  trivium train drawings.csv --label shelf --group maker --out shelf-model
  trivium train drawings.csv --label shelf --columns
  trivium train recipes.jsonl --label course --preset best --out course-model
  trivium train prices.parquet --label price --task regression --set epochs=20 --out price-model
  trivium train leaflets.csv --label topic --read-words --out topic-model
  trivium train entries.conll --task token_classification --out entities-model
  trivium train --tasks
"""
)
@click.argument("table", type=TABLE, required=False)
@table_options
@read_words_option
@click.option("--task", help="What is learned  [default: by the columns]; --tasks lists them.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the model; must not exist.")
@click.option("--preset", type=click.Choice(["quick", "best"]), help="quick: the fusion model. best: also plain models, the best wins.")
@click.option("--validation", type=TABLE, metavar="TABLE", help="Rows that choose epochs and thresholds  [default: some of the table]")
@click.option("--options", "options_file", type=TABLE, metavar="FILE", help="Settings of the task, as YAML, as `trivium tune` writes it.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="One setting of the task.")
@click.option("--columns", is_flag=True, help="Show what each column is taken for, and train nothing.")
@click.option("--tasks", is_flag=True, help="List the tasks and their settings.")
@json_option
def train(
    table: Path | None,
    task: str | None,
    out: Path | None,
    preset: str | None,
    validation: Path | None,
    options_file: Path | None,
    pairs: tuple[str, ...],
    columns: bool,
    tasks: bool,
    as_json: bool,
    **columns_told: Any,
) -> None:
    """Learn from TABLE (CSV, TSV, Parquet, JSON, JSONL, CoNLL), one labelled example a row, media by path."""
    from pipelines import learning

    if tasks:
        _show_tasks(as_json)
        return
    if table is None:
        raise click.UsageError("say which TABLE to learn from; --tasks lists what can be learned")
    request = learning.TableRequest(table, **columns_told)
    if columns:
        _show_columns(request, as_json)
        return
    if out is None:
        raise click.UsageError("say with --out where the model is to be written")
    values = learning.read_options(options_file, [*([f"preset={preset}"] if preset else []), *pairs])
    judged = None if validation is None else learning.TableRequest(validation, **columns_told)
    name, outcome = learning.train(request, out, task, values, judged, say)
    if as_json:
        print_json({"model": str(outcome.folder), "task": name, "figures": plain(dict(outcome.figures)), "notes": list(outcome.notes)})
        return
    click.echo(f"{outcome.folder}: {name}, " + ", ".join(f"{key} {in_words(value)}" for key, value in outcome.figures.items()))
    for note in outcome.notes:
        click.echo(f"  {note}")


def _show_tasks(as_json: bool) -> None:
    from core.learners import learners

    rows = [{"task": one.name, "summary": one.summary, "settings": sorted(one.options.model_fields)} for one in learners()]
    if as_json:
        print_json(rows)
        return
    from rich.table import Table

    shown = Table("task", "learns", "settings")
    for row in rows:
        shown.add_row(str(row["task"]), str(row["summary"]), ", ".join(row["settings"]))
    console().print(shown)


def _show_columns(request: TableRequest, as_json: bool) -> None:
    from core.table import describe
    from pipelines.learning import tell_problems

    table = request.read(say)
    tell_problems(table, say)
    facts = describe(table)
    if as_json:
        from dataclasses import asdict

        print_json({"table": table.name, "rows": len(table), "columns": [asdict(fact) for fact in facts]})
        return
    from rich.table import Table
    from rich.text import Text

    title = Text(in_words(f"{table.name}: {len(table)} rows"))
    shown = Table("column", "is", "because", "missing", "such as", title=title, title_justify="left")
    for fact in facts:
        cells = (fact.column, fact.kind.value, fact.reason, fact.missing, ", ".join(map(str, fact.examples))[:60])
        shown.add_row(*(Text(in_words(cell)) for cell in cells))  # words of the table, never markup
    console().print(shown)
