"""The notifiers of the configuration, at work while something is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.alerts import Alert, EvidenceKind
from core.store import Store
from pipelines.notify import open_notifier


@contextmanager
def alarms(settings: Any, store: Store) -> Iterator[Callable[[Alert], None]]:
    """Tell those who want to know; what could not be delivered lies in `dead-letters.jsonl` in the data folder.

    Raises:
        ConfigError: an address or a secret cannot be used.
    """

    def snapshot_of(alert_id: str) -> Path | None:
        return next((e.path for e in store.alert(alert_id).evidence if e.kind is EvidenceKind.SNAPSHOT), None)

    notifier = open_notifier(settings.notify, settings.data_folder.expanduser() / "dead-letters.jsonl", snapshot_of)
    try:
        yield notifier.tell
    finally:
        notifier.close()
