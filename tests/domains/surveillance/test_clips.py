"""Clips can be played, begin and end where they should, carry the camera's own bytes, and show nothing that must be hidden."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from footage import FilmMaker, remux

from core.errors import ModelError
from core.samples import ByteArray
from domains.surveillance import clips as clips_module
from domains.surveillance.clip_file import PacketFile
from domains.surveillance.clips import Clip, ClipRecorder, PacketRing
from domains.surveillance.config import EvidenceSettings
from domains.surveillance.privacy import PrivacyMask
from domains.surveillance.sources import open_film
from domains.surveillance.stream import CameraFrame, StreamChange

LEFT_HALF = PrivacyMask([[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]])


class Recording:
    """Runs a film past a recorder and keeps its clips."""

    def __init__(self, folder: Path, **kinds: Any) -> None:
        self.clips: list[Clip] = []
        settings = kinds.pop("settings", EvidenceSettings(before_s=2.0))
        self.recorder = ClipRecorder(settings, folder, on_clip=self.clips.append, **kinds)

    def run(self, film: Path, start_at_s: float, from_s: float, until_s: float | None, masks: PrivacyMask | None = None) -> list[Clip]:
        stream = open_film(film, "door", masks=masks, recorder=self.recorder)
        is_started = False
        for event in stream:
            if isinstance(event, CameraFrame) and event.time_s >= start_at_s and not is_started:
                is_started = True
                self.recorder.start("a", from_s)
            if is_started and until_s is not None:
                self.recorder.stop("a", until_s)
        stream.close()
        self.recorder.close()
        return self.clips


def played(path: Path) -> tuple[list[av.VideoFrame], float]:
    """Every picture of a clip, and seconds of its sound."""
    with av.open(str(path)) as clip:
        pictures, sound_s = [], 0.0
        for frame in clip.decode(*[s for s in clip.streams if s.type in ("video", "audio")]):
            if isinstance(frame, av.VideoFrame):
                pictures.append(frame)
            else:
                sound_s += frame.samples / frame.sample_rate
    return pictures, sound_s


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as film:
        return [bytes(p) for p in film.demux(video=0) if p.size]


def test_a_clip_is_the_cameras_own_bytes_from_the_key_frame_before(make_film: FilmMaker, tmp_path: Path) -> None:
    film = make_film(seconds=10)
    (clip,) = Recording(tmp_path / "clips").run(film, start_at_s=6.0, from_s=4.5, until_s=7.5)
    assert clip.key == "a"
    assert clip.media_type == "video/mp4"
    assert clip.start_s == pytest.approx(4.0, abs=0.01)
    assert clip.end_s == pytest.approx(7.6, abs=0.2)
    pictures, sound_s = played(clip.path)
    assert len(pictures) == 36
    assert pictures[0].time == pytest.approx(0.0, abs=0.01)
    assert sound_s == pytest.approx(3.6, abs=0.2)
    copied = packets(clip.path)
    assert copied == packets(film)[40:76]
    head = clip.path.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")  # plays before it is all there


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "sound", "suffix", "kind"),
    [
        ("mpeg4", "yuv420p", "aac", "mp4", "video/mp4"),
        ("mjpeg", "yuvj420p", "aac", "mkv", "video/x-matroska"),
        ("msmpeg4", "yuv420p", None, "avi", "video/x-matroska"),
        ("libx264", "yuv420p", "pcm_alaw", "mov", "video/quicktime"),
        ("libx264", "yuv420p", None, "mkv", "video/mp4"),
    ],
)
def test_the_container_is_one_that_can_carry_it(
    make_film: FilmMaker, tmp_path: Path, codec: str, pix_fmt: str, sound: str | None, suffix: str, kind: str
) -> None:
    film = make_film(f"film.{suffix}", seconds=6, codec=codec, pix_fmt=pix_fmt, sound=sound)
    (clip,) = Recording(tmp_path / "clips").run(film, start_at_s=3.0, from_s=2.0, until_s=4.0)
    assert clip.media_type == kind
    pictures, sound_s = played(clip.path)
    assert len(pictures) >= 20
    assert (sound_s > 1.5) == (sound is not None)
    assert set(packets(clip.path)) <= set(packets(film))


def test_transport_streams_and_audio_only(make_film: FilmMaker, tmp_path: Path) -> None:
    film = make_film(seconds=6)
    (clip,) = Recording(tmp_path / "a").run(remux(film, tmp_path / "film.ts"), start_at_s=3.0, from_s=2.2, until_s=4.0)
    pictures, sound_s = played(clip.path)
    assert clip.media_type == "video/mp4"
    assert len(pictures) == pytest.approx(21, abs=2)
    assert sound_s > 1.5
    recording = Recording(tmp_path / "b")
    recording.recorder.start("a", 1.0)
    recording.recorder.stop("a", 2.0)
    (clip,) = recording.run(remux(film, tmp_path / "sound.m4a", keep=("audio",)), 99, 0, None)
    assert clip.media_type == "audio/mp4"
    assert played(clip.path)[1] == pytest.approx(2.0, abs=0.3)


def test_without_sound_where_it_must_not_be_recorded(make_film: FilmMaker, tmp_path: Path) -> None:
    (clip,) = Recording(tmp_path / "clips", record_sound=False).run(make_film(seconds=5), 2.0, 1.0, 3.0)
    with av.open(str(clip.path)) as container:
        assert [s.type for s in container.streams] == ["video"]


@pytest.mark.parametrize("sound", ["aac", "pcm_alaw", None])
def test_masked_regions_are_black_in_every_picture_and_no_unmasked_file_is_left(
    make_film: FilmMaker, tmp_path: Path, sound: str | None
) -> None:
    film = make_film("film.mov", seconds=6, sound=sound)
    seen: list[set[Path]] = []
    folder = tmp_path / "clips"
    recording = Recording(folder, masks=LEFT_HALF)
    stream = open_film(film, "door", masks=LEFT_HALF, recorder=recording.recorder)
    for event in stream:
        if isinstance(event, CameraFrame) and event.index == 30:
            recording.recorder.start("a", 2.0)
        if isinstance(event, StreamChange):
            break
        seen.append(set(folder.iterdir()))
    recording.recorder.close()
    (clip,) = recording.clips
    assert not set().union(*seen)  # while it is being recorded nothing has a name
    assert list(folder.iterdir()) == [clip.path]
    pictures, sound_s = played(clip.path)
    assert len(pictures) == 40
    assert (sound_s > 3.0) == (sound is not None)
    for picture in pictures:
        bgr = picture.to_ndarray(format="bgr24")
        assert bgr[:, :150].max() < 12
        assert bgr[:, 180:].max() > 60
    assert [round(p.time, 2) for p in pictures[:3]] == [0.0, 0.1, 0.2]


def test_a_picture_whose_faces_could_not_be_found_is_left_out(make_film: FilmMaker, tmp_path: Path) -> None:
    calls = iter(range(1000))

    def blur(bgr: ByteArray) -> ByteArray:
        if next(calls) % 3 == 0:
            raise ModelError("faces could not be looked for")
        return np.zeros_like(bgr)

    recording = Recording(tmp_path / "clips", blur=blur)
    (clip,) = recording.run(make_film(seconds=4), 2.0, 1.0, None)
    pictures, _ = played(clip.path)
    assert len(pictures) == 20
    assert all(p.to_ndarray(format="gray").max() < 20 for p in pictures)
    assert any("faces" in note for note in recording.recorder.notes)


def test_when_no_picture_could_be_kept_there_is_no_clip(make_film: FilmMaker, tmp_path: Path) -> None:
    def blur(bgr: ByteArray) -> ByteArray:
        raise ModelError("faces could not be looked for")

    recording = Recording(tmp_path / "clips", blur=blur)
    assert not recording.run(make_film(seconds=3), 2.0, 1.0, None)
    assert recording.recorder.failures == 1
    assert not list((tmp_path / "clips").iterdir())


def test_longest_clip(make_film: FilmMaker, tmp_path: Path) -> None:
    settings = EvidenceSettings(before_s=1.0, max_clip_s=2.5)
    (clip,) = Recording(tmp_path / "clips", settings=settings).run(make_film(seconds=9), 2.0, 1.0, None)
    assert clip.end_s - clip.start_s == pytest.approx(2.6, abs=0.2)


def test_an_alert_known_only_after_its_end_gets_its_clip(make_film: FilmMaker, tmp_path: Path) -> None:
    (clip,) = Recording(tmp_path / "clips").run(make_film(seconds=9), start_at_s=8.0, from_s=3.0, until_s=5.0)
    assert clip.start_s == pytest.approx(3.0, abs=0.01)
    assert clip.end_s == pytest.approx(5.1, abs=0.15)


def test_several_clips_at_once_from_another_thread(make_film: FilmMaker, tmp_path: Path) -> None:
    recording = Recording(tmp_path / "clips")
    stream = open_film(make_film(seconds=8), "door", recorder=recording.recorder)

    def ask() -> None:
        for number in range(12):
            recording.recorder.start(f"k{number}", number * 0.5)
            recording.recorder.stop(f"k{number}", number * 0.5 + 1)
            recording.recorder.stop("never started", 1.0)

    for event in stream:
        if isinstance(event, CameraFrame) and event.index == 20:
            other = threading.Thread(target=ask)
            other.start()
            other.join(10)
    recording.recorder.close()
    assert len(recording.clips) == clips_module.MAX_OPEN
    assert recording.recorder.failures == 12 - clips_module.MAX_OPEN
    assert all(played(c.path)[0] for c in recording.clips)


def test_a_full_disk_loses_the_clip_and_nothing_else(make_film: FilmMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: PacketFile, *args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PacketFile, "write", full)
    recording = Recording(tmp_path / "clips")
    assert not recording.run(make_film(seconds=4), 2.0, 1.0, 3.0)
    assert recording.recorder.failures >= 1
    assert any("No space left" in note for note in recording.recorder.notes)
    assert not list((tmp_path / "clips").iterdir())


class _Sized:
    def __init__(self, size: int) -> None:
        self.size = size


def kept(time_s: float, is_key: bool, size: int = 100) -> Any:
    return clips_module._Kept(_Sized(size), True, time_s, is_key)  # type: ignore[arg-type]


def test_ring_reaches_back_to_the_key_frame_before_and_no_further() -> None:
    ring = PacketRing(keep_s=3.0)
    for number in range(100):
        ring.add(kept(number / 10, number % 20 == 0))
    times = [k.time_s for k in ring.since(-1)]
    assert times[0] == 6.0
    assert times[-1] == 9.9
    assert ring.since(8.5)[0].time_s == 8.0
    assert ring.size == 100 * len(times)


def test_ring_is_bounded_in_bytes_even_without_key_frames() -> None:
    ring = PacketRing(keep_s=1e9, max_bytes=10_000)
    ring.add(kept(0.0, False))
    assert not ring.since(0)
    for number in range(1000):
        ring.add(kept(number / 10, number % 300 == 0))
        assert ring.size <= 10_000
        held = ring.since(-1)
        assert not held or held[0].is_key
    assert ring.is_cut_short


def test_a_clip_of_a_time_that_is_no_longer_held_is_no_empty_file(make_film: FilmMaker, tmp_path: Path) -> None:
    recording = Recording(tmp_path / "clips", settings=EvidenceSettings(before_s=0.0))
    assert not recording.run(make_film(seconds=16), start_at_s=15.0, from_s=0.0, until_s=1.0)
    assert not list((tmp_path / "clips").iterdir())
    assert recording.recorder.notes
