"""The command `trivium`: one table of commands, each imported only when it is called.

`trivium --help` reads this table alone, so it never pays for the models. A new command is a line in `COMMANDS`.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from core.errors import TriviumError

if TYPE_CHECKING:
    from pipelines.configuration import Configuration, Settings

USER_ERROR_CODE = 2
INTERRUPTED_CODE = 130


class Entry(NamedTuple):
    """One command that is not imported yet.

    Attributes:
        target: `module:object`, a click command or group.
        summary: its line in `trivium --help`.
    """

    target: str
    summary: str

    @property
    def module(self) -> str:
        """Where it is written."""
        return self.target.partition(":")[0]

    def load(self) -> click.Command:
        """Import it."""
        module, _, name = self.target.partition(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.target} is not a click command")
        return command


COMMANDS: Mapping[str, Entry] = {
    "demo": Entry("pipelines.commands.demo:demo", "Analyse the sample films and say where the results lie."),
    "surveillance": Entry("pipelines.commands.surveillance:surveillance", "Watch cameras and films: alerts with evidence."),
    "medical": Entry("pipelines.commands.medical:medical", "Studies and records: draft reports for a person to sign."),
    "train": Entry("pipelines.commands.train:train", "Learn from a table of labelled multimodal examples."),
    "evaluate": Entry("pipelines.commands.evaluate:evaluate", "Measure a trained model on rows it has not seen."),
    "predict": Entry("pipelines.commands.predict:predict", "Ask a trained model about every row of a table."),
    "explain": Entry("pipelines.commands.explain:explain", "Show what an answer rests on: modalities, words, patches, moments."),
    "tune": Entry("pipelines.commands.tune:tune", "Search for the settings that learn a table best."),
    "export": Entry("pipelines.commands.export_model:export_model", "Write a model for onnxruntime or torch.export."),
    "models": Entry("pipelines.commands.models:models", "List, pull and verify pretrained weights."),
    "people": Entry("pipelines.commands.people:people", "Who may edit and sign, and with which roles."),
    "config": Entry("pipelines.commands.config:config", "Check, show and explain the configuration."),
    "doctor": Entry("pipelines.commands.doctor:doctor", "Say what is installed, found and reachable."),
    "bench": Entry("pipelines.commands.bench:bench", "Measure, and write the page of benchmarks."),
}

EXAMPLES = """
\b
Examples:
  trivium demo
  trivium surveillance analyse door.mp4
  trivium --config site.yaml surveillance watch
  trivium doctor --json
"""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called."""

    def __init__(self, *args: Any, entries: Mapping[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Names in the table's order; commands of rooms that are not installed are left out."""
        return [name for name, entry in self.entries.items() if _exists(entry.module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        """Import one command."""
        entry = self.entries.get(cmd_name)
        return entry.load() if entry is not None and _exists(entry.module) else None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, and where it fails, with the nearest command's name."""
        if args[0] not in self.list_commands(ctx):
            from core.registry import nearest

            near = nearest(args[0], self.list_commands(ctx))
            advice = f"did you mean {near!r}?" if near else f"see {ctx.command_path} --help"
            raise click.UsageError(f"no command is named {args[0]!r}; {advice}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table's own lines: nothing is imported for them."""
        rows = [(name, self.entries[name].summary) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


class Session:
    """What every command is given as `ctx.obj`: what the command line said, and the configuration once somebody asks.

    Attributes:
        config_path: the file named by `--config`, or None.
        is_debugging: tracebacks are wanted.
    """

    def __init__(self, config_path: Path | None = None, is_debugging: bool = False) -> None:
        self.config_path = config_path
        self.is_debugging = is_debugging
        self._configuration: Configuration | None = None

    @property
    def configuration(self) -> Configuration:
        """The configuration with the source of each value; read once, at first use.

        Raises:
            ConfigError: it says something that cannot be done.
        """
        if self._configuration is None:
            from pipelines.configuration import load_configuration

            self._configuration = load_configuration(self.config_path)
        return self._configuration

    @property
    def settings(self) -> Settings:
        """The settings alone.

        Raises:
            ConfigError: the configuration says something that cannot be done.
        """
        return self.configuration.settings


pass_session = click.make_pass_decorator(Session)


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _print_version(ctx: click.Context, _parameter: click.Parameter, is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        click.echo(f"trivium {version('trivium')}")
        ctx.exit()


@click.group(cls=LazyGroup, entries=COMMANDS, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Configuration to use  [default: $TRIVIUM_CONFIG, ./trivium.yaml, then the user's own]",
)
@click.option("--debug", "is_debugging", is_flag=True, help="Show tracebacks.")
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Show the version and leave.")
@click.pass_context
def cli(ctx: click.Context, config_path: Path | None, is_debugging: bool) -> None:
    """One multimodal engine: cameras and microphones in, alerts with evidence out."""
    ctx.obj = Session(config_path, is_debugging)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line.

    Returns:
        The exit code: 0, 2 for what the user can mend, 130 after Ctrl-C, or what the command says.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_debugging = _wants_tracebacks(words)
    try:
        result = cli.main(args=words, prog_name="trivium", standalone_mode=False)
        sys.stdout.flush()
    except TriviumError as error:
        if is_debugging:
            raise
        _complain(error)
        return USER_ERROR_CODE
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        if is_debugging:
            raise
        click.echo("trivium: interrupted", err=True)
        return INTERRUPTED_CODE
    except BrokenPipeError:
        _silence_stdout()
        return 1
    return result if isinstance(result, int) else 0


def _wants_tracebacks(words: Sequence[str]) -> bool:
    """Whether `--debug` stands before the command's name."""
    is_value = False
    for word in words:
        if word == "--debug":
            return True
        if not is_value and not word.startswith("-"):
            return False
        is_value = word == "--config"
    return False


def _complain(error: TriviumError) -> None:
    """One line for each thing that is wrong."""
    for line in str(error).splitlines() or [type(error).__name__]:
        click.echo(f"trivium: error: {line}", err=True)


def _silence_stdout() -> None:
    """The reader went away: what Python would still flush at its end goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
