"""People: who may do what, and whether somebody is who they say.

Every attempt is counted before the password is looked at, so attempts at the same time do not get around the lock. What fails says the
same in the same time, whether the name, the password or the moment was wrong.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import StoreError
from core.store import passwords
from core.store.audit import append_entry
from core.store.cleaning import clean_text
from core.store.database import Database
from core.store.report_models import PersonRow
from core.store.report_values import ROLES, Person

FREE_FAILURES = 5
FIRST_LOCK_S = 30.0
LONGEST_LOCK_S = 3600.0
MAX_DISPLAY_CHARACTERS = 200
REFUSED = "the name or the password is wrong, or there were too many attempts; check both, and after several attempts wait a while"
RESERVED = frozenset({"model", "trivium", "system", "shell", "unknown"})
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


def add_person(database: Database, name: str, display_name: str, roles: Collection[str], password: str, by: str) -> Person:
    """Add somebody; see `Store.add_person`."""
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise StoreError(f"{name[:80]!r} cannot be a person's name; use 1 to 64 of a-z, 0-9, dot, dash and underscore, such as m.chen")
    shown = clean_text(display_name).strip()
    if not shown or len(shown) > MAX_DISPLAY_CHARACTERS or not shown.isprintable():
        raise StoreError(f"the display name must be 1 to {MAX_DISPLAY_CHARACTERS} printable characters")
    held = _checked_roles(roles)
    passwords.check_strength(password, name)
    password_hash = passwords.hash_password(password)
    with database.write() as session:
        if _row(session, name) is not None:
            raise StoreError(f"there is a person {name} already; change their roles or password, or choose another name")
        now_s = time.time()
        session.add(
            PersonRow(
                name=name,
                display_name=shown,
                roles=list(held),
                password_hash=password_hash,
                failures=0,
                locked_until_wall_s=None,
                created_wall_s=now_s,
            )
        )
        append_entry(session, by, "person.added", name, {"display_name": shown, "roles": list(held)}, now_s)
    return Person(name, shown, held)


def find_people(session: Session) -> list[Person]:
    """Everybody, by name."""
    return [_person(row) for row in session.scalars(select(PersonRow).order_by(PersonRow.name))]


def set_roles(database: Database, name: str, roles: Collection[str], by: str) -> Person:
    """Give somebody these roles and no others; see `Store.set_roles`."""
    held = _checked_roles(roles)
    with database.write() as session:
        row = _known(session, name)
        append_details = {"roles": list(held), "before": list(row.roles)}
        row.roles = list(held)
        append_entry(session, by, "person.roles", name, append_details)
        return _person(row)


def set_password(database: Database, name: str, password: str, by: str) -> None:
    """Give somebody a new password, and end their lock; see `Store.set_password`."""
    passwords.check_strength(password, name)
    password_hash = passwords.hash_password(password)
    with database.write() as session:
        row = _known(session, name)
        row.password_hash, row.failures, row.locked_until_wall_s = password_hash, 0, None
        append_entry(session, by, "person.password", name, {})


def unlock(database: Database, name: str, by: str) -> None:
    """End somebody's lock now."""
    with database.write() as session:
        row = _known(session, name)
        row.failures, row.locked_until_wall_s = 0, None
        append_entry(session, by, "person.unlocked", name, {})


def check_password(database: Database, name: str, password: str) -> Person:
    """Make sure that somebody is who they say; see `Store.check_password`."""
    password_hash = _count_attempt(database, name)
    is_right = passwords.is_password(password_hash or passwords.nobodys_hash(), password) and password_hash is not None
    fresh_hash = passwords.hash_password(password) if is_right and passwords.is_outdated(password_hash or "") else password_hash
    with database.write() as session:
        row = _row(session, name)
        if row is None or not is_right or row.password_hash != password_hash:
            known = "" if row is None else name  # what is no name may be a password in the wrong field
            append_entry(
                session, known or "unknown", "person.refused", known or "unknown", {"failures": 0 if row is None else row.failures}
            )
            person = None
        else:
            row.password_hash, row.failures, row.locked_until_wall_s = fresh_hash or row.password_hash, 0, None
            person = _person(row)
    if person is None:
        raise StoreError(REFUSED)
    return person


def require_role(session: Session, person: Person, roles: Collection[str], what: str) -> None:
    """Make sure, inside a transaction, that a person has one of the roles now.

    Raises:
        StoreError: they have not.
    """
    row = _row(session, person.name)
    if row is None or not set(roles) & set(row.roles):
        raise StoreError(f"{person.name} may not {what}: it takes the role {' or '.join(roles)}; an admin gives it")


def lock_after(failures: int) -> float:
    """Seconds without an attempt after so many failures in a row."""
    if failures < FREE_FAILURES:
        return 0.0
    return float(min(LONGEST_LOCK_S, FIRST_LOCK_S * 2.0 ** min(failures - FREE_FAILURES, 20)))


def _count_attempt(database: Database, name: str) -> str | None:
    """Note an attempt before it is judged; returns the hash to judge by, or None where there is nothing to judge."""
    now_s = time.time()
    with database.write() as session:
        row = _row(session, name)
        if row is None or (row.locked_until_wall_s is not None and now_s < row.locked_until_wall_s):
            return None
        row.failures += 1
        wait_s = lock_after(row.failures)
        row.locked_until_wall_s = now_s + wait_s if wait_s else None
        return row.password_hash


def _checked_roles(roles: Collection[str]) -> tuple[str, ...]:
    unknown = sorted(set(roles) - set(ROLES))
    if unknown:
        raise StoreError(f"there is no role {unknown[0][:40]!r}; roles are {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in roles)


def _row(session: Session, name: str) -> PersonRow | None:
    return session.get(PersonRow, name, with_for_update=True) if _NAME.fullmatch(name) else None


def _known(session: Session, name: str) -> PersonRow:
    row = _row(session, name)
    if row is None:
        raise StoreError(f"there is no person {name[:64]!r}; list the people to see their names")
    return row


def _person(row: PersonRow) -> Person:
    return Person(row.name, row.display_name, tuple(row.roles))
