"""Make films for tests, and films that are wrong in a chosen way."""

from __future__ import annotations

from collections.abc import Callable, Container
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FilmMaker = Callable[..., Path]


def write_film(
    path: Path,
    *,
    seconds: float = 4.0,
    fps: int = 10,
    size: tuple[int, int] = (320, 240),
    gop: int = 10,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    sound: str | None = "aac",
    sound_from_s: float = 0.0,
    options: dict[str, str] | None = None,
    times_s: Any = None,
) -> Path:
    """A grey room with a bright box that walks to the right, and a 440 Hz tone."""
    width, height = size
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream(codec, rate=fps, options={"preset": "ultrafast", "bf": "0"} if codec == "libx264" else {})
        video.width, video.height, video.pix_fmt, video.gop_size = width, height, pix_fmt, gop
        video.codec_context.thread_count = 1
        if times_s is not None:
            video.codec_context.time_base = Fraction(1, 90_000)
        audio: Any = output.add_stream(sound, rate=48_000, layout="mono") if sound else None
        times = [i / fps for i in range(round(seconds * fps))] if times_s is None else times_s
        done = round(sound_from_s * 48_000)
        for time_s in times:
            picture = np.full((height, width, 3), 90, np.uint8)
            left = int(time_s * width / 8) % max(1, width - width // 4)
            picture[height // 4 : height * 3 // 4, left : left + width // 8] = 220
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = round(time_s * 90_000), Fraction(1, 90_000)
            if times_s is None:
                frame.pts, frame.time_base = round(time_s * fps), Fraction(1, fps)
            output.mux(video.encode(frame))
            while audio is not None and done < (time_s + 1 / fps) * 48_000:
                tone = (0.3 * np.sin(2 * np.pi * 440 * (done + np.arange(1024)) / 48_000)).astype(np.float32)
                piece = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = 48_000, done, Fraction(1, 48_000)
                done += 1024
                output.mux(audio.encode(piece))
        output.mux(video.encode(None))
        if audio is not None:
            output.mux(audio.encode(None))
    return path


def remux(
    source: Path,
    target: Path,
    *,
    keep: Container[str] = ("video", "audio"),
    stamp: Callable[[int, Fraction], int] | None = None,
    skip: int = 0,
    damage: Container[int] = (),
    options: dict[str, str] | None = None,
) -> Path:
    """Copy a film's packets.

    Args:
        source, target: films.
        keep: kinds of streams.
        stamp: changes each time stamp, given ticks and time base.
        skip: packets left out at the begin.
        damage: numbers of packets whose bytes are overwritten.
        options: of the container.
    """
    rng = np.random.default_rng(7)
    with av.open(str(source)) as film, av.open(str(target), "w", options=options or {}) as output:
        streams = {s.index: output.add_stream_from_template(s) for s in film.streams if s.type in keep}
        kept = [s for s in film.streams if s.index in streams]
        for number, packet in enumerate(film.demux(kept)):
            if not packet.size or number < skip:
                continue
            content = bytes(packet)
            if number in damage:
                content = content[: len(content) // 4] + rng.bytes(len(content) - len(content) // 4)
            copy: Any = av.Packet(content)
            copy.time_base, copy.duration, copy.is_keyframe = packet.time_base, packet.duration, packet.is_keyframe
            copy.pts, copy.dts = packet.pts, packet.dts
            if stamp is not None:
                copy.pts, copy.dts = stamp(packet.pts, packet.time_base), stamp(packet.dts, packet.time_base)
            copy.stream = streams[packet.stream_index]
            output.mux_one(copy)
    return target
