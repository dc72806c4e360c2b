"""The store that the configuration names, for the length of a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipelines.cli import Session

if TYPE_CHECKING:
    from core.store import Store


@contextmanager
def open_session_store(session: Session) -> Iterator[Store]:
    """The configured store, closed afterwards."""
    from core.store import open_store

    store = open_store(session.settings.store_url(), session.settings.evidence_folder())
    try:
        yield store
    finally:
        store.close()
