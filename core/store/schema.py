"""Bring a database's tables to the schema that this program knows, by Alembic's migrations inside the package."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from core.errors import StoreError
from core.store.database import EVIDENCE_LOCK, Database

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "trivium_schema"


def newest_schema() -> str:
    """The schema that this program writes."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


def schema_of(connection: Connection) -> str | None:
    """The schema that the database has, or None for a fresh one."""
    return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()


def migrate(database: Database) -> str:
    """Bring the database up to date, in one transaction; others who come at the same time wait for it.

    Returns:
        The schema it now has.

    Raises:
        StoreError: a newer program, or another one, wrote it; or it cannot be written.
    """
    newest = newest_schema()
    with database.connect(writes=False) as connection:
        found = schema_of(connection)
    if found == newest:
        return newest
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"{database.where} has the schema {found}, newer than this program's {newest}; install a newer trivium or name another database"
        )
    with database.connect(writes=True) as connection, connection.begin():
        if database.is_postgresql:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": EVIDENCE_LOCK})
        move_schema(connection, "head")
    return newest


def move_schema(connection: Connection, revision: str) -> None:
    """Go up or down to a revision (`head`, `base` or its id) inside the connection's transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]  # newest first
    found = schema_of(connection)
    is_down = revision == "base" or (found in known and revision in known and known.index(revision) > known.index(found))
    (command.downgrade if is_down else command.upgrade)(config, revision)
