"""Programs to compare with: found or installed apart from Trivium, run as processes, their processor time counted whole."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.weights.cache import cache_root

DVR_SCAN = "dvr-scan-headless==1.8.2.1"
INSTALL_S = 600.0
RUN_S = 900.0

_MOTION_CONNECTED = re.compile(r"netcam_rtsp_connect: .*\bconnected\b")
_MOTION_VERSION = re.compile(r"\bMotion (\S+) Started")
_TIMECODE = re.compile(r"(\d+):(\d{2}):(\d{2}\.\d+)")


@dataclass(frozen=True, slots=True)
class Run:
    """One process from start to end.

    Attributes:
        wall_s: how long it took.
        cpu_s: user and system time of it and its children.
        output: what it printed.
    """

    wall_s: float
    cpu_s: float
    output: str


def run_timed(command: Sequence[str | Path], stop_after_s: float | None = None) -> Run:
    """Run a program and count its time, and that of all it started.

    Args:
        command: the program and its arguments.
        stop_after_s: ask it to stop then (SIGTERM).

    Raises:
        RuntimeError: it failed, or took longer than a quarter of an hour.
    """
    before, start_s = os.times(), time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        output, _ = process.communicate(timeout=stop_after_s or RUN_S)
        is_stopped = False
    except subprocess.TimeoutExpired:
        is_stopped = stop_after_s is not None
        process.send_signal(signal.SIGTERM if is_stopped else signal.SIGKILL)
        output, _ = process.communicate(timeout=30)
    wall_s, after = time.monotonic() - start_s, os.times()
    if process.returncode and not is_stopped:
        raise RuntimeError(f"{' '.join(str(part) for part in command)[:200]} failed: {output.strip()[-500:]}")
    cpu_s = after.children_user - before.children_user + after.children_system - before.children_system
    return Run(wall_s, cpu_s, output)


def dvr_scan() -> Path | None:
    """The dvr-scan program in an environment of its own, made once; None where it cannot be had."""
    folder = cache_root() / "peers" / DVR_SCAN.replace("==", "-")
    program = folder / "bin" / "dvr-scan"
    if program.exists():
        return program
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, timeout=INSTALL_S)
        subprocess.run([str(folder / "bin" / "pip"), "install", "--quiet", DVR_SCAN], check=True, capture_output=True, timeout=INSTALL_S)
    except (subprocess.SubprocessError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return program if program.exists() else None


def dvr_scan_events(output: str) -> list[tuple[float, float]]:
    """The events that dvr-scan printed, in seconds."""
    lines = [line for line in output.splitlines() if _TIMECODE.search(line)]
    codes = [int(h) * 3600 + int(m) * 60 + float(s) for h, m, s in _TIMECODE.findall(lines[-1])] if lines else []
    return list(zip(codes[::2], codes[1::2], strict=False))


MOTION_CONFIGURATION = """daemon off
setup_mode off
target_dir {folder}
netcam_url {address}
width {width}
height {height}
framerate {fps}
threshold 1500
event_gap 2
pre_capture 0
post_capture 0
picture_output off
movie_output off
webcontrol_port 0
stream_port 0
"""


def motion_command(film: Path, folder: Path) -> list[str | Path] | None:
    """The command that lets `motion` watch a film as a camera, or None where it is not installed."""
    return _motion(f"file://{film.resolve()}", folder, (768, 576), fps=100)


def _motion(address: str, folder: Path, size: tuple[int, int], fps: int) -> list[str | Path] | None:
    program = shutil.which("motion")
    if program is None:
        return None
    configuration = folder / "motion.conf"
    text = MOTION_CONFIGURATION.format(folder=folder, address=address, width=size[0], height=size[1], fps=fps)
    configuration.write_text(text, encoding="utf-8")
    return [program, "-n", "-c", configuration]


class MotionCamera:
    """`motion` watching one live camera; it says in its log when it is connected (again).

    Attributes:
        version: as it says at its start, or empty.
    """

    def __init__(self, url: str, folder: Path, size: tuple[int, int], fps: int) -> None:
        """Start it.

        Raises:
            RuntimeError: it is not installed.
        """
        command = _motion(url, folder, size, fps)
        if command is None:
            raise RuntimeError("motion is not installed")
        self.version = ""
        self._connections: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def connected(self, after_wall_s: float, timeout_s: float) -> float | None:
        """Unix time of the next connection that came after a moment, or None when none comes in time."""
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                wall_s = self._connections.get(timeout=left_s)
            except queue.Empty:
                return None
            if wall_s >= after_wall_s:
                return wall_s
        return None

    def stop(self) -> None:
        """End it, and whatever it does not end by itself."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if _MOTION_CONNECTED.search(line):
                self._connections.put(time.time())
            elif found := _MOTION_VERSION.search(line):
                self.version = found[1]


def has_motion() -> bool:
    """Whether `motion` is installed."""
    return shutil.which("motion") is not None
