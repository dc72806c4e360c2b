"""Open the media that a table names, never more of a file than the bounds allow."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.encoders.pictures import shrink
from core.errors import InputError
from core.samples import Audio, ByteArray, FloatArray, Image, Video

VERSION = 1  # changed whenever the same file would give other pixels or samples
RATE_HZ = 16_000


@dataclass(frozen=True, slots=True)
class MediaBounds:
    """How much of one file is read.

    Attributes:
        max_file_bytes: a larger file is refused.
        max_pixels: a larger picture or frame is refused before it is decoded.
        max_side_px: a picture is shrunk to this.
        max_audio_s: sound after this is left aside.
        max_frames: frames kept of a film, at even distances.
        max_decoded_frames: of a longer film the rest is left aside.
        frame_side_px: frames are shrunk to this.
        max_steps: a longer series is refused.
        max_channels: a wider series is refused.
    """

    max_file_bytes: int = 512 << 20
    max_pixels: int = 64_000_000
    max_side_px: int = 1024
    max_audio_s: float = 60.0
    max_frames: int = 32
    max_decoded_frames: int = 4_000
    frame_side_px: int = 320
    max_steps: int = 200_000
    max_channels: int = 64

    def check_file(self, path: Path) -> None:
        """Refuse a file that is empty or too large.

        Raises:
            InputError: it is.
        """
        size = path.stat().st_size
        if not size:
            raise InputError("the file is empty")
        if size > self.max_file_bytes:
            raise InputError(f"the file has {size / 2**20:,.0f} MiB, more than {self.max_file_bytes / 2**20:,.0f} MiB")


def open_image(path: Path, bounds: MediaBounds) -> Image:
    """A picture as RGB; what is transparent becomes white.

    Raises:
        InputError: it cannot be read, or is too large.
    """
    import cv2
    from PIL import Image as Pictures
    from PIL import ImageOps

    bounds.check_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes, which are bounded here, and odd tags
            with Pictures.open(path) as opened:
                _check_size("a picture", *opened.size, bounds)
                if opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info:
                    laid = ImageOps.exif_transpose(opened).convert("RGBA")
                    laid = Pictures.alpha_composite(Pictures.new("RGBA", laid.size, "white"), laid)
                    return Image(shrink(np.asarray(laid.convert("RGB"), np.uint8), bounds.max_side_px).copy())
        pixels: Any = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR_RGB)
        if pixels is None:
            with Pictures.open(path) as opened:
                pixels = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"), np.uint8)
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, cv2.error, Pictures.DecompressionBombError) as error:
        raise InputError(f"not a picture that can be read ({_reason(error)})") from error
    return Image(np.array(shrink(pixels, bounds.max_side_px)))


def open_audio(path: Path, bounds: MediaBounds) -> Audio:
    """The first sound of a file, 16 kHz mono.

    Raises:
        InputError: it cannot be read, or holds no sound.
    """
    import av
    import av.error

    bounds.check_file(path)
    most = int(bounds.max_audio_s * RATE_HZ)
    parts: list[FloatArray] = []
    count = 0
    try:
        with path.open("rb") as file, av.open(file, "r", options=_CLOSED) as opened:
            if not opened.streams.audio:
                raise InputError("the file holds no sound")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
            for frame in opened.decode(opened.streams.audio[0]):
                for piece in resampler.resample(frame):
                    parts.append(np.asarray(piece.to_ndarray(), np.float32).reshape(-1))
                    count += len(parts[-1])
                if count >= most:
                    break
            if count < most:
                parts += [np.asarray(piece.to_ndarray(), np.float32).reshape(-1) for piece in resampler.resample(None)]
    except (av.error.FFmpegError, OSError, ValueError, MemoryError) as error:
        raise InputError(f"not a sound that can be read ({_reason(error)})") from error
    waveform = np.concatenate(parts)[:most].astype(np.float32) if parts else np.empty(0, np.float32)
    if not len(waveform):
        raise InputError("the file holds no sound")
    if not np.isfinite(waveform).all():
        raise InputError("the sound holds numbers that are not finite")
    return Audio(np.clip(waveform, -1.0, 1.0), RATE_HZ)


def open_video(path: Path, bounds: MediaBounds) -> Video:
    """Frames at even distances over a film, small ones.

    Raises:
        InputError: it cannot be read, or has no picture.
    """
    import av
    import av.error

    bounds.check_file(path)
    kept: list[tuple[float, ByteArray]] = []
    every, count = 1, 0
    try:
        with path.open("rb") as file, av.open(file, "r", options=_CLOSED) as opened:
            if not opened.streams.video:
                raise InputError("the file holds no film")
            stream = opened.streams.video[0]
            stream.thread_type = "AUTO"
            size: tuple[int, int] | None = None
            for frame in opened.decode(stream):
                _check_size("a frame", frame.width, frame.height, bounds)
                if count % every == 0:
                    size = size or _frame_size(frame.width, frame.height, bounds.frame_side_px)
                    at_s = float(frame.time) if frame.time is not None else float(count)
                    kept.append((at_s, np.asarray(frame.reformat(*size, format="rgb24").to_ndarray(), np.uint8)))
                    if len(kept) >= 2 * bounds.max_frames:  # of a film whose length nobody knows beforehand
                        kept, every = kept[::2], every * 2
                count += 1
                if count >= bounds.max_decoded_frames:
                    break
    except (av.error.FFmpegError, OSError, ValueError, MemoryError) as error:
        if not kept:
            raise InputError(f"not a film that can be read ({_reason(error)})") from error
    if not kept:
        raise InputError("the file holds no film")
    places = np.unique(np.linspace(0, len(kept) - 1, min(len(kept), bounds.max_frames)).round().astype(int))
    chosen = [kept[i] for i in places]
    return Video(tuple(np.ascontiguousarray(pixels) for _, pixels in chosen), np.array([at for at, _ in chosen], np.float32))


# Playlists and concat lists name other files or addresses: none of those formats is read, and nothing but the file itself is opened.
_FORMATS = "mov,mp4,m4a,3gp,matroska,webm,avi,mpeg,mpegts,mp3,wav,flac,ogg,aac,aiff,au,flv,asf,h264,hevc,w64,caf,amr"
_CLOSED = {"protocol_whitelist": "none", "format_whitelist": _FORMATS}


def _check_size(what: str, width: int, height: int, bounds: MediaBounds) -> None:
    if width * height > bounds.max_pixels:
        raise InputError(f"{what} of {width} x {height} is larger than {bounds.max_pixels:,} pixels")


def _frame_size(width: int, height: int, side_px: int) -> tuple[int, int]:
    scale = min(1.0, side_px / max(width, height))
    return max(2, math.floor(width * scale)), max(2, math.floor(height * scale))


def _reason(error: BaseException) -> str:
    said = " ".join(str(getattr(error, "strerror", None) or error).split())
    return (said or type(error).__name__).split("'/")[0].split(": '")[0][:100]
