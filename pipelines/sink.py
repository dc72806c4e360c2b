"""From a domain to the store: straight away for a recording, by a writer of its own for live sources."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.alerts import Alert, AlertState, EvidenceKind
from core.errors import StoreError
from core.store import Store
from domains.contract import ReportDraft

log = logging.getLogger(__name__)

OnOpen = Callable[[Alert], None]


class StoreSink:
    """Commits at once; a failure reaches the caller.

    Attributes:
        opened: alerts saved for the first time.
        drafted: reports kept.
    """

    def __init__(self, store: Store, run_id: str, on_open: OnOpen | None = None) -> None:
        self._store = store
        self._run_id = run_id
        self._on_open = on_open
        self._known: set[str] = set()
        self.opened = 0
        self.drafted = 0

    def save(self, alert: Alert) -> None:
        """Commit an alert; tell `on_open` once it is committed for the first time."""
        self._store.save_alert(alert, self._run_id)
        if alert.id not in self._known:
            self._known.add(alert.id)
            self.opened += 1
            if self._on_open is not None and alert.state is AlertState.OPEN:
                self._on_open(alert)

    def attach(
        self, alert_id: str, kind: EvidenceKind, content: bytes | Path, media_type: str, name: str, start_s: float | None = None
    ) -> None:
        """Keep a piece of evidence; a file is gone from its old place afterwards."""
        self._store.attach(alert_id, kind, content, media_type, name, start_s)
        if isinstance(content, Path):
            content.unlink(missing_ok=True)

    def draft(self, draft: ReportDraft) -> None:
        """Commit a draft report with its files."""
        self._store.save_draft(draft.domain, draft.subject, draft.body, draft.by, report_id=draft.id, files=draft.files)
        self.drafted += 1


@dataclass(frozen=True, slots=True)
class _Piece:
    alert_id: str
    kind: EvidenceKind
    content: bytes | Path
    media_type: str
    name: str
    start_s: float | None

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else 0


class LiveSink:
    """Commits in a thread of its own, so that a slow disk never stops the cameras.

    What cannot be committed (database locked, disk full) waits and is tried again in order; alerts are never thrown away,
    evidence is once it would fill the memory, and that is counted.

    Attributes:
        waiting_bytes: pictures in memory that are not yet kept.
        lost_evidence: pieces thrown away because too much was waiting.
        trouble: one line on what hinders the store now, or empty.
    """

    MAX_WAITING_BYTES = 64 * 2**20
    RETRY_S = 1.0

    def __init__(self, sink: StoreSink) -> None:
        self._sink = sink
        self._waiting: deque[Alert | _Piece | ReportDraft] = deque()
        self._bell = threading.Condition()
        self._is_closing = False
        self.waiting_bytes = 0
        self.lost_evidence = 0
        self.trouble = ""
        self._writer = threading.Thread(target=self._write, name="store writer", daemon=True)
        self._writer.start()

    def save(self, alert: Alert) -> None:
        """Hand an alert to the writer."""
        with self._bell:
            self._waiting.append(alert)
            self._bell.notify()

    def attach(
        self, alert_id: str, kind: EvidenceKind, content: bytes | Path, media_type: str, name: str, start_s: float | None = None
    ) -> None:
        """Hand a piece of evidence to the writer."""
        piece = _Piece(alert_id, kind, content, media_type, name, start_s)
        with self._bell:
            if self.waiting_bytes + piece.size > self.MAX_WAITING_BYTES:
                self.lost_evidence += 1
                return
            self.waiting_bytes += piece.size
            self._waiting.append(piece)
            self._bell.notify()

    def draft(self, draft: ReportDraft) -> None:
        """Hand a draft report to the writer; like an alert it is never thrown away."""
        with self._bell:
            self._waiting.append(draft)
            self._bell.notify()

    def __len__(self) -> int:
        return len(self._waiting)

    def close(self, timeout_s: float = 10.0) -> int:
        """Write what waits, for at most `timeout_s`.

        Returns:
            How many pieces could not be written.
        """
        with self._bell:
            self._is_closing = True
            self._bell.notify()
        self._writer.join(timeout_s)
        return len(self._waiting)

    def _write(self) -> None:
        while True:
            with self._bell:
                self._bell.wait_for(lambda: self._waiting or self._is_closing)
                if not self._waiting:
                    return
                first, is_last_try = self._waiting[0], self._is_closing
            try:
                if isinstance(first, Alert):
                    self._sink.save(first)
                elif isinstance(first, ReportDraft):
                    self._sink.draft(first)
                else:
                    self._sink.attach(first.alert_id, first.kind, first.content, first.media_type, first.name, first.start_s)
            except StoreError as error:
                if str(error) != self.trouble:
                    log.warning("the store does not take what was found; it waits and is tried again: %s", error)
                self.trouble = str(error)
                if is_last_try:
                    return
                with self._bell:
                    self._bell.wait_for(lambda: self._is_closing, self.RETRY_S)
                continue
            with self._bell:
                self.trouble = ""
                self._waiting.popleft()
                if isinstance(first, _Piece):
                    self.waiting_bytes -= first.size
