"""`trivium people`: who may do what. The first ones are added by whoever runs the program; once there is an admin, by an admin."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.errors import InputError
from pipelines.cli import Session, pass_session
from pipelines.commands.passwords import NEW_PASSWORD_VARIABLE, password_file_option, read_password, shell_user
from pipelines.commands.session_store import open_session_store
from pipelines.console import json_option

if TYPE_CHECKING:
    from core.store import Store

ROLE_NAMES = ("viewer", "operator", "clinician", "signer", "admin")  # as core.store.ROLES; not imported, so that help stays quick
ADMIN = "admin"

role_option = click.option(
    "--role", "roles", multiple=True, type=click.Choice(ROLE_NAMES), help="What they may do; may be given several times."
)
admin_option = click.option("--by", "by", default=None, metavar="NAME", help="An admin; needed once there is one.")
new_password_file_option = click.option(
    "--new-password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=None,
    metavar="FILE",
    help=f"Take the new password from this file's first line  [default: ${NEW_PASSWORD_VARIABLE}, then a prompt]",
)


@click.group(
    epilog="\b\nExamples:\n  trivium people add m.chen --display-name 'Dr. M. Chen' --role signer\n  trivium people list",
)
def people() -> None:
    """Who may read, edit and sign: names, roles, passwords."""


@people.command("add", epilog="\b\nExamples:\n  trivium people add m.chen --display-name 'Dr. M. Chen' --role clinician --role signer")
@click.argument("name")
@click.option("--display-name", required=True, help="How reports show them.")
@role_option
@new_password_file_option
@admin_option
@password_file_option
@pass_session
def add(
    session: Session,
    name: str,
    display_name: str,
    roles: tuple[str, ...],
    new_password_file: Path | None,
    by: str | None,
    password_file: Path | None,
) -> None:
    """Add somebody. Only a hash of the password is kept."""
    with open_session_store(session) as store:
        who = _who(store, by, password_file)
        password = read_password(f"New password of {name}", new_password_file, NEW_PASSWORD_VARIABLE, is_new=True)
        person = store.add_person(name, display_name, roles, password, who)
    click.echo(f"{person.name} was added: {', '.join(person.roles) or 'without a role'}")


@people.command("list", epilog="\b\nExamples:\n  trivium people list --json")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """Everybody, with their roles."""
    with open_session_store(session) as store:
        found = store.people()
    for person in found:
        click.echo(json.dumps(asdict(person)) if as_json else f"{person.name}  {person.display_name}  {', '.join(person.roles) or '-'}")
    if not found and not as_json:
        click.echo("nobody yet; add somebody with: trivium people add NAME --display-name ... --role signer")


@people.command("roles", epilog="\b\nExamples:\n  trivium people roles m.chen --role clinician\n  trivium people roles m.chen")
@click.argument("name")
@role_option
@admin_option
@password_file_option
@pass_session
def roles(session: Session, name: str, roles: tuple[str, ...], by: str | None, password_file: Path | None) -> None:
    """Give somebody these roles and no others; without any they can do nothing more."""
    with open_session_store(session) as store:
        person = store.set_roles(name, roles, _who(store, by, password_file))
    click.echo(f"{person.name} now is {', '.join(person.roles) or 'without a role'}")


@people.command("password", epilog="\b\nExamples:\n  trivium people password m.chen")
@click.argument("name")
@new_password_file_option
@admin_option
@password_file_option
@pass_session
def password(session: Session, name: str, new_password_file: Path | None, by: str | None, password_file: Path | None) -> None:
    """Give somebody a new password: an admin, or they themselves by their old one."""
    with open_session_store(session) as store:
        who = _who(store, by, password_file, may_be=name)
        new = read_password(f"New password of {name}", new_password_file, NEW_PASSWORD_VARIABLE, is_new=True)
        store.set_password(name, new, who)
    click.echo(f"{name} has a new password")


@people.command("unlock", epilog="\b\nExamples:\n  trivium people unlock m.chen")
@click.argument("name")
@admin_option
@password_file_option
@pass_session
def unlock(session: Session, name: str, by: str | None, password_file: Path | None) -> None:
    """End the lock that failed attempts put on somebody."""
    with open_session_store(session) as store:
        store.unlock_person(name, _who(store, by, password_file))
    click.echo(f"{name} can sign in again")


def _who(store: Store, by: str | None, password_file: Path | None, may_be: str | None = None) -> str:
    """Who makes a change: an authenticated admin, or the shell's user while there is no admin yet.

    Raises:
        InputError: there is an admin, and none was named.
        StoreError: the password is wrong.
    """
    if by is None:
        if any(ADMIN in person.roles for person in store.people()):
            raise InputError("there is an admin; name one with --by, who authenticates")
        return shell_user()
    person = store.check_password(by, read_password(f"Password of {by}", password_file))
    if ADMIN not in person.roles and person.name != may_be:
        raise InputError(f"{person.name} may not do this: it takes the role {ADMIN}")
    return person.name
