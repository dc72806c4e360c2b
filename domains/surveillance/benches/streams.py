"""How many cameras a machine carries: lag from an event to its committed alert, memory, processor, drops.

Eight cameras, 640x360 at 10 frames a second with sound, all with people coming and going. In each film somebody appears from
one frame to the next (a cut from the empty room), so the moment is known to the frame; the alert's row says when it was
committed.
"""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil

from core.alerts import EvidenceKind
from core.benchmark import BenchContext, Metric
from core.store import AlertFilter, StoredAlert, open_store
from domains.surveillance.benches.camera_server import NO_PLAYER, Player, camera_server, found_player, played_by
from domains.surveillance.benches.footage import Take, make_film, read_sound, repeat_film
from domains.surveillance.benches.lab import Watcher, cameras_at

CAMERAS = 8
QUIET = (0, 55)  # frames of the empty room
VISITS = ((300, 420), (560, 680), (800, 860), (1000, 1150))  # frames with one person well in view
QUIET_S, VISIT_S = 12.0, 6.0
FPS, FRAME_S = 10, 0.1
CLEAR_S, COOLDOWN_S = 2.0, 3.0
START_S = 60.0  # a watcher starts within this
CUT_LUMA = 4.0  # mean change of luma from one frame to the next


def run(context: BenchContext) -> list[Metric]:
    """Watch eight cameras at once."""
    player = found_player()
    if player is None:
        return [Metric("event to committed alert, p95", None, "s", "<= 1.0", note=NO_PLAYER)]
    films = context.scratch / "films"
    films.mkdir()
    watched_s = 60.0 if context.is_quick else 300.0
    names = make_cameras(context.data, films, shown_s=watched_s + START_S)
    settings = {
        "classifier": {"enabled": True},
        "policy": {"clear_s": CLEAR_S, "cooldown_s": COOLDOWN_S},
        "evidence": {"before_s": 2.0, "after_s": 2.0},
    }
    rules = {"person": {"labels": ["person"], "min_duration_s": 0.0}}
    with camera_server(films, player) as server:
        cameras = cameras_at(server, [names[i % len(names)] for i in range(CAMERAS)], rules=rules, normality={"enabled": False})
        watcher = Watcher(context.scratch / "watch", cameras, settings)
        context.say(f"{CAMERAS} cameras for {watched_s:.0f} s, played by {played_by(player)}")
        watcher.start()
        use = Usage(watcher)
        try:
            first = watcher.wait_for("status", START_S)
            deadline_s = time.monotonic() + watched_s
            while time.monotonic() < deadline_s:
                watcher.wait_for("status", max(0.1, min(10.0, deadline_s - time.monotonic())))
        finally:
            use.stop()
            watcher.stop()
    if first is None:
        raise RuntimeError(f"the watcher said nothing:\n{watcher.log()[-2000:]}")
    statuses = [line.value for line in watcher.lines if line.value["event"] == "status"]
    note = (
        f"{CAMERAS} cameras 640x360, 10 fps, AAC, made from one-by-one-person-detection.mp4 (seed 7), {watched_s:.0f} s, classifier on, "
        f"played by {played_by(player)}"
    )
    if player is Player.GSTREAMER:
        seen_s = {source["name"]: source["counts"]["frames"] / FPS for source in statuses[-1]["sources"]}
        lags = visit_lags(watcher.folder, seen_s)
    else:
        lags = event_lags(watcher.folder)
    return [*lag_metrics(lags, note), *frame_metrics(statuses, note), *use.metrics(note)]


def lag_metrics(lags: Sequence[float], note: str) -> list[Metric]:
    """How late alerts are; an event that was never alerted is infinitely late."""
    if not lags:
        return [Metric("event to committed alert, p95", None, "s", "<= 1.0", note=f"{note}; no event was alerted")]
    ranked = sorted(lags)
    p95 = ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))]
    missed = sum(math.isinf(lag) for lag in lags)
    note = f"{note}; {len(lags)} events, those without an alert count as never"
    return [
        Metric("event to committed alert, p95", p95, "s", "<= 1.0", p95 <= 1.0, interval=(ranked[0], ranked[-1]), note=note),
        Metric("event to committed alert, median", statistics.median(lags), "s", note=note),
        Metric("events without an alert of their own", float(missed), "", note=f"of {len(lags)}"),
    ]


def frame_metrics(statuses: Sequence[Mapping[str, Any]], note: str) -> list[Metric]:
    """What became of the frames: read, due for the judge, dropped."""
    fps = statistics.median(s["fps"] for status in statuses[2:] for s in status["sources"]) if len(statuses) > 3 else None
    sources = statuses[-1]["sources"]

    def total(name: str) -> float:
        return float(sum(source["counts"][name] for source in sources))

    due, dropped = total("frames_due"), total("frames_dropped")
    return [
        Metric("frames a second and camera, median", fps, "1/s", ">= 9.5", None if fps is None else fps >= 9.5, note=note),
        Metric("frames read", total("frames"), "", note="all cameras; each went through the motion gate"),
        Metric("frames damaged", total("frames_damaged"), "", note="skipped and counted"),
        Metric("frames due", due, "", note="of those read: for the judge, by motion or because it is time for a look"),
        Metric("frames due and dropped", dropped, "", note="a newer one replaced them before the judge was free"),
        Metric("share of due frames dropped", dropped / max(1.0, due), "", note=f"{dropped:.0f} of {due:.0f}"),
        Metric("frames inspected by the detector", total("inspected"), "", note="of those due"),
        Metric("blocks of sound dropped", total("sounds_dropped"), "", note=f"of {total('sound_blocks'):.0f}"),
    ]


def make_cameras(data: Path, out: Path, shown_s: float, quiet_s: float = QUIET_S, visit_s: float = VISIT_S) -> list[str]:
    """Four films, `shown_s` long at least, in which an empty room and a person take turns, each with another person; their names."""
    film = data / "surveillance" / "intel_sample_videos" / "one-by-one-person-detection.mp4"
    sounds = sorted((data / "audio" / "esc10" / "audio").glob("*.ogg"))[:4]
    names = []
    for index, (first, last) in enumerate(VISITS):
        sound = read_sound(sounds[index]) * 0.3 if index < len(sounds) else None
        quiet, visit = Take(film, *QUIET, quiet_s), Take(film, first, last, visit_s, sound)
        names.append(f"cam{index}.mp4")
        once = out / f"once{index}.mp4"
        length_s = make_film([quiet, visit], once)
        repeat_film(once, out / names[-1], math.ceil(shown_s / length_s))
        once.unlink()
    return names


def visit_lags(folder: Path, seen_s: Mapping[str, float]) -> list[float]:
    """From each visit's first frame, by the film, to the committed row of the person rule; infinite where there is no alert.

    Only for cameras that keep time: the clock of the camera's stream is then the film's.

    Args:
        folder: the watcher's.
        seen_s: how much of its film each camera was seen to show.
    """
    lags = {
        (camera, number): math.inf
        for camera, length_s in seen_s.items()
        for number in range(math.ceil((length_s - QUIET_S - VISIT_S) / (QUIET_S + VISIT_S)))
    }
    for stored in _person_alerts(folder):
        number, into_s = divmod(stored.alert.start_s - QUIET_S + FRAME_S / 2, QUIET_S + VISIT_S)
        visit = (stored.alert.source, int(number))
        if stored.alert.wall_start_s is not None and visit in lags and into_s < VISIT_S:
            appeared_wall_s = stored.alert.wall_start_s - (into_s - FRAME_S / 2)
            lags[visit] = min(lags[visit], stored.created_wall_s - appeared_wall_s)
    return list(lags.values())


def event_lags(folder: Path) -> list[float]:
    """From the arrival of the first frame that shows somebody to the committed row, for each alert of the person rule.

    The frame is looked for in the alert's own clip, which is a copy of what the camera sent: for cameras whose stamps step, so
    that the film's time is no truth. An event that was never alerted is not seen here.
    """
    lags = []
    for stored in _person_alerts(folder):
        alert = stored.alert
        clip = next((e for e in stored.evidence if e.kind is EvidenceKind.CLIP), None)
        cut_s = None if clip is None or clip.start_s is None else clip.start_s + (cut_in(clip.path) or float("nan"))
        if alert.wall_start_s is not None and cut_s is not None and 0.0 <= alert.start_s - cut_s < VISIT_S:
            lags.append(stored.created_wall_s - (alert.wall_start_s - (alert.start_s - cut_s)))
    return lags


def _person_alerts(folder: Path) -> list[StoredAlert]:
    store = open_store(f"sqlite:///{folder / 'data' / 'trivium.db'}", folder / "data" / "evidence")
    found = store.alerts(AlertFilter(kind="rule:person", limit=10_000))
    store.close()
    return found


def cut_in(clip: Path) -> float | None:
    """Seconds from a clip's begin to its first cut (the picture changes from one frame to the next), or None."""
    before, begin_s = None, None
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            begin_s = frame.time if begin_s is None else begin_s
            luma = frame.to_ndarray(format="gray")[::8, ::8].astype(np.int16)
            if before is not None and np.abs(luma - before).mean() > CUT_LUMA:
                return float(frame.time - begin_s)
            before = luma
    return None


class Usage:
    """Memory and processor time of a watcher and its children, sampled each second."""

    WARM_S = 45.0

    def __init__(self, watcher: Watcher) -> None:
        self._process = watcher.process
        self._samples: list[tuple[float, int, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    @property
    def peak_bytes(self) -> int:
        return max(rss for _, rss, _ in self._samples)

    def growth_bytes(self) -> float:
        """Resident memory at the end over that after warm-up (medians of ten samples)."""
        start_s = self._samples[0][0]
        warm = [rss for at_s, rss, _ in self._samples if at_s - start_s >= min(self.WARM_S, (self._samples[-1][0] - start_s) / 2)]
        return max(0.0, statistics.median(warm[-10:]) - statistics.median(warm[:10]))

    def cpu_per_s(self) -> float:
        """Processor seconds a second, after the first fifth."""
        late = self._samples[len(self._samples) // 5 :]
        return (late[-1][2] - late[0][2]) / (late[-1][0] - late[0][0]) if len(late) > 1 else 0.0

    def metrics(self, note: str) -> list[Metric]:
        """Memory and processor."""
        growth = self.growth_bytes() / CAMERAS / 2**20
        return [
            Metric(
                "memory of the whole process, peak", self.peak_bytes / 2**30, "GiB", "<= 1.5", self.peak_bytes <= 1.5 * 2**30, note=note
            ),
            Metric(
                "memory growth a stream, after the first minute",
                growth,
                "MiB",
                "<= 60",
                growth <= 60,
                note="resident memory, last minus after warm-up",
            ),
            Metric("processor time a second (2 cores: 2.0 is all)", self.cpu_per_s(), "s/s", note=note),
        ]

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(1.0):
            try:
                with self._process.oneshot():
                    times = self._process.cpu_times()
                    self._samples.append((time.monotonic(), self._process.memory_info().rss, times.user + times.system))
            except psutil.NoSuchProcess:
                return
