"""Options that the commands about tables and models share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

Command = TypeVar("Command", bound=Callable[..., object])
FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
TABLE = click.Path(path_type=Path, dir_okay=False, exists=True)


def table_options(command: Command) -> Command:
    """What is said of a table's columns: `--label --group --kind --root`, as `pipelines.learning.TableRequest` names them."""
    for option in (
        click.option("--root", type=FOLDER, metavar="DIR", help="Folder of the media that the table names  [default: the table's]"),
        click.option("--kind", "kinds", multiple=True, metavar="COLUMN=KIND", help="What a column holds, where it is not what is seen."),
        click.option("--group", metavar="COLUMN", help="Rows that share its value are never split between training and test."),
        click.option("--label", metavar="COLUMN", help="What is to be learned."),
    ):
        command = option(command)
    return command


def read_words_option(command: Command) -> Command:
    """Add `--read-words` to a command, as the argument `read_words`."""
    text = "Read the words that stand in pictures (Chinese, English) as one more column of text."
    return click.option("--read-words", is_flag=True, help=text)(command)


def say(line: str) -> None:
    """Progress, on standard error."""
    click.echo(line, err=True)


def in_words(value: object) -> str:
    """A cell of an answer, short, on one line of printable characters."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{in_words(k)} {in_words(v)}" for k, v in list(value.items())[:4])
    if isinstance(value, list | tuple):
        return ", ".join(in_words(v) for v in value[:6])
    return "".join(c if c.isprintable() else " " for c in str(value))


def as_json(value: Any) -> Any:
    """A value as JSON can hold it: a number that is not finite becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): as_json(one) for key, one in value.items()}
    return [as_json(one) for one in value] if isinstance(value, list | tuple) else value


def figures_as_json(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Estimates as plain numbers; null where one is not finite."""
    return {name: as_json({"value": e.value, "low": e.low, "high": e.high}) for name, e in figures.items()}
