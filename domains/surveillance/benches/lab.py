"""`trivium surveillance watch` as a process of its own, whose lines are read as they come."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from domains.surveillance.benches.camera_server import CameraServer


@dataclass(frozen=True, slots=True)
class Timed:
    """A line of the watcher's output and when it came."""

    wall_s: float
    value: Mapping[str, Any]


class Watcher:
    """`trivium surveillance watch --json` at work in a folder of its own.

    Attributes:
        folder: configuration, database and evidence.
        lines: everything it said.
    """

    def __init__(self, folder: Path, cameras: Mapping[str, Mapping[str, Any]], surveillance: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.configuration = folder / "trivium.yaml"
        settings = {
            "data_folder": str(folder / "data"),
            "surveillance": {"cameras": {name: dict(camera) for name, camera in cameras.items()}, **(surveillance or {})},
        }
        self.configuration.write_text(yaml.safe_dump(settings), encoding="utf-8")
        self.lines: list[Timed] = []
        self._news: queue.SimpleQueue[Timed | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self.started_wall_s = 0.0

    def start(self, *options: str) -> None:
        """Start watching."""
        command = [sys.executable, "-m", "pipelines", "--config", str(self.configuration), "surveillance", "watch", "--json", *options]
        self.started_wall_s = time.time()
        log = (self.folder / "watch.log").open("ab")
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        log.close()
        self._news = queue.SimpleQueue()  # what an earlier process said last is no news of this one
        threading.Thread(target=self._read, args=(self._process, self._news), daemon=True).start()

    def _read(self, process: subprocess.Popen[str], news: queue.SimpleQueue[Timed | None]) -> None:
        assert process.stdout is not None
        for text in process.stdout:
            line = Timed(time.time(), json.loads(text))
            self.lines.append(line)
            news.put(line)
        news.put(None)

    def wait_for(self, event: str, timeout_s: float, **fields: object) -> Timed | None:
        """The next line of an event whose fields have these values, or None when it does not come in time."""
        deadline_s = time.monotonic() + timeout_s
        while (left_s := deadline_s - time.monotonic()) > 0:
            try:
                line = self._news.get(timeout=left_s)
            except queue.Empty:
                return None
            if line is None:
                return None
            if line.value.get("event") == event and all(line.value.get(k) == v for k, v in fields.items()):
                return line
        return None

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(20)

    def stop(self, timeout_s: float = 60.0) -> int:
        """Ask it to end, and wait."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(timeout_s)

    def log(self) -> str:
        """What it wrote to its log."""
        return (self.folder / "watch.log").read_text(encoding="utf-8", errors="replace")


def cameras_at(server: CameraServer, films: Sequence[str], **settings: Any) -> dict[str, dict[str, Any]]:
    """Settings of one camera a film."""
    return {f"cam{index}": {"url": server.url(film), **settings} for index, film in enumerate(films)}
