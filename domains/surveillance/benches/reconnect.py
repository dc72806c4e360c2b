"""A camera that dies, and one that hangs: how soon it is noticed, how soon the picture is back, and `motion` beside it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.alerts import AlertState
from core.benchmark import BenchContext, Metric
from core.store import AlertFilter, StoredAlert, open_store
from domains.surveillance.benches.camera_server import NO_PLAYER, CameraServer, camera_server, found_player, played_by
from domains.surveillance.benches.lab import Watcher, cameras_at
from domains.surveillance.benches.peers import MotionCamera, has_motion
from domains.surveillance.benches.streams import make_cameras

DOWN_S = 8.0
SHOWN_S = 600.0  # every connection sees the film from its begin; none is this long
PEER_BACK_S = 60.0  # a peer that is not back by then counts with this
KIND = "camera-offline"


@dataclass(slots=True)
class Breaks:
    """What was measured, seconds a break.

    Attributes:
        noticed: from the server's death to the committed alert.
        hung: from the server's hang to the committed alert.
        back: from the server's return to the first picture.
        peer_back: from the server's return to the peer's connection, which comes before its first picture.
    """

    noticed: list[float] = field(default_factory=list)
    hung: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    peer_back: list[float] = field(default_factory=list)


def run(context: BenchContext) -> list[Metric]:
    """Kill and freeze the camera server under a watcher, and under `motion` at the same time."""
    player = found_player()
    if player is None:
        return [Metric("back after the server returns, worst", None, "s", "<= 3", note=NO_PLAYER)]
    films = context.scratch / "films"
    films.mkdir()
    names = make_cameras(context.data, films, shown_s=SHOWN_S)
    rounds = 2 if context.is_quick else 5
    breaks = Breaks()
    with camera_server(films, player) as server:
        watcher = Watcher(
            context.scratch / "watch",
            cameras_at(server, names[:1], rules={"person": {"labels": ["person"]}}, normality={"enabled": False}),
            {"classifier": {"enabled": False}, "policy": {"clear_s": 1.0, "cooldown_s": 2.0}},
        )
        watcher.start()
        peer = MotionCamera(server.url(names[0]), context.scratch, (640, 360), fps=10) if has_motion() else None
        try:
            if watcher.wait_for("source", 60, state="online") is None:
                raise RuntimeError(f"the camera never came online:\n{watcher.log()[-2000:]}")
            if peer is not None and peer.connected(0.0, PEER_BACK_S) is None:
                raise RuntimeError("motion never connected to the camera")
            for number in range(rounds):
                context.say(f"round {number + 1} of {rounds}")
                _break_and_mend(server, watcher, peer, breaks, is_frozen=False)
                _break_and_mend(server, watcher, None, breaks, is_frozen=True)
        finally:
            watcher.stop()
            if peer is not None:
                peer.stop()
        offline = _alerts(watcher.folder)
        note = f"{rounds} rounds, each {DOWN_S:.0f} s down, RTSP on loopback, played by {played_by(player)}"
    return metrics(breaks, offline, note, "" if peer is None else peer.version)


def metrics(breaks: Breaks, offline: Sequence[StoredAlert], note: str, peer_version: str) -> list[Metric]:
    """The figures of all rounds."""
    peers = breaks.peer_back
    peer = f"motion {peer_version}".rstrip() if peers else ""
    beside = (
        f"{note}; motion on the same camera in the same rounds, until it says it is connected" if peers else f"{note}; motion is not here"
    )
    closed = sum(a.alert.state is AlertState.CLOSED for a in offline)
    times = len(breaks.noticed) + len(breaks.hung)
    return [
        _worst("dead camera: break to committed alert, worst", breaks.noticed, 5.0, note),
        _worst("hung camera: break to committed alert, worst", breaks.hung, 5.0, note),
        replace(
            _worst("back after the server returns, worst", breaks.back, 3.0, beside), peer=peer, peer_value=max(peers) if peers else None
        ),
        Metric(
            "back after the server returns, median",
            statistics.median(breaks.back),
            "s",
            peer=peer,
            peer_value=statistics.median(peers) if peers else None,
            note=beside,
        ),
        Metric(
            "offline alerts for as many breaks",
            len(offline) / times,
            "",
            "1.0",
            len(offline) == times == closed,
            note="one merged event a break, all closed",
        ),
    ]


def _worst(name: str, seconds: Sequence[float], limit_s: float, note: str) -> Metric:
    return Metric(name, max(seconds), "s", f"<= {limit_s:.0f}", max(seconds) <= limit_s, interval=(min(seconds), max(seconds)), note=note)


def _break_and_mend(server: CameraServer, watcher: Watcher, peer: MotionCamera | None, breaks: Breaks, *, is_frozen: bool) -> None:
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
    (breaks.hung if is_frozen else breaks.noticed).append(committed[0] - broken_wall_s)
    if not is_frozen:
        breaks.back.append(seconds_back)
    if peer is not None:
        peer_wall_s = peer.connected(mended_wall_s, PEER_BACK_S)
        breaks.peer_back.append(PEER_BACK_S if peer_wall_s is None else peer_wall_s - mended_wall_s)
    while any(a.alert.state is AlertState.OPEN for a in _alerts(watcher.folder)):  # let the event end before the next one
        if watcher.wait_for("status", 30) is None:
            raise RuntimeError(f"the watcher fell silent:\n{watcher.log()[-2000:]}")
    watcher.wait_for("status", 30)


def _alerts(folder: Path) -> list[StoredAlert]:
    store = open_store(f"sqlite:///{folder / 'data' / 'trivium.db'}", folder / "data" / "evidence")
    found = store.alerts(AlertFilter(kind=KIND, limit=1000))
    store.close()
    return found
