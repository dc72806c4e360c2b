"""The command line: quick to help, one line on a mistake, the right exit code."""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import click
import pytest

from core.errors import ConfigError, StoreError
from pipelines import cli as command_line
from pipelines.cli import COMMANDS, Entry, LazyGroup, Session, main

TRIVIUM = Path(sys.executable).with_name("trivium")
HELP_BUDGET_S = 0.3
NEVER_FOR_HELP = ("torch", "transformers", "numpy", "cv2", "av", "onnxruntime", "pydantic", "yaml", "sqlalchemy", "rich", "core.store")


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines", *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        timeout=60,
        check=False,
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pipelines.cli import main; code = main(['--help']); "
        f"found = [name for name in {NEVER_FOR_HELP!r} if name in sys.modules]; sys.exit(code or ','.join(found) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_help_is_quick() -> None:
    """The processor's time is held, not the clock's: a busy machine must not fail it."""
    assert TRIVIUM.is_file(), "the console script is not installed beside this Python"
    used_s = []
    for _ in range(5):
        before = os.times()
        subprocess.run([TRIVIUM, "--help"], stdout=subprocess.DEVNULL, check=True, timeout=60)
        after = os.times()
        used_s.append(after.children_user + after.children_system - before.children_user - before.children_system)

    assert statistics.median(used_s) < HELP_BUDGET_S


def test_help_lists_what_exists_and_ends_with_examples() -> None:
    done = run("--help")

    assert re.search(r"^  config +Check, show and explain the configuration\.$", done.stdout, re.MULTILINE)
    assert "Examples:\n    trivium demo\n" in done.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_loads_and_helps_with_examples(name: str) -> None:
    context = click.Context(command_line.cli, info_name="trivium")
    command = command_line.cli.get_command(context, name)

    assert command is not None, f"{COMMANDS[name].target} is not there"
    assert command.get_help(click.Context(command, info_name=name, parent=context))


def all_commands(command: click.Command, context: click.Context) -> list[tuple[str, click.Command, click.Context]]:
    found = [(context.command_path, command, context)]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += all_commands(child, click.Context(child, info_name=name, parent=context))
    return found


def test_every_help_of_every_command_shows_examples() -> None:
    without = [
        path
        for path, command, context in all_commands(command_line.cli, click.Context(command_line.cli, info_name="trivium"))
        if "trivium" not in command.get_help(context).partition("\n")[2]
    ]

    assert without == []


def test_command_whose_module_is_not_there_is_not_offered() -> None:
    group = LazyGroup("x", entries={"a": Entry("pipelines.commands.config:config", "A."), "b": Entry("pipelines.nowhere.c:c", "B.")})

    assert group.list_commands(click.Context(group)) == ["a"]
    assert group.get_command(click.Context(group), "b") is None


def test_mistyped_command_names_the_nearest() -> None:
    done = run("confg")

    assert done.returncode == 2
    assert done.stderr.endswith("Error: no command is named 'confg'; did you mean 'config'?\n")
    assert "Traceback" not in done.stderr


def test_mistake_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = run("--config", str(tmp_path / "none.yaml"), "config", "show")

    assert done.returncode == 2
    assert (
        done.stderr == f"trivium: error: {tmp_path}/none.yaml: cannot be read: No such file or directory; name another file with --config\n"
    )


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = run("--debug", "--config", str(tmp_path / "none.yaml"), "config", "show")

    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_several_problems_are_a_line_each(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConfigError("a: one\nb: two")

    monkeypatch.setattr(command_line.cli, "main", fail)

    assert main(["config"]) == 2
    assert capsys.readouterr().err == "trivium: error: a: one\ntrivium: error: b: two\n"


def test_error_without_words_still_says_something(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError

    monkeypatch.setattr(command_line.cli, "main", fail)

    assert main([]) == 2
    assert capsys.readouterr().err == "trivium: error: StoreError\n"


def test_interrupt_leaves_with_130() -> None:
    code = (
        "import signal, sys, threading, click; from pipelines import cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background shell hands on that it is ignored
        "@cli.cli.command('wait')\n"
        "def wait():\n"
        "    print('ready', flush=True); threading.Event().wait(30)\n"
        "cli.cli.entries = {'wait': cli.Entry('pipelines.cli:cli', '')}\n"
        "cli.cli.get_command = lambda ctx, name: wait\n"
        "sys.exit(cli.main(['wait']))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Traceback" not in errors


def test_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen([TRIVIUM, "config", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()

    assert errors == b""


def test_version_is_the_distributions() -> None:
    from importlib.metadata import version

    assert run("--version").stdout == f"trivium {version('trivium')}\n"


def test_configuration_is_read_once_and_only_when_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("log: {level: debug}\n")
    session = Session(file)

    assert session.settings.log.level == "debug"
    file.write_text("broken: [")
    assert session.settings.log.level == "debug"


def test_config_check_gives_programs_the_problems(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("stoer: {}\n")

    done = run("config", "check", "--json", str(file))

    assert done.returncode == 2
    assert json.loads(done.stdout) == {"ok": False, "problems": [f"{file}:1:1: unknown key 'stoer'; did you mean 'store'?"]}


def test_config_init_leaves_an_existing_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    assert run("config", "init", str(file)).returncode == 0
    file.write_text("mine\n")

    done = run("config", "init", str(file))

    assert done.returncode == 2
    assert done.stderr == f"trivium: error: {file} exists and is left as it is; name another file: trivium config init FILE\n"
    assert file.read_text() == "mine\n"


def test_config_show_masks_secrets_and_says_where_from() -> None:
    done = run("config", "show", "--changed", "--json", TRIVIUM_STORE__URL="postgresql://a:topsecret@h/d", TRIVIUM_CONFIG="/dev/null")

    assert json.loads(done.stdout) == [{"name": "store.url", "value": "**********", "source": "TRIVIUM_STORE__URL"}]
    assert "topsecret" not in done.stdout + done.stderr
