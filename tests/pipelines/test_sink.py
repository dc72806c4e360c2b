"""Live findings wait for a store that does not take them, and are written in order once it does."""

from __future__ import annotations

import threading
from pathlib import Path

from core.alerts import Alert, AlertState, EvidenceKind
from core.errors import StoreError
from pipelines.sink import LiveSink


def alert(number: int) -> Alert:
    return Alert(
        f"{number:032x}", "surveillance", "hall", "person", "rule", AlertState.OPEN, 0.0, 1.0, None, None, 1.0, "somebody is there"
    )


class StubbornSink:
    """Refuses until it is told to take; then remembers the order. Stands in for a store on a full disk."""

    def __init__(self) -> None:
        self.takes = threading.Event()
        self.refused = threading.Event()
        self.order: list[str] = []

    def save(self, alert: Alert) -> None:
        if not self.takes.is_set():
            self.refused.set()
            raise StoreError("database is locked")
        self.order.append(alert.id[-1])

    def attach(
        self, alert_id: str, kind: EvidenceKind, content: bytes | Path, media_type: str, name: str, start_s: float | None = None
    ) -> None:
        self.order.append(f"{alert_id[-1]}:{kind.value}")


def live(sink: StubbornSink) -> LiveSink:
    return LiveSink(sink)  # type: ignore[arg-type]


def test_nothing_is_lost_while_the_database_is_locked_and_order_is_kept(monkeypatch) -> None:
    monkeypatch.setattr(LiveSink, "RETRY_S", 0.01)
    stubborn = StubbornSink()
    sink = live(stubborn)

    sink.save(alert(1))
    sink.attach(alert(1).id, EvidenceKind.SNAPSHOT, b"jpeg", "image/jpeg", "snapshot.jpg")
    sink.save(alert(2))
    assert stubborn.refused.wait(10)
    assert sink.trouble == "database is locked"
    stubborn.takes.set()

    assert sink.close() == 0
    assert stubborn.order == ["1", "1:snapshot", "2"]
    assert sink.trouble == ""
    assert sink.waiting_bytes == 0


def test_pictures_beyond_the_memory_bound_are_counted_but_alerts_are_kept(monkeypatch) -> None:
    monkeypatch.setattr(LiveSink, "MAX_WAITING_BYTES", 10)
    monkeypatch.setattr(LiveSink, "RETRY_S", 0.01)
    stubborn = StubbornSink()
    sink = live(stubborn)

    sink.save(alert(1))
    sink.attach(alert(1).id, EvidenceKind.SNAPSHOT, b"12345678", "image/jpeg", "a.jpg")
    sink.attach(alert(1).id, EvidenceKind.SNAPSHOT, b"12345678", "image/jpeg", "b.jpg")
    sink.save(alert(2))
    stubborn.takes.set()
    sink.close()

    assert sink.lost_evidence == 1
    assert stubborn.order == ["1", "1:snapshot", "2"]


def test_closing_says_how_much_could_not_be_written(monkeypatch) -> None:
    monkeypatch.setattr(LiveSink, "RETRY_S", 0.01)
    sink = live(StubbornSink())
    sink.save(alert(1))
    sink.save(alert(2))

    assert sink.close(timeout_s=5) == 2
