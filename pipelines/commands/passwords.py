"""Where a password comes from: a file, the environment, or a prompt; never the command line, which others can list."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

import click

from core.errors import InputError

PASSWORD_VARIABLE = "TRIVIUM_PASSWORD"  # noqa: S105  a name, not a password
NEW_PASSWORD_VARIABLE = "TRIVIUM_NEW_PASSWORD"  # noqa: S105  a name, not a password
MAX_FILE_BYTES = 8192

by_option = click.option("--by", "by", required=True, metavar="NAME", help="Who you are; your password is asked for.")
password_file_option = click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    metavar="FILE",
    help=f"Take your password from this file's first line  [default: ${PASSWORD_VARIABLE}, then a prompt]",
)


def read_password(prompt: str, file: Path | None = None, variable: str = PASSWORD_VARIABLE, *, is_new: bool = False) -> str:
    """A password, from the file, the environment variable or a prompt, in this order.

    Args:
        prompt: what to ask at a terminal.
        file: its first line is the password.
        variable: of the environment.
        is_new: ask twice.

    Raises:
        InputError: there is none of the three, or the file cannot be read.
    """
    if file is not None:
        return _first_line(file)
    if variable in os.environ:
        return os.environ[variable]
    if not sys.stdin.isatty():
        raise InputError(f"there is no terminal to ask for the password; set {variable} or name a file")
    password: str = click.prompt(prompt, hide_input=True, confirmation_prompt=is_new, err=True)
    return password


def shell_user() -> str:
    """Who the audit trail names where nobody has authenticated: the user of the operating system."""
    try:
        return f"shell:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user without a name
        return f"shell:{os.getuid()}"


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES)
        line = content.decode().splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise InputError(f"the password file {file} cannot be read; write the password as its first line, in UTF-8") from error
    return line
