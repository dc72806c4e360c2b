"""How commands speak: tables for people on standard output, one JSON value for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

Command = TypeVar("Command", bound=Callable[..., object])


def json_option(command: Command) -> Command:
    """Add `--json` to a command, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def print_json(value: object) -> None:
    """Print one JSON value; what JSON cannot hold is written as text."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str, allow_nan=False))


def console() -> Console:
    """A console that writes to standard output as it is now."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)
