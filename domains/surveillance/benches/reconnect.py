"""A camera that dies, and one that hangs: how soon it is noticed, how soon the picture is back."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from core.alerts import AlertState
from core.benchmark import BenchContext, Metric
from core.store import AlertFilter, StoredAlert, open_store
from domains.surveillance.benches.lab import CameraServer, Watcher, camera_server, cameras_at, has_camera_server
from domains.surveillance.benches.streams import make_cameras

DOWN_S = 8.0
KIND = "camera-offline"


def run(context: BenchContext) -> list[Metric]:
    """Kill and freeze the camera server under a watcher, several times."""
    if not has_camera_server():
        return [Metric("back after the server returns, worst", None, "s", "<= 3", note="aio-rtsp-toolkit is not installed")]
    films = context.scratch / "films"
    films.mkdir()
    names = make_cameras(context.data, films)
    rounds = 2 if context.is_quick else 5
    noticed, hung, back = [], [], []
    with camera_server(films) as server:
        watcher = Watcher(
            context.scratch / "watch",
            cameras_at(server, names[:1], rules={"person": {"labels": ["person"]}}, normality={"enabled": False}),
            {"classifier": {"enabled": False}, "policy": {"clear_s": 1.0, "cooldown_s": 2.0}},
        )
        watcher.start()
        try:
            if watcher.wait_for("source", 60, state="online") is None:
                raise RuntimeError(f"the camera never came online:\n{watcher.log()[-2000:]}")
            for number in range(rounds):
                context.say(f"round {number + 1} of {rounds}")
                seconds_to_alert, seconds_back = _break_and_mend(server, watcher, is_frozen=False)
                noticed.append(seconds_to_alert)
                back.append(seconds_back)
                seconds_to_alert, _ = _break_and_mend(server, watcher, is_frozen=True)
                hung.append(seconds_to_alert)
        finally:
            watcher.stop()
        offline = _alerts(watcher.folder)
    note = f"{rounds} rounds, each {DOWN_S:.0f} s down, RTSP on loopback"
    closed = sum(a.alert.state is AlertState.CLOSED for a in offline)
    return [
        Metric(
            "dead camera: break to committed alert, worst",
            max(noticed),
            "s",
            "<= 5",
            max(noticed) <= 5,
            interval=(min(noticed), max(noticed)),
            note=note,
        ),
        Metric(
            "hung camera: break to committed alert, worst",
            max(hung),
            "s",
            "<= 5",
            max(hung) <= 5,
            interval=(min(hung), max(hung)),
            note=note,
        ),
        Metric(
            "back after the server returns, worst",
            max(back),
            "s",
            "<= 3",
            max(back) <= 3,
            peer="motion 4.5.1, as noted with its figures of an earlier run",
            peer_value=12.0,
            interval=(min(back), max(back)),
            note=note,
        ),
        Metric("back after the server returns, median", statistics.median(back), "s", note=note),
        Metric(
            "offline alerts for as many breaks",
            len(offline) / (2 * rounds),
            "",
            "1.0",
            len(offline) == 2 * rounds == closed,
            note="one merged event a break, all closed",
        ),
    ]


def _break_and_mend(server: CameraServer, watcher: Watcher, is_frozen: bool) -> tuple[float, float]:
    broken_wall_s = time.time()
    if is_frozen:
        server.freeze()
    else:
        server.kill()
    alert = watcher.wait_for("alert", 15, kind=KIND)
    if alert is None:
        raise RuntimeError(f"no {KIND} alert came:\n{watcher.log()[-2000:]}")
    committed = [a.created_wall_s for a in _alerts(watcher.folder) if a.created_wall_s >= broken_wall_s]
    time.sleep(max(0.0, broken_wall_s + DOWN_S - time.time()))  # how long the camera is down is what is being set here
    if is_frozen:
        server.thaw()
        mended_wall_s = time.time()
    else:
        server.start()
        mended_wall_s = time.time()
    online = watcher.wait_for("source", 30, state="online")
    if online is None:
        raise RuntimeError(f"the camera did not come back:\n{watcher.log()[-2000:]}")
    seconds_back = float(online.value["wall_s"]) - mended_wall_s
    while any(a.alert.state is AlertState.OPEN for a in _alerts(watcher.folder)):  # let the event end before the next one
        if watcher.wait_for("status", 30) is None:
            raise RuntimeError(f"the watcher fell silent:\n{watcher.log()[-2000:]}")
    watcher.wait_for("status", 30)
    return committed[0] - broken_wall_s, seconds_back


def _alerts(folder: Path) -> list[StoredAlert]:
    store = open_store(f"sqlite:///{folder / 'data' / 'trivium.db'}", folder / "data" / "evidence")
    found = store.alerts(AlertFilter(kind=KIND, limit=1000))
    store.close()
    return found
