"""The engine: SQLite by default, PostgreSQL by URL; one transaction at a time, each with a deadline.

SQLite: write-ahead log, foreign keys on, `synchronous=FULL` (a commit is on the disk when it returns), writers take
their turn by `BEGIN IMMEDIATE` and the busy timeout. PostgreSQL: psycopg, see `deadline.py`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from core.errors import StoreError
from core.store.complaints import disk_complaint, plain_errors
from core.store.deadline import Deadline, cover_new_connection

DEADLINE_S = 10.0
POSTGRESQL_CONNECTIONS = 5
EVIDENCE_LOCK = 0x7472_6976  # "triv": the advisory lock that keeps files and rows together on PostgreSQL
_RETRY_S = 0.02
_SCHEMES = {"sqlite": "sqlite", "sqlite+pysqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgresql+psycopg": "postgresql+psycopg"}


@dataclass(frozen=True, slots=True)
class Database:
    """A database that answers or fails within a deadline.

    Attributes:
        engine: SQLAlchemy's engine with its pool.
        where: the database as it may be shown: no user, no password.
        deadline_s: how long one transaction may take on PostgreSQL, or wait for its turn on SQLite.
        secrets: the passwords of its URL, so that no error repeats them.
    """

    engine: Engine
    where: str
    deadline_s: float
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def is_postgresql(self) -> bool:
        """Whether it is a server."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads.

        Raises:
            StoreError: the database cannot be read, or not in time.
        """
        with self.connect(writes=False) as connection, Session(bind=connection, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def write(self, *, holds_files: bool = False) -> Iterator[Session]:
        """A transaction that writes, committed when the block ends.

        Args:
            holds_files: nobody else may put evidence files in their place or remove them meanwhile.

        Raises:
            StoreError: the database cannot be written, or not in time. After a server's deadline it is not known
                whether the commit took place: saying the same again is safe.
        """
        with self.connect(writes=True) as connection, Session(bind=connection, expire_on_commit=False) as session, session.begin():
            if holds_files and self.is_postgresql:
                session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": EVIDENCE_LOCK})
            yield session

    @contextmanager
    def connect(self, *, writes: bool) -> Iterator[Connection]:
        """A connection under the deadline; its first statement begins a transaction that reads or writes."""
        with plain_errors(self.where, self.deadline_s, self.secrets):
            if not self.is_postgresql:
                with self.engine.connect().execution_options(writes=writes) as connection:
                    yield connection
                return
            with Deadline(self.deadline_s) as deadline:
                try:
                    with self._answering(deadline) as connection:
                        yield connection
                except DBAPIError as error:
                    if deadline.has_passed:
                        raise StoreError(
                            f"{self.where} did not answer within {self.deadline_s:g} s; check the server and the network"
                        ) from error
                    raise

    def _answering(self, deadline: Deadline) -> Connection:
        """A connection that has just answered; a pooled one that died is replaced once (the server was restarted)."""
        for is_last in (False, True):
            connection = self.engine.connect()
            deadline.covers(connection.connection.dbapi_connection)
            try:
                connection.exec_driver_sql("SELECT 1")
                connection.rollback()
            except DBAPIError as error:
                connection.close()
                if is_last or deadline.has_passed or not error.connection_invalidated:
                    raise
            else:
                return connection
        raise AssertionError


def open_database(url: str | URL, deadline_s: float = DEADLINE_S) -> Database:
    """Make ready to talk to a database; makes the folder of a SQLite file.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.
        deadline_s: how long a transaction may take or wait.

    Raises:
        StoreError: the URL is of another kind, its folder cannot be made, or psycopg is not installed.
    """
    parsed = _parse(url)
    if parsed.drivername == "sqlite":
        return _open_sqlite(parsed, deadline_s)
    return _open_postgresql(parsed, deadline_s)


def _parse(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError("the database URL cannot be read; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME") from None
    if parsed.drivername not in _SCHEMES:
        raise StoreError(
            f"databases of the kind {parsed.drivername} are not known; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        )
    return parsed.set(drivername=_SCHEMES[parsed.drivername])


def _open_sqlite(url: URL, deadline_s: float) -> Database:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise StoreError("the database URL names no file; write sqlite:///FILE")
    file = Path(url.database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_complaint(error, f"the database's folder {file.parent}") from error
    engine = create_engine(URL.create("sqlite", database=str(file)), hide_parameters=True, pool_timeout=deadline_s)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's `begin` event below says BEGIN, not the driver
        connection.execute(f"PRAGMA busy_timeout = {int(deadline_s * 1000)}")
        _turn_on_write_ahead_log(connection, deadline_s)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA trusted_schema = OFF")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return Database(engine=engine, where=f"the database {file}", deadline_s=deadline_s)


def _turn_on_write_ahead_log(connection: sqlite3.Connection, deadline_s: float) -> None:
    """Set WAL; SQLite does not wait for its turn here (once in a file's life), so this does."""
    give_up_s = time.monotonic() + deadline_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up_s:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _open_postgresql(url: URL, deadline_s: float) -> Database:
    if "@" in f"{url.host}/{url.database}":  # the URL was cut inside the password
        raise StoreError("the database URL cannot be read; write / and @ inside the password as %2F and %40")
    milliseconds = int(deadline_s * 1000)
    limits = {"statement_timeout": milliseconds, "lock_timeout": milliseconds, "idle_in_transaction_session_timeout": 2 * milliseconds}
    arguments: dict[str, Any] = {
        "connect_timeout": max(2, int(deadline_s)),
        "application_name": "trivium",
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    try:
        engine = create_engine(
            url, hide_parameters=True, connect_args=arguments, pool_size=POSTGRESQL_CONNECTIONS, pool_timeout=deadline_s, pool_recycle=3600
        )
    except ImportError as error:
        raise StoreError("PostgreSQL needs psycopg; install it with: pip install 'trivium[postgres]'") from error
    event.listen(engine, "connect", cover_new_connection, insert=True)
    where = f"the database {url.host or 'on this machine'}{f':{url.port}' if url.port else ''}/{url.database or ''}"
    secrets = (url.password, *url.normalized_query.get("password", ()), *url.normalized_query.get("sslpassword", ()))
    return Database(engine=engine, where=where, deadline_s=deadline_s, secrets=tuple(secret for secret in secrets if secret))
