"""The cameras of the benches: films on end with unbroken stamps, and a server that keeps its port."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import pytest

from domains.surveillance.benches.camera_server import NO_PLAYER, Player, camera_server, found_player, gstreamer_version
from domains.surveillance.benches.footage import Take, make_film, repeat_film

OPTIONS = {"rtsp_transport": "tcp", "timeout": "5000000", "analyzeduration": "200000", "probesize": "500000"}


@pytest.fixture
def film(sample_data: Path, tmp_path: Path) -> Path:
    once, films = tmp_path / "once.mp4", tmp_path / "films"
    films.mkdir()
    make_film([Take(sample_data / "surveillance" / "lobby.mp4", 0, 9, 1.0)], once, size=(160, 90))
    repeat_film(once, films / "cam.mp4", 4)
    return films / "cam.mp4"


def test_a_repeated_film_goes_on_without_a_gap_in_picture_or_sound(film: Path) -> None:
    with av.open(str(film)) as container:
        pictures = [float(frame.time) for frame in container.decode(video=0)]
    with av.open(str(film)) as container:
        sounds = [float(p.dts * p.time_base) for p in container.demux(audio=0) if p.dts is not None]

    assert pictures == pytest.approx([n / 10 for n in range(40)], abs=1e-3)
    assert all(0.0 < after - before < 0.05 for before, after in pairwise(sounds))
    assert sounds[-1] > 3.9


def _first_stamps(url: str, count: int) -> list[float]:
    stamps: list[float] = []
    with av.open(url, options=OPTIONS, timeout=(10, 10)) as container:
        assert {s.type for s in container.streams} == {"video", "audio"}
        for packet in container.demux(video=0):
            if packet.pts is not None:
                stamps.append(float(packet.pts * packet.time_base))
            if len(stamps) == count:
                break
    return stamps


def test_a_camera_is_at_the_same_address_after_its_server_was_killed(film: Path) -> None:
    player = found_player()  # GStreamer where it is installed; what test_live.py uses comes with the test tools
    if player is None:
        pytest.skip(NO_PLAYER)
    with camera_server(film.parent, player) as server:
        url = server.url("cam.mp4")
        assert len(_first_stamps(url, 3)) == 3
        server.kill()
        with pytest.raises(av.error.FFmpegError):
            _first_stamps(url, 1)
        server.start()
        stamps = _first_stamps(url, 6)

    if player is Player.GSTREAMER:  # what the lag bench rests on
        assert [b - a for a, b in pairwise(stamps)] == pytest.approx([0.1] * 5, abs=0.01)


def test_a_player_is_found_where_one_is_installed() -> None:
    assert (found_player() is Player.GSTREAMER) == bool(gstreamer_version())
    assert "apt install" in NO_PLAYER
