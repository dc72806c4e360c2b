"""Footage made on the spot, and cameras that can be killed, frozen and started again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from footage import FilmMaker, write_film

from domains.surveillance.benches.camera_server import CameraServer, Player, camera_server


@pytest.fixture
def make_film(tmp_path: Path) -> FilmMaker:
    """Writes a film into the test's folder."""

    def make(name: str = "film.mp4", **kinds: Any) -> Path:
        return write_film(tmp_path / name, **kinds)

    return make


@pytest.fixture
def rtsp_server(tmp_path: Path) -> Iterator[CameraServer]:
    """A running server with `cam.mp4` (picture and sound)."""
    pytest.importorskip("aio_rtsp_toolkit", reason="aio-rtsp-toolkit[server] is not installed")
    folder = tmp_path / "published"
    folder.mkdir()
    write_film(folder / "cam.mp4", seconds=20, options=None)
    with camera_server(folder, Player.AIO_RTSP_TOOLKIT) as server:
        yield server
