"""Footage made on the spot, and cameras that can be killed, frozen and started again."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from footage import FilmMaker, write_film


@pytest.fixture
def make_film(tmp_path: Path) -> FilmMaker:
    """Writes a film into the test's folder."""

    def make(name: str = "film.mp4", **kinds: Any) -> Path:
        return write_film(tmp_path / name, **kinds)

    return make


def free_ports(count: int) -> list[int]:
    """Loopback ports that were free just now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class RtspServer:
    """A real RTSP server on loopback that sends a folder's films, on the same port after every restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self._control_port = free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, film: str, login: str = "") -> str:
        return f"rtsp://{login}127.0.0.1:{self.port}/{film}?play_count=0"

    def start(self) -> None:
        program = str(Path(sys.executable).with_name("rtsp-server"))
        command = [program, "-d", str(self.folder), "-H", "127.0.0.1", "-p", str(self.port), "-cp", str(self._control_port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("the RTSP server did not start")

    def send(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None


@pytest.fixture
def rtsp_server(tmp_path: Path) -> Iterator[RtspServer]:
    """A running server with `cam.mp4` (picture and sound)."""
    pytest.importorskip("aio_rtsp_toolkit", reason="aio-rtsp-toolkit[server] is not installed")
    folder = tmp_path / "published"
    folder.mkdir()
    write_film(folder / "cam.mp4", seconds=20, options=None)
    server = RtspServer(folder)
    server.start()
    yield server
    server.kill()
