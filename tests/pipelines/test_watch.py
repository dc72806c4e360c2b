"""Live watching as a user runs it: a process, a real RTSP server that dies and comes back, a store that is read afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.alerts import AlertState, EvidenceKind
from core.store import AlertFilter, Store, open_store
from domains.surveillance.benches.camera_server import CameraServer, Player, camera_server
from domains.surveillance.benches.footage import Take, make_film
from domains.surveillance.benches.lab import Watcher, cameras_at

RULES = {"person": {"labels": ["person"], "min_duration_s": 0.0}}
SETTINGS = {
    "classifier": {"enabled": False},
    "policy": {"clear_s": 1.0, "cooldown_s": 1.0},
    "evidence": {"before_s": 1.0, "after_s": 1.0},
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def server(sample_data: Path, packaged: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[CameraServer]:
    packaged("nanodet")
    films = tmp_path_factory.mktemp("films")
    lobby = sample_data / "surveillance" / "lobby.mp4"
    make_film([Take(lobby, 0, 55, 4.0), Take(lobby, 300, 420, 5.0)], films / "visit.mp4")
    with camera_server(films, Player.AIO_RTSP_TOOLKIT) as running:
        yield running


def store_of(watcher: Watcher) -> Store:
    return open_store(f"sqlite:///{watcher.folder / 'data' / 'trivium.db'}", watcher.folder / "data" / "evidence")


def test_an_alert_is_committed_with_its_clip_and_the_watcher_ends_cleanly(server: CameraServer, tmp_path: Path) -> None:
    watcher = Watcher(tmp_path, cameras_at(server, ["visit.mp4"], rules=RULES, normality={"enabled": False}), SETTINGS)
    watcher.start()

    alert = watcher.wait_for("alert", 90, kind="rule:person")
    assert alert is not None, watcher.log()
    assert watcher.wait_for("alert", 60, kind="rule:person") is not None  # the first one has ended by now
    assert watcher.stop() == 0

    stored = store_of(watcher).alerts(AlertFilter(kind="rule:person"))
    first = next(s for s in stored if s.alert.id == alert.value["id"])
    assert first.alert.state is AlertState.CLOSED
    assert {EvidenceKind.SNAPSHOT, EvidenceKind.CLIP} <= {e.kind for e in first.evidence}
    assert not store_of(watcher).check(deep=True)
    assert all(s.alert.state is not AlertState.OPEN for s in stored)


def test_a_server_that_dies_and_returns_is_one_offline_alert_and_watching_goes_on(server: CameraServer, tmp_path: Path) -> None:
    watcher = Watcher(tmp_path, cameras_at(server, ["visit.mp4"], rules=RULES, normality={"enabled": False}), SETTINGS)
    watcher.start()
    assert watcher.wait_for("source", 90, state="online") is not None, watcher.log()
    assert watcher.wait_for("status", 30) is not None

    server.kill()
    assert watcher.wait_for("alert", 30, kind="camera-offline") is not None, watcher.log()
    server.start()
    assert watcher.wait_for("source", 30, state="online") is not None, watcher.log()
    assert watcher.wait_for("alert", 60, kind="rule:person") is not None, watcher.log()
    watcher.stop()

    assert len(store_of(watcher).alerts(AlertFilter(kind="camera-offline"))) == 1


def test_killed_at_once_it_leaves_no_row_without_its_file_and_marks_what_was_open(server: CameraServer, tmp_path: Path) -> None:
    watcher = Watcher(tmp_path, cameras_at(server, ["visit.mp4"], rules=RULES, normality={"enabled": False}), SETTINGS)
    watcher.start()
    alert = watcher.wait_for("alert", 90, kind="rule:person")
    assert alert is not None, watcher.log()
    watcher.kill()

    store = store_of(watcher)
    assert store.alert(str(alert.value["id"])).alert.state is AlertState.OPEN
    assert not store.check(deep=True)
    assert store.interrupt_open_alerts() >= 1
    assert store.alert(str(alert.value["id"])).alert.state is AlertState.INTERRUPTED


def test_a_camera_that_refuses_the_password_is_shown_offline_and_the_password_nowhere(server: CameraServer, tmp_path: Path) -> None:
    cameras = {"door": {"url": f"rtsp://viewer:hunter2-secret@127.0.0.1:{server.port}/no-such-film.mp4"}}
    watcher = Watcher(tmp_path, cameras, SETTINGS)
    watcher.start()
    offline = watcher.wait_for("source", 90, state="offline")
    assert offline is not None, watcher.log()
    watcher.wait_for("alert", 20, kind="camera-offline")
    watcher.stop()

    said = watcher.log() + "".join(str(line.value) for line in watcher.lines)
    assert "hunter2-secret" not in said
    for file in (tmp_path / "data").rglob("*"):
        assert not file.is_file() or b"hunter2-secret" not in file.read_bytes()
