"""`trivium predict`: what a trained model says of each row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pipelines.commands.learning_options import FOLDER, TABLE, in_words, say, table_options
from pipelines.console import json_option


@click.command(
    epilog="""
\b
Examples:
  trivium predict shelf-model new.csv
  trivium predict shelf-model new.csv --out answers.csv
  trivium predict shelf-model new.csv --json
"""
)
@click.argument("model", type=FOLDER)
@click.argument("table", type=TABLE)
@table_options
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the answers there: .jsonl, or .csv.")
@json_option
def predict(
    model: Path,
    table: Path,
    label: str | None,
    group: str | None,
    kinds: tuple[str, ...],
    root: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Ask MODEL about every row of TABLE; with --json one object a line."""
    from pipelines import learning

    if out is not None and out.suffix not in (".jsonl", ".csv"):
        raise click.UsageError(f"--out {out}: name a .jsonl or a .csv file")
    learned = learning.model_at(model)
    answers = learning.predictions(learned, learning.TableRequest(table, label, group, kinds, root), say)
    if out is not None:
        count = _write(answers, out)
        say(f"{out}: {count} answers of {learned.name}")
        return
    for answer in answers:
        if as_json:
            click.echo(json.dumps(answer, ensure_ascii=False, default=str, allow_nan=False))
        else:
            click.echo("; ".join(f"{key}: {in_words(value)}" for key, value in answer.items()))


def _write(answers: Iterator[dict[str, Any]], out: Path) -> int:
    """Beside its place, then renamed into it: a half-written file never has the name."""
    part = out.with_name(f".{out.name}.part")
    count = 0
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            if out.suffix == ".jsonl":
                for answer in answers:
                    file.write(json.dumps(answer, ensure_ascii=False, default=str, allow_nan=False) + "\n")
                    count += 1
            else:
                writer: csv.DictWriter[str] | None = None
                for answer in answers:
                    if writer is None:
                        writer = csv.DictWriter(file, list(answer), extrasaction="ignore")
                        writer.writeheader()
                    writer.writerow({k: json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v for k, v in answer.items()})
                    count += 1
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return count
