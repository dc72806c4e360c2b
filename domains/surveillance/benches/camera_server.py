"""RTSP cameras on loopback that show made films and can be killed, frozen and started again on their port.

Two programs can play them: GStreamer (Debian packages, the system's Python), which keeps time for many cameras, and
aio-rtsp-toolkit (a Python package of the tests), which comes along everywhere but stamps its frames unevenly once it has
eight clients.
"""

from __future__ import annotations

import enum
import functools
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

READY_S = 20.0
ASK_S = 0.02
SYSTEM_PYTHON = Path("/usr/bin/python3")
GSTREAMER_CAMERAS = Path(__file__).with_name("gstreamer_cameras.py")
GSTREAMER_PACKAGES = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
_PROBE = """import gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
assert all(Gst.ElementFactory.find(e) for e in ("qtdemux", "h264parse", "rtph264pay", "aacparse", "rtpmp4gpay"))
print(Gst.version_string())"""


class Player(enum.Enum):
    """The program that plays the cameras."""

    GSTREAMER = "GStreamer"
    AIO_RTSP_TOOLKIT = "aio-rtsp-toolkit"


@functools.cache
def gstreamer_version() -> str:
    """The version of GStreamer that can serve films over RTSP here, or empty."""
    try:
        done = subprocess.run([SYSTEM_PYTHON, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=READY_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def found_player() -> Player | None:
    """GStreamer where it is installed, else aio-rtsp-toolkit, else None."""
    if gstreamer_version():
        return Player.GSTREAMER
    program = Path(sys.executable).with_name("rtsp-server")
    return Player.AIO_RTSP_TOOLKIT if find_spec("aio_rtsp_toolkit") is not None and program.exists() else None


def played_by(player: Player) -> str:
    """The program and its version."""
    return gstreamer_version() if player is Player.GSTREAMER else f"aio-rtsp-toolkit {version('aio-rtsp-toolkit')}"


NO_PLAYER = f"no RTSP server here: apt install {GSTREAMER_PACKAGES}, or pip install aio-rtsp-toolkit[server]"


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class CameraServer:
    """An RTSP server that shows the films of a folder as cameras.

    Attributes:
        films: the folder; every film is a camera.
        player: the program that plays them.
        port: where it listens, also after it was started again.
    """

    films: Path
    player: Player
    port: int = field(default_factory=free_port)
    _control_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it ended, or does not answer.
        """
        self._process = subprocess.Popen(self._command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline_s = time.monotonic() + READY_S
        while time.monotonic() < deadline_s:
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                raise RuntimeError(f"the RTSP server ended with {self._process.returncode}")
            time.sleep(ASK_S)  # a server that starts rings no bell
        self.kill()
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

    def url(self, film: str, login: str = "") -> str:
        """The camera that shows a film: for ever by aio-rtsp-toolkit, once by GStreamer."""
        query = "?play_count=0" if self.player is Player.AIO_RTSP_TOOLKIT else ""
        return f"rtsp://{login}127.0.0.1:{self.port}/{film}{query}"

    def _command(self) -> list[str]:
        if self.player is Player.GSTREAMER:
            return [str(SYSTEM_PYTHON), "-I", str(GSTREAMER_CAMERAS), str(self.films), str(self.port)]
        program = str(Path(sys.executable).with_name("rtsp-server"))
        return [program, "-d", str(self.films), "-H", "127.0.0.1", "-p", str(self.port), "-cp", str(self._control_port)]


@contextmanager
def camera_server(films: Path, player: Player) -> Iterator[CameraServer]:
    """A running server, gone afterwards."""
    server = CameraServer(films, player)
    server.start()
    try:
        yield server
    finally:
        server.kill()
