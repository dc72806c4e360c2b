"""Turn what a database or a disk complains of into one line that says what is wrong, where, and what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from core.errors import StoreError

# What SQLite and PostgreSQL say, in the order in which to look for it -> what to say to a person.
_PLAIN = (
    ("locked", "is in use by another process and did not come free within {deadline_s:g} s; end that process or try again"),
    ("not a database", "is not a SQLite database; name another file"),
    ("malformed", "is damaged; put back a backup, or save what is readable with: sqlite3 FILE .recover"),
    ("disk is full", "cannot be written, the disk is full; free some space or lower the retention limits"),
    ("No space left", "cannot be written, the disk is full; free some space or lower the retention limits"),
    ("readonly", "cannot be written; check the rights of the file and its folder"),
    ("unable to open", "cannot be opened; check that its folder exists and may be written"),
    ("disk I/O", "cannot be read or written, the disk fails or is full; check the disk"),
    ("password", "refuses the user name or the password; correct the database URL"),
    ("does not exist", "has no such database, role or table; correct the database URL"),
    ("statement timeout", "did not answer within {deadline_s:g} s; check the server"),
    ("lock timeout", "is in use by another process and did not come free within {deadline_s:g} s; try again"),
    ("timeout expired", "did not answer within {deadline_s:g} s; check the server and the network"),
    ("refused", "refuses the connection; check that the server runs at that host and port"),
    ("resolve", "cannot be found; check the host name in the database URL"),
    ("closed", "closed the connection; check the server"),
)


@contextmanager
def plain_errors(where: str, deadline_s: float, secrets: Collection[str] = ()) -> Iterator[None]:
    """Raise whatever the database says inside as a `StoreError` of one line.

    Args:
        where: the database, without its password.
        deadline_s: how long it was given.
        secrets: what must not be repeated, should the database quote it.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        said = _say(error, deadline_s)
        for secret in secrets:
            said = said.replace(secret, "***")
        raise StoreError(f"{where} {said}") from error


def disk_complaint(error: OSError, where: str) -> StoreError:
    """The error that says what the disk would not do."""
    remedy = (
        "free some space or lower the retention limits" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check the disk and its rights"
    )
    return StoreError(f"{where} cannot be read or written: {error.strerror or error}; {remedy}")


def _say(error: Exception, deadline_s: float) -> str:
    if isinstance(error, PoolTimeoutError):
        return f"has all its connections in use for {deadline_s:g} s; try again"
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    for sign, sentence in _PLAIN:
        if sign in said:
            return sentence.format(deadline_s=deadline_s)
    lines = said.strip().splitlines() or [type(error).__name__]
    return f"cannot do this: {lines[0][:200]}; see docs/store.md"
