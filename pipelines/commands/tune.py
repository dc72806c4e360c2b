"""`trivium tune`: search for the settings that learn a table best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.commands.learning_options import TABLE, say, table_options
from pipelines.console import json_option, print_json


@click.command(
    epilog="""
\b
Examples:
  trivium tune drawings.csv --label shelf --group maker --trials 20 --study study.db --out best.yaml
  trivium tune drawings.csv --label shelf --minutes 10 --study study.db --out best.yaml
  trivium train drawings.csv --label shelf --options best.yaml --out shelf-model
"""
)
@click.argument("table", type=TABLE)
@table_options
@click.option("--task", help="What is learned  [default: by the columns]")
@click.option("--trials", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Of the whole study, earlier runs included.")
@click.option("--minutes", type=click.FloatRange(0.01), help="Begin no trial after so long.")
@click.option("--folds", type=click.IntRange(2, 20), help="Judge each trial on folds by group  [default: one split by group]")
@click.option("--study", type=click.Path(path_type=Path, dir_okay=False), required=True, help="SQLite file; an older one is gone on with.")
@click.option("--name", default="study", show_default=True, help="Name of the study in that file.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Write the best settings there, as YAML.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting that is not searched.")
@json_option
def tune(
    table: Path,
    task: str | None,
    trials: int,
    minutes: float | None,
    folds: int | None,
    study: Path,
    name: str,
    out: Path,
    pairs: tuple[str, ...],
    as_json: bool,
    **columns_told: Any,
) -> None:
    """Search for the settings that learn TABLE best, judged on validation rows; `train --options` reads what is written."""
    from core import tuning
    from core.tuning_table import validation_of
    from pipelines import learning

    rows = learning.TableRequest(table, **columns_told).read()
    learning.tell_problems(rows, say)
    chosen = task or learning.task_of(rows)
    space = tuning.space_of(chosen)
    fixed = learning.read_options(None, pairs)
    judge, digest = validation_of(rows, chosen, fixed, parts=folds, say=say)
    space = {key: one for key, one in space.items() if key not in fixed}
    made = tuning.search(judge, space, tuning.Budget(trials, minutes), storage=study, name=name, seed=judge.base.seed, rows=digest, say=say)
    from core.tasks import task as task_by_name

    tuned = tuning.outcome(made, task_by_name(chosen).headline)
    tuned = tuning.with_fixed(tuned, fixed)
    tuning.write_settings(tuned, out, f"{chosen} of {rows.name}, found by trivium tune")
    if as_json:
        print_json(
            {
                "out": str(out),
                "task": chosen,
                "measure": tuned.measure,
                "value": tuned.value,
                "settings": dict(tuned.settings),
                "trials": {"done": tuned.done, "stopped_early": tuned.pruned, "failed": tuned.failed},
                "errors": list(tuned.errors),
            }
        )
        return
    for error in tuned.errors:
        say(error)
    click.echo(f"{out}: {tuned.measure} {tuned.value:.4f} on validation; " + ", ".join(f"{k} {v}" for k, v in tuned.settings.items()))
