"""Films that are not what they seem; addresses; nothing hostile opens another file."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import av
import numpy as np
import pytest
from footage import FilmMaker, remux

from core.errors import InputError
from domains.surveillance.clips import ClipRecorder
from domains.surveillance.config import CameraSettings, EvidenceSettings
from domains.surveillance.live import open_location
from domains.surveillance.sources import Place, film_duration_s, films_in, locate, open_film
from domains.surveillance.stream import CameraFrame, StreamCounts


def frames_of(path: Path, recorder: ClipRecorder | None = None) -> tuple[int, StreamCounts]:
    stream = open_film(path, "door", recorder=recorder)
    try:
        return sum(isinstance(e, CameraFrame) for e in stream), stream.counts
    finally:
        stream.close()


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        frames_of(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_what_is_no_film_is_refused_with_one_line(tmp_path: Path, make_film: FilmMaker) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert "empty" in refusal(empty)
    text = tmp_path / "text.mp4"
    text.write_text("this is no film\n" * 500)
    assert "cannot be read as a film" in refusal(text)
    folder = tmp_path / "folder.mp4"
    folder.mkdir()
    assert "folder" in refusal(folder)
    assert "check the path" in refusal(tmp_path / "missing.mp4")
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    assert "regular" in refusal(pipe)
    film = make_film()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    assert "damaged" in refusal(cut)  # its index was at the end


def test_a_film_cut_short_is_read_as_far_as_it_goes(make_film: FilmMaker, tmp_path: Path) -> None:
    whole = make_film("film.mkv", seconds=8, sound=None)
    for source in (whole, remux(whole, tmp_path / "fast.mp4", options={"movflags": "+faststart"})):
        cut = tmp_path / f"cut{source.suffix}"
        cut.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
        frames, counts = frames_of(cut)
        assert 20 < frames < 70
        assert any("missing or damaged" in note for note in counts.notes)


def test_names_are_never_taken_for_addresses(make_film: FilmMaker, tmp_path: Path) -> None:
    film = make_film(seconds=1)
    for name in ("a:b.mp4", "concat:x.mp4", "%d.mp4", "-i.mp4", "http:--x.mp4", "däö 1.mp4"):
        frames, _ = frames_of(film.rename(tmp_path / name))
        assert frames == 10
        film = tmp_path / name


@pytest.mark.parametrize("suffix", ["mp4", "m3u8", "mkv", "ts"])
def test_no_hostile_film_opens_another_file(make_film: FilmMaker, tmp_path: Path, suffix: str) -> None:
    other = remux(make_film("other.mkv", seconds=1), tmp_path / "other.ts")
    hostile = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile '{other}'\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "dash": f'<?xml version="1.0"?><MPD type="static" xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet>'
        f'<Representation id="1" mimeType="video/mp4"><BaseURL>{other}</BaseURL></Representation></AdaptationSet></Period></MPD>',
        "redirect": "http://127.0.0.1:9/film.mp4\n",
    }
    for kind, text in hostile.items():
        path = tmp_path / f"{kind}.{suffix}"
        path.write_text(text)
        with pytest.raises(InputError):
            frames_of(path)


def test_the_playlist_attack_works_without_the_guard(make_film: FilmMaker, tmp_path: Path) -> None:
    """So the test above tests something."""
    other = remux(make_film("other.mkv", seconds=1), tmp_path / "other.ts")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n")
    with av.open(str(playlist)) as container:
        assert len(list(container.decode(video=0))) == 10


def test_duration_and_folder(make_film: FilmMaker, tmp_path: Path) -> None:
    film = make_film(seconds=3)
    assert film_duration_s(film) == pytest.approx(3.0, abs=0.1)
    (tmp_path / "sub").mkdir()
    second = make_film("sub/B.MKV")
    (tmp_path / "notes.txt").write_text("x")
    assert films_in(tmp_path) == sorted([film, second])
    with pytest.raises(InputError, match="no film"):
        films_in(_empty(tmp_path))
    with pytest.raises(InputError, match="no such folder"):
        films_in(tmp_path / "nowhere")


def _empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_addresses_are_told_apart(make_film: FilmMaker, tmp_path: Path) -> None:
    film = make_film(seconds=1)
    assert locate(str(film)).place is Place.FILM
    assert locate(str(tmp_path)).place is Place.FOLDER
    assert locate("0").address == locate("/dev/video0").address == "/dev/video0"
    for address in ("rtsp://u:geheim@host/x", "http://host/x.mjpg", "rtmp://host/live", "rtsp://[::1]:554/x"):
        location = locate(address)
        assert location.place is Place.URL
        assert "geheim" not in repr(location) + str(location.name)
    for wrong in ("ftp://u:geheim@host/x", "concat://x", "no/such.mp4", "", "rtsp//u:geheim@host/x"):
        with pytest.raises(InputError) as caught:
            locate(wrong)
        assert "geheim" not in str(caught.value)
    stream = open_location(str(film), "door", CameraSettings(url="x"))
    assert sum(isinstance(e, CameraFrame) for e in stream) == 10
    with pytest.raises(InputError, match="folder"):
        open_location(str(tmp_path), "door", CameraSettings(url="x"))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_damaged_films_are_read_in_part_or_refused(make_film: FilmMaker, tmp_path: Path, suffix: str) -> None:
    sound = "aac" if suffix != "avi" else None
    whole = make_film(f"whole.{suffix}", seconds=1, size=(64, 48), sound=sound).read_bytes()
    rng = random.Random(20240513)
    path = tmp_path / f"damaged.{suffix}"
    read = refused = 0
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 3, 30])):
            at, kind = rng.randrange(len(content)), rng.randrange(4)
            if kind == 0:
                content[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                content[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", rng.randbytes(4)])
            elif kind == 2:
                del content[at : at + rng.randrange(1, 200)]
            elif rng.random() < 0.3:
                del content[at:]
            if not content:
                break
        path.write_bytes(content)
        began_s = time.monotonic()
        try:
            recorder = ClipRecorder(EvidenceSettings(), tmp_path / "clips", on_clip=lambda clip: clip.path.unlink())
            recorder.start("a", 0.0)
            frames_of(path, recorder)
            read += 1
        except InputError as error:
            refused += "\n" not in str(error)
        finally:
            recorder.close()
        assert time.monotonic() - began_s < 20
    assert read > 5
    assert read + refused == 60


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed: it makes the turned film")
@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_film_from_a_turned_telephone_stands_upright(make_film: FilmMaker, tmp_path: Path, turn: int) -> None:
    turned, shown = tmp_path / "turned.mp4", tmp_path / "shown.mp4"
    film = make_film(seconds=1, sound=None, size=(320, 240))
    command = ["ffmpeg", "-v", "error", "-i", str(film), "-c", "copy", "-metadata:s:v:0", f"rotate={turn}", str(turned)]
    subprocess.run(command, check=True, timeout=60)
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(turned), "-frames:v", "1", str(shown)], check=True, timeout=60)
    (first, expected) = (next(e for e in open_film(p, "x") if isinstance(e, CameraFrame)) for p in (turned, shown))
    assert first.luma.shape == expected.luma.shape
    assert np.abs(first.luma.astype(int) - expected.luma).mean() < 4
    assert np.abs(first.colour().astype(int) - expected.colour()).mean() < 4
