"""The triggers that keep reports and the audit trail from being changed: their names, and whether they are still there."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

APPEND_ONLY = ("report_versions", "report_files", "audit_entries")
_SQLITE = tuple(f"{table}_{event}" for table in (*APPEND_ONLY, "reports") for event in ("update", "delete", "replace"))
_POSTGRESQL = tuple(f"{table}_{event}" for table in (*APPEND_ONLY, "reports") for event in ("change", "truncate"))


def missing_guards(session: Session) -> tuple[str, ...]:
    """Names of the triggers that somebody has dropped or switched off; empty as it should be."""
    if session.get_bind().dialect.name == "postgresql":
        wanted = _POSTGRESQL
        query = "SELECT tgname FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal"
    else:
        wanted = _SQLITE
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    found = set(session.scalars(text(query)))
    return tuple(name for name in wanted if name not in found)
