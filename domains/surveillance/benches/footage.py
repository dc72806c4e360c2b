"""Films made for measuring: real pictures and sound, joined so that it is known exactly what happens when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from core.samples import ByteArray, FloatArray

SOUND_HZ = 48_000


@dataclass(frozen=True, slots=True)
class Take:
    """A stretch of a made film: frames of a real one, shown forwards and backwards as often as needed.

    Attributes:
        film: the real film.
        first, last: frames to take, the last included.
        duration_s: how long to show them.
        sound: `[samples]` at 48 kHz laid under it, or None for faint noise.
    """

    film: Path
    first: int
    last: int
    duration_s: float
    sound: FloatArray | None = None


def read_frames(film: Path, first: int, last: int, size: tuple[int, int]) -> list[ByteArray]:
    """Frames of a film, BGR, scaled to `size` (width, height)."""
    frames: list[ByteArray] = []
    with av.open(str(film)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index > last:
                break
            if index >= first:
                small = cv2.resize(frame.to_ndarray(format="bgr24"), size, interpolation=cv2.INTER_AREA)
                frames.append(small.astype(np.uint8, copy=False))
    return frames


def read_sound(clip: Path) -> FloatArray:
    """A clip's sound, mono at 48 kHz."""
    resampler = av.AudioResampler("flt", "mono", SOUND_HZ)
    with av.open(str(clip)) as container:
        parts = [r.to_ndarray()[0] for frame in container.decode(audio=0) for r in resampler.resample(frame)]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def make_film(takes: Iterable[Take], out: Path, size: tuple[int, int] = (640, 360), fps: int = 10, gop: int = 10, seed: int = 7) -> float:
    """Write takes one after another as H.264 with AAC, with a little sensor noise so that no two frames are the same.

    Returns:
        The film's length in seconds.
    """
    noise = np.random.default_rng(seed)
    with av.open(str(out), "w") as container:
        video = container.add_stream("libx264", rate=fps)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.options = {"preset": "veryfast", "profile": "baseline", "g": str(gop), "bf": "0"}
        audio = container.add_stream("aac", rate=SOUND_HZ)
        audio.layout = "mono"
        shown = 0
        waveforms = []
        for take in takes:
            count = round(take.duration_s * fps)
            for picture in _back_and_forth(read_frames(take.film, take.first, take.last, size), count):
                grain = noise.integers(-2, 3, picture.shape[:2], np.int16)[..., None]
                frame = av.VideoFrame.from_ndarray(np.clip(picture + grain, 0, 255).astype(np.uint8), format="bgr24")
                frame.pts, frame.time_base = shown, Fraction(1, fps)
                shown += 1
                container.mux(video.encode(frame))
            waveforms.append(_fit(take.sound, round(take.duration_s * SOUND_HZ), noise))
        container.mux(video.encode(None))
        _write_sound(container, audio, np.concatenate(waveforms))
    return shown / fps


def repeat_film(film: Path, out: Path, times: int) -> None:
    """Write a film several times on end without encoding it again; its time stamps go on."""
    with av.open(str(out), "w") as container:
        with av.open(str(film)) as once:
            copies = {stream.index: container.add_stream_from_template(stream) for stream in once.streams}
            length_s = Fraction(once.streams.video[0].frames) / Fraction(once.streams.video[0].average_rate or 1)
        ends = dict.fromkeys(copies, -(2**62))
        for number in range(times):
            with av.open(str(film)) as once:
                for packet in once.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    index = packet.stream_index
                    ticks = round(number * length_s / packet.time_base)
                    if packet.dts + ticks <= ends[index]:
                        continue  # a block of sound that reaches over the film's end
                    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                    ends[index] = packet.dts
                    packet.stream = copies[index]
                    container.mux(packet)


def _back_and_forth(frames: list[ByteArray], count: int) -> Iterator[ByteArray]:
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    for index in range(count):
        yield frames[order[index % len(order)]]


def _fit(sound: FloatArray | None, samples: int, noise: np.random.Generator) -> FloatArray:
    bed = (noise.standard_normal(samples) * 1e-3).astype(np.float32)
    if sound is not None:
        bed[: len(sound)] += sound[:samples]
    return bed


def _write_sound(container: av.container.OutputContainer, stream: av.AudioStream, waveform: FloatArray) -> None:
    step = 1024
    for start in range(0, len(waveform) - step + 1, step):
        frame = av.AudioFrame.from_ndarray(waveform[None, start : start + step], format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_HZ, start, Fraction(1, SOUND_HZ)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
