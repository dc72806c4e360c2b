"""`trivium config`: check, show, explain and begin a configuration."""

from __future__ import annotations

from pathlib import Path

import click

from core.errors import ConfigError
from pipelines.cli import Session, pass_session
from pipelines.console import console, json_option, print_json


@click.group(
    epilog="""
\b
Examples:
  trivium config init site.yaml
  trivium --config site.yaml config check
  trivium config show --json
  TRIVIUM_STORE__URL=postgresql://db/trivium trivium config show
"""
)
def config() -> None:
    """Check, show and explain the configuration."""


@config.command(
    epilog="""
\b
Examples:
  trivium config check
  trivium config check site.yaml
"""
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@json_option
@pass_session
def check(session: Session, file: Path | None, as_json: bool) -> None:
    """Say whether FILE (or the configuration in use) can be used; exit code 2 where it cannot."""
    from pipelines.configuration import load_configuration

    try:
        found = load_configuration(file) if file is not None else session.configuration
    except ConfigError as error:
        if not as_json:
            raise
        print_json({"ok": False, "problems": str(error).splitlines()})
        raise click.exceptions.Exit(2) from None
    warnings = [f"domain {plugin.name!r} is left out: {plugin.reason}" for plugin in found.broken]
    if as_json:
        print_json({"ok": True, "file": str(found.path) if found.path is not None else None, "warnings": warnings})
        return
    for warning in warnings:
        click.echo(f"trivium: warning: {warning}", err=True)
    click.echo(f"{found.path}: good" if found.path is not None else "no configuration file: defaults and environment are good")


@config.command(
    epilog="""
\b
Examples:
  trivium config schema > trivium.schema.json
"""
)
def schema() -> None:
    """Print the JSON Schema, for editors."""
    from pipelines.configuration import root_model

    model, _ = root_model()
    print_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()})


@config.command(
    epilog="""
\b
Examples:
  trivium config show
  trivium config show --changed
"""
)
@click.option("--changed", is_flag=True, help="Only what is not the default.")
@json_option
@pass_session
def show(session: Session, changed: bool, as_json: bool) -> None:
    """Show every setting and where it comes from; secrets are masked."""
    values = [value for value in session.configuration.values() if not changed or value.source != "default"]
    if as_json:
        print_json([{"name": value.name, "value": value.shown, "source": value.source} for value in values])
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("setting", "value", "source"):
        table.add_column(heading, overflow="fold")
    for value in values:
        shown = "none" if value.shown is None else str(value.shown)
        style = "dim" if value.source == "default" else ""
        table.add_row(escape(value.name), escape(shown), escape(value.source), style=style)
    console().print(table)


@config.command(
    epilog="""
\b
Examples:
  trivium config init
  trivium config init /etc/trivium/site.yaml
"""
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="trivium.yaml")
def init(file: Path) -> None:
    """Write a commented example to FILE (trivium.yaml here); an existing file is left alone."""
    from pipelines.config_text import example
    from pipelines.configuration import root_model

    model, _ = root_model()
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(example(model))
    except FileExistsError:
        raise ConfigError(f"{file} exists and is left as it is; name another file: trivium config init FILE") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from error
    click.echo(f"{file}: written; every line is commented out, uncomment what you change")
