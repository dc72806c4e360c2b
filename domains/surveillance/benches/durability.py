"""kill -9 at random moments: no committed alert lost, no row that names a missing or half file, and quickly back."""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path

from core.benchmark import BenchContext, Metric
from core.store import AlertFilter, open_store
from domains.surveillance.benches.camera_server import NO_PLAYER, camera_server, found_player
from domains.surveillance.benches.lab import Watcher, cameras_at
from domains.surveillance.benches.streams import make_cameras

SEED = 20_26


def run(context: BenchContext) -> list[Metric]:
    """Kill a watcher again and again while it raises alerts and writes clips."""
    player = found_player()
    if player is None:
        return [Metric("committed alerts lost", None, "", "0", note=NO_PLAYER)]
    kills = 8 if context.is_quick else 50
    moments = random.Random(SEED)
    films = context.scratch / "films"
    films.mkdir()
    names = make_cameras(context.data, films, shown_s=60.0, quiet_s=1.5, visit_s=2.0)
    restarts, lost, faulty = [], 0, 0
    announced: set[str] = set()
    with camera_server(films, player) as server:
        cameras = cameras_at(server, names, rules={"person": {"labels": ["person"], "min_duration_s": 0.0}}, normality={"enabled": False})
        settings = {"policy": {"clear_s": 0.5, "cooldown_s": 0.5}, "evidence": {"before_s": 1.0, "after_s": 1.0}}
        watcher = Watcher(context.scratch / "watch", cameras, settings)
        for number in range(kills):
            watcher.lines.clear()
            watcher.start()
            online = watcher.wait_for("source", 60, state="online")
            if online is None:
                raise RuntimeError(f"it did not come back:\n{watcher.log()[-2000:]}")
            restarts.append(float(online.value["wall_s"]) - watcher.started_wall_s)
            time.sleep(moments.uniform(0.5, 14.0))  # the random moment is what is measured
            watcher.kill()
            announced |= {line.value["id"] for line in watcher.lines if line.value.get("event") == "alert"}
            missing, bad = _examine(watcher.folder, announced)
            lost += missing
            faulty += bad
            context.say(f"kill {number + 1} of {kills}: {len(announced)} alerts so far, {lost} lost, {faulty} faulty rows")
    note = f"{kills} kills at random moments (seed {SEED}), 4 cameras, {len(announced)} alerts announced after their commit"
    return [
        Metric("committed alerts lost", float(lost), "", "0", lost == 0, note=note),
        Metric("rows that name a missing or half file", float(faulty), "", "0", faulty == 0, note=note),
        Metric(
            "start to first frame, worst",
            max(restarts),
            "s",
            "<= 5",
            max(restarts) <= 5,
            interval=(min(restarts), max(restarts)),
            note=note,
        ),
        Metric("start to first frame, median", statistics.median(restarts), "s", note=note),
    ]


def _examine(folder: Path, announced: set[str]) -> tuple[int, int]:
    store = open_store(f"sqlite:///{folder / 'data' / 'trivium.db'}", folder / "data" / "evidence")
    kept = {stored.alert.id for stored in store.alerts(AlertFilter(limit=10_000))}
    faults = store.check(deep=True)
    store.close()
    return len(announced - kept), len(faults)
