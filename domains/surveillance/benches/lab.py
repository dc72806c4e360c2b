"""A bench with cameras: an RTSP server on loopback, and `trivium surveillance watch` as a process of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import yaml

READY_S = 20.0


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class CameraServer:
    """An RTSP server that shows the films of a folder as cameras; it can be killed, frozen and started again on its port."""

    films: Path
    port: int = field(default_factory=free_port)
    control_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(Path(sys.executable).with_name("rtsp-server")), "-d", str(self.films), "-H", "127.0.0.1"]
        command += ["-p", str(self.port), "-cp", str(self.control_port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline_s = time.monotonic() + READY_S
        while time.monotonic() < deadline_s:
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                raise RuntimeError(f"the RTSP server ended with {self._process.returncode}")
        raise RuntimeError("the RTSP server does not answer")

    def kill(self) -> None:
        """End it at once, as a camera that loses its power."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """Let it hang without closing anything."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def url(self, film: str) -> str:
        """The camera that shows a film for ever."""
        return f"rtsp://127.0.0.1:{self.port}/{film}?play_count=0"


def has_camera_server() -> bool:
    """Whether the server's package is installed."""
    return find_spec("aio_rtsp_toolkit") is not None and Path(sys.executable).with_name("rtsp-server").exists()


@contextmanager
def camera_server(films: Path) -> Iterator[CameraServer]:
    """A running server, gone afterwards."""
    server = CameraServer(films)
    server.start()
    try:
        yield server
    finally:
        server.kill()


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
