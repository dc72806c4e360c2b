"""Motion beside dvr-scan and `motion` in the same run: frames a second, processor time, and how true the edges are.

Every side is a process of its own, started as a user starts it and counted from its start to its end. Repetitions are
interleaved, so that a busy moment of the machine strikes all sides alike; figures are medians.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.benchmark import BenchContext, Metric
from domains.surveillance.benches.peers import DVR_SCAN, Run, dvr_scan, dvr_scan_events, motion_command, run_timed

FRAMES = 795
FILM_S = 79.5
TRUTH_S = ((10.0, 18.0), (28.0, 34.0))
QUIET_S = 120
NOISE = "fps=10,noise=alls=4:allf=t"

Event = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Side:
    """One program at one film, over all repetitions.

    Attributes:
        runs: one a repetition.
    """

    runs: tuple[Run, ...]

    @property
    def wall_s(self) -> float:
        return statistics.median(run.wall_s for run in self.runs)

    @property
    def cpu_s(self) -> float:
        return statistics.median(run.cpu_s for run in self.runs)

    @property
    def wall_range_s(self) -> tuple[float, float]:
        return min(run.wall_s for run in self.runs), max(run.wall_s for run in self.runs)

    @property
    def cpu_range_s(self) -> tuple[float, float]:
        return min(run.cpu_s for run in self.runs), max(run.cpu_s for run in self.runs)


def run(context: BenchContext) -> list[Metric]:
    """All figures about motion."""
    vtest = context.data / "surveillance" / "vtest" / "vtest.avi"
    if not vtest.is_file():
        return [Metric("frames a second on vtest.avi", None, "1/s", ">= 2 x dvr-scan MOG2", note=f"{vtest} is not there")]
    dvr = dvr_scan()
    context.say("dvr-scan is ready" if dvr else "dvr-scan cannot be installed")
    metrics = _speed(context, vtest, dvr, "vtest.avi", FRAMES)
    metrics += _detection(context, vtest)
    if shutil.which("ffmpeg") is None:
        note = "ffmpeg is not installed: it makes the films"
        metrics += [
            Metric(name, None, "s", note=note) for name in ("mean edge error on events.mp4", "processor time on vtest.avi after quiet")
        ]
    else:
        events = _make_events(vtest, context.scratch)
        metrics += _edges(events, dvr)
        joined = _make_joined(vtest, context.scratch)
        metrics += _speed(context, joined, dvr, f"{QUIET_S} s of quiet and vtest.avi", FRAMES + 10 * QUIET_S, with_targets=False)
    return [*metrics, *_beside_motion(context, vtest)]


def _ours(film: Path, *options: str) -> list[str | Path]:
    return [sys.executable, "-m", "domains.surveillance.benches.motion_scan", film, *options]


def _theirs(dvr: Path, film: Path, mode: str, *options: str) -> list[str | Path]:
    return [dvr, "--ignore-user-config", "-i", film, "-so", "-q", "-b", mode, *options]


def _interleaved(commands: Mapping[str, Sequence[str | Path]], times: int) -> dict[str, Side]:
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            runs[name].append(run_timed(command))
    return {name: Side(tuple(done)) for name, done in runs.items()}


def _speed(context: BenchContext, film: Path, dvr: Path | None, what: str, frames: int, with_targets: bool = True) -> list[Metric]:
    times = 3 if context.is_quick else 7
    commands: dict[str, Sequence[str | Path]] = {"trivium": _ours(film)}
    if dvr is not None:
        commands |= {mode: _theirs(dvr, film, mode) for mode in ("MOG2", "CNT")}
    sides = _interleaved(commands, times)
    ours = sides["trivium"]
    context.say(f"{what}: " + ", ".join(f"{name} {side.wall_s:.2f} s wall, {side.cpu_s:.2f} s CPU" for name, side in sides.items()))
    fps = frames / ours.wall_s
    slow_s, fast_s = ours.wall_range_s[1], ours.wall_range_s[0]
    base = f"median of {times} interleaved runs of whole processes, start included; decoding and gate"
    metrics = []
    for mode, fps_target, fps_factor, cpu_target, cpu_factor in (("MOG2", ">= 2 x", 2.0, "<= 0.5 x", 0.5), ("CNT", "", 0.0, "<= 1 x", 1.0)):
        peer = f"{DVR_SCAN} {mode}" if dvr is not None else f"{DVR_SCAN} {mode}, not installed"
        theirs = sides.get(mode)
        is_bound = with_targets and theirs is not None
        their_fps = None if theirs is None else frames / theirs.wall_s
        metrics.append(
            Metric(
                f"frames a second on {what}, beside {mode}",
                fps,
                "1/s",
                f"{fps_target} the peer" if with_targets and fps_target else "",
                fps >= fps_factor * their_fps if is_bound and fps_target and their_fps is not None else None,
                peer,
                their_fps,
                (frames / slow_s, frames / fast_s),
                base,
            )
        )
        metrics.append(
            Metric(
                f"processor time on {what}, beside {mode}",
                ours.cpu_s,
                "s",
                f"{cpu_target} the peer" if with_targets else "",
                ours.cpu_s <= cpu_factor * theirs.cpu_s if is_bound and theirs is not None else None,
                peer,
                None if theirs is None else theirs.cpu_s,
                ours.cpu_range_s,
                base,
            )
        )
    return metrics


def _detection(context: BenchContext, film: Path) -> list[Metric]:
    side = _interleaved({"trivium": _ours(film, "--detect")}, 1 if context.is_quick else 3)["trivium"]
    said = json.loads(side.runs[0].output.splitlines()[-1])
    times_real = FILM_S / side.wall_s
    context.say(f"with detection and tracking: {side.wall_s:.1f} s wall, {side.cpu_s:.1f} s CPU")
    note = f"{said['inspected']} of {said['frames']} frames inspected, {said['people']} tracks of people; {side.cpu_s:.1f} s CPU"
    spread = (FILM_S / side.wall_range_s[1], FILM_S / side.wall_range_s[0])
    return [
        Metric("detection and tracking on gated frames", times_real, "x real time", ">= 4", times_real >= 4.0, interval=spread, note=note)
    ]


def _edges(film: Path, dvr: Path | None) -> list[Metric]:
    said = json.loads(run_timed(_ours(film)).output.splitlines()[-1])
    ours = edge_error_s([(float(a), float(b)) for a, b in said["events"]])
    note = f"truth {TRUTH_S}; Trivium {said['events']}"
    metrics = []
    for mode, options in (("MOG2", ()), ("CNT", ()), ("MOG2", ("-tb", "0", "-tp", "0")), ("CNT", ("-tb", "0", "-tp", "0"))):
        words = f"{mode}{', its padding off' if options else ''}"
        events = dvr_scan_events(run_timed(_theirs(dvr, film, mode, *options)).output) if dvr is not None else []
        error = edge_error_s(events) if dvr is not None else None
        is_bound = not options and ours is not None and error is not None
        metrics.append(
            Metric(
                f"mean edge error on events.mp4, beside {words}",
                ours,
                "s",
                "" if options else "< the peer",
                ours < error if is_bound and ours is not None and error is not None else None,
                f"{DVR_SCAN} {words}" + ("" if dvr is not None else ", not installed"),
                error,
                note=f"{note}; peer {events}",
            )
        )
    return metrics


def _beside_motion(context: BenchContext, film: Path) -> list[Metric]:
    short_s, long_s = (5.0, 20.0) if context.is_quick else (10.0, 70.0)
    name, target = "processor time of a minute of one 10 fps stream", "< the peer"
    folder = context.scratch / "motion"
    folder.mkdir(exist_ok=True)
    command = motion_command(film, folder)
    ours = [run_timed(_ours(film, "--real-time", "--seconds", f"{seconds:g}")).cpu_s for seconds in (short_s, long_s)]
    minute = 60.0 / (long_s - short_s)
    note = f"vtest.avi in real time; {long_s:g} s less {short_s:g} s, so that no start counts; with its start, Trivium {ours[1]:.2f} s"
    if command is None:
        return [Metric(name, (ours[1] - ours[0]) * minute, "s", target, None, "motion, not installed", note=note)]
    theirs = [run_timed(command, stop_after_s=seconds).cpu_s for seconds in (short_s, long_s)]
    value, peer_value = (ours[1] - ours[0]) * minute, (theirs[1] - theirs[0]) * minute
    context.say(f"a minute of one stream: trivium {value:.2f} s CPU, motion {peer_value:.2f} s CPU")
    note += f", motion {theirs[1]:.2f} s"
    return [Metric(name, value, "s", target, value < peer_value, "motion (apt)", peer_value, note=note)]


def edge_error_s(events: Sequence[Event], truth: Sequence[Event] = TRUTH_S) -> float | None:
    """Mean distance of the events' edges from the true ones, or None when their number is wrong."""
    if len(events) != len(truth):
        return None
    return statistics.fmean(abs(a - b) for event, true in zip(events, truth, strict=True) for a, b in zip(event, true, strict=True))


def _make_events(vtest: Path, folder: Path) -> Path:
    """The film of known events: still, 8 s of walkers, still, 6 s of walkers, still; with a sensor's noise."""
    out, still = folder / "events.mp4", _still(vtest, folder)
    quiet = _still_for(10, still)
    walkers = [["-ss", str(start), "-t", str(seconds), "-i", str(vtest)] for start, seconds in ((20, 8), (50, 6))]
    return _joined([quiet, walkers[0], quiet, walkers[1], quiet], out)


def _make_joined(vtest: Path, folder: Path) -> Path:
    """Two minutes of nothing, with a sensor's noise, then the whole of vtest.avi."""
    return _joined([_still_for(QUIET_S, _still(vtest, folder)), ["-i", str(vtest)]], folder / "joined.mp4")


def _still_for(seconds: int, still: Path) -> list[str]:
    return ["-loop", "1", "-framerate", "10", "-t", str(seconds), "-i", str(still)]


def _still(vtest: Path, folder: Path) -> Path:
    still = folder / "still.png"
    if not still.exists():
        subprocess.run(["ffmpeg", "-v", "error", "-i", str(vtest), "-frames:v", "1", str(still)], check=True, timeout=60)
    return still


def _joined(parts: Sequence[Sequence[str]], out: Path) -> Path:
    same = "".join(f"[{i}:v]format=yuv420p,setsar=1[v{i}];" for i in range(len(parts)))
    graph = same + "".join(f"[v{i}]" for i in range(len(parts))) + f"concat=n={len(parts)}:v=1,{NOISE}"
    command = ["ffmpeg", "-v", "error", *(word for part in parts for word in part), "-filter_complex", graph]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-g", "20", "-pix_fmt", "yuv420p", str(out)]
    subprocess.run(command, check=True, timeout=300)
    return out
