"""Films and folders of films; and what kind of place a camera's address names."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import av
import av.error

from core.errors import InputError
from core.redaction import public_name, redact
from domains.surveillance.demux import OPEN_OPTIONS, Demuxer, PacketTaker, no_wall_clock
from domains.surveillance.privacy import PrivacyMask
from domains.surveillance.stream import StreamChange, StreamCounts, StreamEvent, StreamState
from domains.surveillance.timeline import Timeline

FILM_SUFFIXES = frozenset(
    """.mp4 .m4v .mov .3gp .mkv .webm .avi .flv .wmv .asf .ogv .mxf .dav
    .ts .m2ts .mts .mpg .mpeg .mjpg .mjpeg .h264 .h265 .hevc""".split()  # noqa: SIM905
)
# No format here opens other files: no playlists (hls, dash, concat), no session descriptions (sdp), no picture sequences.
FILM_FORMATS = (
    "aac,ac3,aiff,amr,asf,au,avi,av1,caf,dhav,dv,eac3,flac,flv,gif,h261,h263,h264,hevc,ivf,m4v,matroska,webm,mjpeg,mjpeg_2000,"
    "mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,rm,w64,wav,wtv,y4m,yuv4mpegpipe"
)
FILM_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FILM_FORMATS, **OPEN_OPTIONS}
SHORT_S = 1.0  # a film that ends this much before it says is noted as cut short

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]+)://")
_DEVICE = re.compile(r"(?:/dev/video)?(\d{1,3})")


class Place(StrEnum):
    """What an address names."""

    FILM = "film"
    FOLDER = "folder"
    URL = "url"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Location:
    """Where to read from.

    Attributes:
        place: what it is.
        address: path, address or device, credentials and all; never shown.
        name: what may be shown.
    """

    place: Place
    address: str = field(repr=False)
    name: str


LIVE_SCHEMES = frozenset(["rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "rtp", "srt", "tcp"])


def locate(text: str) -> Location:
    """What an address, path or device names.

    Args:
        text: `rtsp://`, `http://`, `rtmp://`... address, path of a film or folder, `/dev/video0` or `0`.

    Raises:
        InputError: nothing is there, or an address of a kind that is not read.
    """
    text = text.strip()
    scheme = _SCHEME.match(text)
    if scheme is not None:
        kind = scheme[1].lower()
        if kind == "file":
            return locate(text[len(scheme[0]) :])
        if kind not in LIVE_SCHEMES:
            raise InputError(f"{public_name(text)}: {kind}:// is not read; use rtsp://, http:// or rtmp://, a file or a device")
        return Location(Place.URL, text, public_name(text))
    path = Path(text)
    device = _DEVICE.fullmatch(text)
    if device is not None and not path.is_file():
        number = f"/dev/video{device[1]}"
        return Location(Place.DEVICE, number, number)
    if text and path.is_dir():
        return Location(Place.FOLDER, text, path.name)
    if path.is_file():
        return Location(Place.FILM, text, path.name)
    raise InputError(f"{redact(text) or 'an empty address'}: there is no such file, folder or device")


def films_in(folder: Path) -> list[Path]:
    """The films of a folder and its subfolders, by name.

    Raises:
        InputError: there is no such folder, or no film in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    films = sorted(p for p in folder.rglob("*") if p.suffix.lower() in FILM_SUFFIXES and p.is_file() and not p.name.startswith("."))
    if not films:
        raise InputError(f"{folder}: there is no film in it ({', '.join(sorted(FILM_SUFFIXES))})")
    return films


def film_duration_s(path: Path) -> float | None:
    """How long a film says it is, or None where it does not say.

    Raises:
        InputError: it cannot be read as a film.
    """
    with _open_file(path) as container:
        return _duration_s(container)


def open_film(
    path: Path,
    camera: str,
    *,
    masks: PrivacyMask | None = None,
    sound: bool = True,
    recorder: PacketTaker | None = None,
    wall_start_s: float | None = None,
) -> FilmStream:
    """Open a film to be read once, as fast as it goes.

    Args:
        path: a file; other files that it refers to are never opened.
        camera: the name that its events carry.
        masks: blacked out before anyone sees a frame.
        sound: whether to decode its sound.
        recorder: takes the encoded packets.
        wall_start_s: Unix time at which it begins, where that is known.

    Raises:
        InputError: it cannot be read as a film.
    """
    return FilmStream(path, camera, masks, sound, recorder, wall_start_s)


class FilmStream:
    """A film being read. Events end with `StreamState.ENDED`; iterating raises `InputError` where nothing could be decoded.

    Attributes:
        camera: the name that its events carry.
        counts: what was read and what was not.
        duration_s: how long it says it is, or None.
    """

    def __init__(
        self,
        path: Path,
        camera: str,
        masks: PrivacyMask | None,
        sound: bool,
        recorder: PacketTaker | None,
        wall_start_s: float | None,
    ) -> None:
        self.camera = camera
        self.counts = StreamCounts()
        self._path = path
        self._container = _open_file(path)
        self.duration_s = _duration_s(self._container)
        wall_of = no_wall_clock if wall_start_s is None else (lambda time_s: wall_start_s + time_s)
        self._wall_of = wall_of
        try:
            self._demuxer = Demuxer(
                self._container,
                camera,
                self.counts,
                timeline=Timeline(origin_s=_origin_s(self._container)),
                masks=masks,
                sound=sound,
                recorder=recorder,
                wall_of=wall_of,
            )
        except InputError as error:
            self._container.close()
            raise InputError(str(error).replace(f"{camera}:", f"{path}:", 1)) from error

    def __iter__(self) -> Iterator[StreamEvent]:
        yield from self._demuxer
        ended_s = self._demuxer.last_s
        if not self.counts.frames and not self.counts.sound_blocks:
            raise InputError(f"{self._path}: nothing in it could be decoded; it is damaged, or of a kind or size that is not read")
        elif self.duration_s is not None and ended_s < self.duration_s - max(SHORT_S, 0.05 * self.duration_s):
            self.counts.notes.append(
                f"{self._path.name}: ends after {ended_s:.1f} s of {self.duration_s:.1f} s; the rest is missing or damaged"
            )
        yield StreamChange(self.camera, StreamState.ENDED, ended_s, self._wall_of(ended_s), "end of film")

    def close(self) -> None:
        """Let the file go; a second time does nothing."""
        self._container.close()


def _open_file(path: Path) -> av.container.InputContainer:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be opened ({getattr(error, 'strerror', None) or 'not a path'}); check the path") from error
    if stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a folder, not a film; name a file in it")
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: is not a regular file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: is empty; the recording or the copy failed")
    try:
        # "file:" keeps libav from taking a name with a colon for an address
        return av.open(f"file:{path.absolute()}", mode="r", options=FILM_OPTIONS, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(f"{path}: cannot be read as a film ({reason}); it is damaged, cut off, or something else") from error


def _duration_s(container: av.container.InputContainer) -> float | None:
    duration = container.duration
    return None if duration is None or duration <= 0 else duration / av.time_base


def _origin_s(container: av.container.InputContainer) -> float | None:
    streams = (*container.streams.video[:1], *container.streams.audio[:1])
    starts = [float(s.start_time * s.time_base) for s in streams if s.start_time is not None and s.time_base is not None]
    return min(starts) if starts else None
