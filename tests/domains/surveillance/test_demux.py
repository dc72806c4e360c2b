"""Pictures and sound on one clock, whatever the time stamps and packets are like."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from footage import FilmMaker, remux

from core.errors import InputError
from domains.surveillance.privacy import PrivacyMask
from domains.surveillance.sources import FilmStream, open_film
from domains.surveillance.stream import SOUND_RATE_HZ, CameraFrame, SoundBlock, StreamChange, StreamState
from domains.surveillance.timeline import WRAP_S, Timeline


def read(path: Path, **kinds: Any) -> tuple[list[CameraFrame], list[SoundBlock], FilmStream]:
    stream = open_film(path, "door", **kinds)
    events = list(stream)
    stream.close()
    assert isinstance(events[-1], StreamChange)
    assert events[-1].state is StreamState.ENDED
    return [e for e in events if isinstance(e, CameraFrame)], [e for e in events if isinstance(e, SoundBlock)], stream


def pitch_hz(blocks: list[SoundBlock]) -> float:
    waveform = np.concatenate([b.waveform for b in blocks])
    return float(np.abs(np.fft.rfft(waveform)).argmax() * SOUND_RATE_HZ / len(waveform))


def test_picture_and_sound_come_from_one_reading(make_film: FilmMaker) -> None:
    frames, blocks, stream = read(make_film(seconds=4))
    assert [round(f.time_s, 3) for f in frames] == [i / 10 for i in range(40)]
    assert [f.index for f in frames] == list(range(40))
    assert sum(len(b.waveform) for b in blocks) / SOUND_RATE_HZ == pytest.approx(4.0, abs=0.1)
    assert all(0.1 <= len(b.waveform) / SOUND_RATE_HZ <= 0.5 for b in blocks[:-1])
    assert pitch_hz(blocks) == pytest.approx(440, abs=2)
    assert stream.counts.frames == 40
    assert stream.counts.frames_damaged == stream.counts.time_jumps == 0
    assert not stream.counts.notes


def test_luma_is_a_read_only_view_and_colour_is_converted_once(make_film: FilmMaker) -> None:
    frames, _, _ = read(make_film(seconds=1))
    luma = frames[3].luma
    assert luma.shape == (240, 320)
    assert luma.base is not None
    with pytest.raises(ValueError, match="read-only"):
        luma[0, 0] = 1
    assert frames[3].colour() is frames[3].colour()
    assert frames[3].colour().shape == (240, 320, 3)
    assert abs(int(frames[3].colour()[10, 10, 0]) - 90) < 6


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "yuv444p", "yuv422p", "gray", "nv12", "yuv420p10le"])
def test_luma_of_every_pixel_format_shows_the_box(make_film: FilmMaker, pix_fmt: str) -> None:
    frames, _, _ = read(make_film("film.mkv", seconds=1, pix_fmt=pix_fmt, size=(318, 238), sound=None))
    luma = frames[0].luma
    assert luma.shape == (238, 318)
    assert int(luma[119, 10]) > int(luma[10, 10]) + 60


@pytest.mark.parametrize(("codec", "pix_fmt"), [("rawvideo", "bgr24"), ("mjpeg", "yuvj422p"), ("ffv1", "yuv420p")])
def test_other_codecs(make_film: FilmMaker, codec: str, pix_fmt: str) -> None:
    frames, _, _ = read(make_film("film.avi", seconds=1, codec=codec, pix_fmt=pix_fmt, sound=None, size=(64, 48)))
    assert len(frames) == 10
    assert int(frames[0].luma[24, 3]) > int(frames[0].luma[2, 2]) + 60


def test_masks_blacken_luma_and_colour(make_film: FilmMaker) -> None:
    mask = PrivacyMask([[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]])
    frames, _, _ = read(make_film(seconds=1), masks=mask)
    for frame in frames:
        assert not frame.luma[:, :160].any()
        assert not frame.colour()[:, :160].any()
        assert frame.luma[10, 300] > 0


def test_variable_frame_rate_keeps_its_times(make_film: FilmMaker) -> None:
    times = [0.0, 0.031, 0.12, 0.2, 1.4, 1.431, 2.0]
    frames, _, stream = read(make_film("film.mkv", times_s=times, sound=None))
    assert [f.time_s for f in frames] == pytest.approx(times, abs=0.002)
    assert stream.counts.time_jumps == 0


def test_sound_that_starts_later_stays_where_it_belongs(make_film: FilmMaker) -> None:
    _, blocks, _ = read(make_film("film.mkv", sound_from_s=0.7))
    assert blocks[0].time_s == pytest.approx(0.7, abs=0.05)


def test_silent_and_audio_only_cameras_are_normal(make_film: FilmMaker, tmp_path: Path) -> None:
    film = make_film()
    frames, blocks, _ = read(make_film("silent.mp4", sound=None))
    assert (len(frames), len(blocks)) == (40, 0)
    sound_only = remux(film, tmp_path / "sound.mka", keep=("audio",))
    frames, blocks, stream = read(sound_only)
    assert not frames
    assert stream.counts.sound_blocks == len(blocks) > 8
    frames, blocks, _ = read(film, sound=False)
    assert (len(frames), len(blocks)) == (40, 0)


def test_stamps_that_wrap_at_33_bits_go_on(make_film: FilmMaker, tmp_path: Path) -> None:
    # the muxer keeps the low 33 bits: the stamps begin anew 2 s into the film
    film = remux(make_film(), tmp_path / "wrap.ts", stamp=lambda ticks, base: ticks + round((WRAP_S - 2.0) / base))
    frames, blocks, stream = read(film)
    assert [f.time_s for f in frames] == pytest.approx([i / 10 for i in range(40)], abs=0.03)
    assert blocks[-1].time_s == pytest.approx(3.9, abs=0.4)
    assert stream.counts.time_jumps <= 1


class _Stamped:
    """Only the stamps of a packet."""

    def __init__(self, pts: int | None, dts: int | None) -> None:
        self.pts, self.dts, self.time_base = pts, dts, Fraction(1, 90_000)


def mended(timeline: Timeline, stream: int, stamps_s: list[float | None]) -> list[float]:
    packets = [_Stamped(*(2 * (None if s is None else round(s * 90_000),))) for s in stamps_s]
    return [round(timeline.mend(p, stream), 3) for p in packets]  # type: ignore[arg-type]


def test_a_wrap_is_made_up_exactly_for_both_streams() -> None:
    timeline = Timeline()
    timeline.add(0, 0.1)
    timeline.add(1, 0.1)
    shown = []
    for before_s in (-0.2, -0.1, 0.0, 0.1):
        shown += mended(timeline, 0, [before_s % WRAP_S]) + mended(timeline, 1, [(before_s + 0.05) % WRAP_S])
    assert shown == pytest.approx([0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35], abs=1e-3)
    assert timeline.jumps == 1


def test_a_stream_that_joins_with_another_clock_is_put_beside_the_first() -> None:
    timeline = Timeline()
    timeline.add(0, 0.1)
    timeline.add(1, 0.1)
    assert mended(timeline, 0, [5.0, 5.1]) == [0.0, 0.1]
    assert mended(timeline, 1, [90_000.0, 90_000.1]) == [0.1, 0.2]


def test_stamps_that_start_again_or_leap_go_on_in_step() -> None:
    timeline = Timeline()
    timeline.add(0, 0.1)
    assert mended(timeline, 0, [50.0, 50.1, 0.0, 0.1, 9000.0, 9000.1]) == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert timeline.jumps == 2


def test_packets_without_stamps_are_spaced() -> None:
    timeline = Timeline(base_s=7.0)
    timeline.add(0, 0.1)
    assert mended(timeline, 0, [None, 3.1, 3.2]) == [7.0, 7.1, 7.2]


def test_a_slow_camera_is_not_a_jump() -> None:
    timeline = Timeline()
    timeline.add(0, 30.0)
    assert mended(timeline, 0, [0.0, 30.0, 60.0, 120.0]) == [0.0, 30.0, 60.0, 120.0]
    assert timeline.jumps == 0


def test_a_camera_that_starts_its_stamps_again_goes_on(make_film: FilmMaker, tmp_path: Path) -> None:
    part = remux(make_film(), tmp_path / "part.ts").read_bytes()
    film = tmp_path / "twice.ts"
    film.write_bytes(part + part)
    frames, blocks, stream = read(film)
    times = [f.time_s for f in frames]
    assert len(frames) == 80
    assert times == sorted(times)
    assert times[-1] == pytest.approx(7.9, abs=0.3)
    assert blocks[-1].time_s == pytest.approx(7.9, abs=0.5)
    assert 1 <= stream.counts.time_jumps <= 2


def test_rate_and_layout_may_change_in_the_middle(tmp_path: Path) -> None:
    film = tmp_path / "change.aac"
    film.write_bytes(adts(tmp_path, 48_000, "stereo") + adts(tmp_path, 22_050, "mono"))
    _, blocks, stream = read(film)
    assert stream.counts.sound_damaged <= 2
    assert sum(len(b.waveform) for b in blocks) / SOUND_RATE_HZ == pytest.approx(4.0, abs=0.3)
    half = len(blocks) // 2
    assert pitch_hz(blocks[1 : half - 1]) == pytest.approx(440, abs=5)
    assert pitch_hz(blocks[half + 1 : -1]) == pytest.approx(440, abs=5)


def adts(folder: Path, rate_hz: int, layout: str, seconds: float = 2.0) -> bytes:
    path = folder / f"{rate_hz}.aac"
    channels = 2 if layout == "stereo" else 1
    with av.open(str(path), "w", format="adts") as output:
        stream: Any = output.add_stream("aac", rate=rate_hz, layout=layout)
        for begin in range(0, round(seconds * rate_hz), 1024):
            tone = (0.3 * np.sin(2 * np.pi * 440 * (begin + np.arange(1024)) / rate_hz)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(np.repeat(tone[None], channels, 0), format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, begin, Fraction(1, rate_hz)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_what_comes_before_the_first_key_frame_is_counted(make_film: FilmMaker, tmp_path: Path, suffix: str) -> None:
    film = remux(make_film(sound=None), tmp_path / f"cut.{suffix}", skip=3)
    frames, _, stream = read(film)
    assert len(frames) == 30
    assert stream.counts.frames_damaged == 7
    assert int(frames[0].luma[10, 10]) == pytest.approx(93, abs=12)


def test_damaged_packets_are_skipped_and_counted(make_film: FilmMaker, tmp_path: Path) -> None:
    film = remux(make_film(), tmp_path / "damaged.mkv", damage={12, 13, 40, 41})
    frames, blocks, stream = read(film)
    assert 15 <= len(frames) <= 40
    assert blocks
    assert stream.counts.frames_damaged + stream.counts.sound_damaged >= 1


@pytest.mark.slow
def test_8k_is_read_and_more_is_refused(make_film: FilmMaker) -> None:
    frames, _, _ = read(make_film("8k.mkv", times_s=[0.0], size=(7680, 4320), codec="mjpeg", pix_fmt="yuvj420p", sound=None))
    assert frames[0].luma.shape == (4320, 7680)
    with pytest.raises(InputError, match="7696x4320 is too large; at most 7680x4320") as caught:
        read(make_film("more.mkv", times_s=[0.0], size=(7696, 4320), codec="mjpeg", pix_fmt="yuvj420p", sound=None))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 3)])
@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [("avi", "rawvideo", "yuv420p"), ("avi", "rawvideo", "bgr24"), ("mov", "png", "rgb24"), ("mkv", "mjpeg", "yuvj420p")],
)
def test_one_pixel_is_a_picture(make_film: FilmMaker, suffix: str, codec: str, pix_fmt: str, size: tuple[int, int]) -> None:
    frames, _, stream = read(make_film(f"one.{suffix}", times_s=[0.0, 0.1], size=size, codec=codec, pix_fmt=pix_fmt, sound=None))
    assert len(frames) + stream.counts.frames_damaged == 2
    for frame in frames:
        assert frame.luma.shape == size[::-1]
        assert frame.colour().shape == (*size[::-1], 3)


def test_real_films_with_late_sound_are_read_whole(shared_data: Path) -> None:
    film = shared_data / "surveillance" / "gmdcsa24_fall" / "subject1" / "fall"
    path = next(iter(sorted(film.glob("*.mp4"))))
    frames, blocks, stream = read(path)
    assert stream.counts.frames_damaged == stream.counts.sound_damaged == stream.counts.time_jumps == 0
    assert frames[0].time_s == 0.0
    assert 0.05 < blocks[0].time_s < 0.4
    assert not stream.counts.notes
