"""`trivium predict`: what a trained model says, or draws, of each row."""

from __future__ import annotations

import base64
import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from core.errors import InputError
from pipelines.commands.learning_options import FOLDER, TABLE, in_words, read_words_option, say, table_options
from pipelines.commands.learning_options import as_json as plain
from pipelines.console import json_option

PICTURE = "data:image/png;base64,"  # begins an answer's value that is a picture


@click.command(
    epilog="""
\b
Examples:
  trivium predict shelf-model new.csv
  trivium predict shelf-model new.csv --out answers.csv
  trivium predict shelf-model new.csv --json
  trivium predict drawer asked.csv --out drawn.csv    # its pictures go to drawn-pictures/
"""
)
@click.argument("model", type=FOLDER)
@click.argument("table", type=TABLE)
@table_options
@read_words_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the answers there: .jsonl, or .csv.")
@json_option
def predict(
    model: Path,
    table: Path,
    out: Path | None,
    as_json: bool,
    **columns_told: Any,
) -> None:
    """Ask MODEL about every row of TABLE; with --json one object a line."""
    from pipelines import learning

    if out is not None:
        _check_out(out, table)
    learned = learning.model_at(model)
    answers = learning.predictions(learned, learning.TableRequest(table, **columns_told), say)
    if out is not None:
        count = _write(answers, out)
        say(f"{out}: {count} answers of {learned.name}")
        return
    for answer in answers:
        if as_json:
            click.echo(_line(answer))
        else:
            click.echo("; ".join(f"{in_words(key)}: {_shown(value)}" for key, value in answer.items()))


def _shown(value: object) -> str:
    return "a picture, which --out writes" if isinstance(value, str) and value.startswith(PICTURE) else in_words(value)


def _check_out(out: Path, table: Path) -> None:
    """What is wrong with the place is said before anything is read."""
    if out.suffix.casefold() not in (".jsonl", ".csv"):
        raise click.UsageError(f"--out {out}: name a .jsonl or a .csv file")
    if not out.parent.is_dir():
        raise click.UsageError(f"--out {out}: there is no folder {out.parent}")
    if out.exists() and out.samefile(table):
        raise click.UsageError(f"--out {out} is the table itself; name another file")


def _write(answers: Iterator[dict[str, Any]], out: Path) -> int:
    """Beside its place, then renamed into it: a half-written file never has the name. Pictures go into a folder `NAME-pictures` likewise.

    Raises:
        InputError: it cannot be written there.
    """
    folder = out.with_name(f"{out.stem}-pictures")
    try:
        with (
            tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{folder.name}.") as scratch,
            tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=out.parent, prefix=f".{out.name}.", delete=False) as part,
        ):
            pictures = Path(scratch) / "pictures"
            try:
                kept = _with_pictures_kept(answers, folder, pictures)
                count = _write_csv(kept, part) if out.suffix.casefold() == ".csv" else _write_lines(kept, part)
                part.close()
                if pictures.exists():
                    pictures.rename(folder)
                Path(part.name).replace(out)
            finally:
                Path(part.name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}; name a file in a folder that is there") from error
    return count


def _with_pictures_kept(answers: Iterator[dict[str, Any]], folder: Path, part: Path) -> Iterator[dict[str, Any]]:
    """The answers, each picture in them written to a numbered file in `part` and named as it will be in `folder`.

    Raises:
        InputError: there are pictures, and `folder` is taken.
    """
    count = 0
    for answer in answers:
        made = dict(answer)
        for key, value in answer.items():
            if isinstance(value, str) and value.startswith(PICTURE):
                if folder.exists():
                    raise InputError(f"{folder} is there already, and the pictures belong there; name another file with --out")
                part.mkdir(exist_ok=True)
                count += 1
                name = f"{count:06}.png"
                (part / name).write_bytes(base64.b64decode(value.removeprefix(PICTURE), validate=True))
                made[key] = f"{folder.name}/{name}"
        yield made


def _write_lines(answers: Iterator[dict[str, Any]], file: IO[str]) -> int:
    count = 0
    for answer in answers:
        file.write(_line(answer) + "\n")
        count += 1
    return count


def _write_csv(answers: Iterator[dict[str, Any]], file: IO[str]) -> int:
    """A column for every key of any answer: not every row has each."""
    names: dict[str, None] = {}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        for answer in answers:
            names |= dict.fromkeys(answer)
            spool.write(_line(answer) + "\n")
        spool.seek(0)
        writer = csv.DictWriter(file, list(names))
        writer.writeheader()
        count = 0
        for line in spool:
            row = json.loads(line)
            writer.writerow({key: json.dumps(v, ensure_ascii=False) if isinstance(v, dict | list) else v for key, v in row.items()})
            count += 1
    return count


def _line(answer: dict[str, Any]) -> str:
    return json.dumps(plain(answer), ensure_ascii=False, default=str, allow_nan=False)
