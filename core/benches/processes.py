"""Run a program and measure it whole: wall time, processor time, and the most memory that it and all it started held at once."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from core.errors import ModelError

LOOK_EVERY_S = 0.05
MAX_SHOWN = 600


@dataclass(frozen=True, slots=True)
class Measured:
    """One process from start to end.

    Attributes:
        wall_s: how long it took.
        cpu_s: user and system time of it and its children.
        peak_bytes: the highest sum of resident memory over the process and its children, looked at twenty times a second.
        output: what it printed.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    output: str


def run_measured(
    command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, folder: Path | None = None, timeout_s: float = 3600.0
) -> Measured:
    """Run a program to its end.

    Args:
        command: the program and its arguments.
        environment: added to this process's own.
        folder: where it runs.
        timeout_s: it is killed then.

    Raises:
        ModelError: it failed or took too long; the end of what it printed is in the message.
    """
    before, start_s = os.times(), time.monotonic()
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    ended = threading.Event()
    peak_bytes = [0]
    watch = threading.Thread(target=_watch, args=(process.pid, ended, peak_bytes), daemon=True)
    watch.start()
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise ModelError(f"{Path(command[0]).name} was not done after {timeout_s:.0f} s and was ended; give it a smaller task") from error
    finally:
        ended.set()
        watch.join()
    wall_s, after = time.monotonic() - start_s, os.times()
    if process.returncode:
        lines = output.strip()[-MAX_SHOWN:]
        raise ModelError(f"{Path(command[0]).name} ended with code {process.returncode}: {' | '.join(lines.splitlines())}")
    cpu_s = after.children_user - before.children_user + after.children_system - before.children_system
    return Measured(wall_s, cpu_s, peak_bytes[0], output)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and all below it, now; 0 where it is gone."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_resident(each) for each in family)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _watch(pid: int, ended: threading.Event, peak_bytes: list[int]) -> None:
    while not ended.wait(LOOK_EVERY_S):
        peak_bytes[0] = max(peak_bytes[0], resident_bytes(pid))


def _end(process: subprocess.Popen[str]) -> None:
    """Kill it and what it started, and read what is left."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        family = []
    process.kill()
    for each in family:
        if each.is_running():
            each.kill()
    process.communicate(timeout=30)
