"""Open a live camera in bounded time, and say in plain words why it could not be, or why it broke."""

from __future__ import annotations

import errno
import os
import re
import socket
import threading
import time
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import av
import av.error
from av.container import InputContainer

from core.errors import InputError
from core.redaction import redact
from core.secrets import reveal
from domains.surveillance.config import CameraSettings
from domains.surveillance.demux import OPEN_OPTIONS
from domains.surveillance.sources import FILM_OPTIONS, Location, Place, locate

LIVE_PROTOCOLS = "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https,httpproxy,rtmp,rtmps,rtmpt,srt"  # never "file"
# A stream from outside may not be a playlist, which could name other addresses; `.m3u8` in the address asks for one.
LIVE_FORMATS = (
    "rtsp,rtp,flv,live_flv,mpegts,mpeg,mpjpeg,mjpeg,jpeg_pipe,h264,hevc,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,ogg,aac,mp3,wav,asf"
)
PLAYLIST_FORMATS = f"{LIVE_FORMATS},hls"
# Enough to find the sound of a camera, and no more: the rest only delays the first picture. RTSP lists its streams, others
# must be listened to. No "nobuffer": it throws away what was read meanwhile, and with it the first key frame.
FAST_START = {"analyzeduration": "500000", "probesize": "500000"}
FAST_START_RTSP = {"analyzeduration": "200000", "probesize": "500000"}
OPEN_SLACK_S = 1.0
MIN_SECRET_LENGTH = 3  # shorter ones would blank out half of every text
_POLL_S = 0.2


class BreakError(InputError):
    """A connection could not be made, or broke; the message is free of credentials."""


@dataclass(frozen=True, slots=True)
class Address:
    """A camera's address with its secrets.

    Attributes:
        location: what it names.
        secrets: strings that must not be shown.
    """

    location: Location = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)

    def clean(self, text: str) -> str:
        """A text on one line, fit to be shown."""
        return " ".join(redact(text, *self.secrets).split())


def address_of(camera: str, settings: CameraSettings) -> Address:
    """A camera's address, with `${NAME}` taken from the environment.

    A value inside the login is taken literally, so a password may hold any character.

    Raises:
        ConfigError: a variable is not set.
        InputError: it names nothing that can be read.
    """
    text = settings.url.get_secret_value()
    login = text[: text.rfind("@") + 1] if "://" in text else ""
    literal = {name: quote(os.environ[name], safe=":") for name in re.findall(r"\$\{(\w+)\}", login) if name in os.environ}
    address = reveal(settings.url, f"surveillance.cameras.{camera}.url", {**os.environ, **literal})
    location = locate(address)
    secrets = [address, *(os.environ[name] for name in literal)]
    if location.place is Place.URL:
        after_scheme = address.split("://", 1)[1]
        password = after_scheme[: after_scheme.rfind("@")].partition(":")[2] if "@" in after_scheme else ""
        secrets += [password, unquote(password)]
    return Address(location, tuple(s for s in secrets if len(s) >= MIN_SECRET_LENGTH and location.place is Place.URL))


class Connector:
    """Opens one camera, again and again; never more than one attempt at a time, each bounded in time."""

    def __init__(self, address: Address, settings: CameraSettings, stop: threading.Event) -> None:
        self._address, self._settings, self._stop = address, settings, stop
        self._attempt: Future[InputContainer] | None = None
        self._begun_s = 0.0

    def open(self) -> InputContainer:
        """Connect.

        Raises:
            BreakError: it does not answer, in time or as it should; or the stop was asked for.
        """
        if self._attempt is None:
            self._attempt, self._begun_s = Future(), time.monotonic()
            threading.Thread(target=self._try, args=(self._attempt,), name="connect", daemon=True).start()
        waited_s = 0.0
        limit_s = self._settings.open_timeout_s + OPEN_SLACK_S
        while not wait_for([self._attempt], _POLL_S).done:
            waited_s += _POLL_S
            if self._stop.is_set():
                self._attempt.add_done_callback(_close_late)
                raise BreakError("stopped")
            if waited_s >= limit_s:  # a resolver or driver that hangs: the attempt goes on, and is asked again
                raise BreakError(f"no answer within {limit_s:.0f} s")
        attempt, self._attempt = self._attempt, None
        try:
            return attempt.result()
        except BreakError:
            raise
        except (av.error.FFmpegError, OSError, ValueError, MemoryError) as error:
            raise BreakError(
                self._address.clean(plain_reason(error, self._settings.open_timeout_s, time.monotonic() - self._begun_s))
            ) from None

    def _try(self, attempt: Future[InputContainer]) -> None:
        try:
            attempt.set_result(_open(self._address.location, self._settings))
        except BaseException as error:  # handed to the waiting thread, whatever it is
            attempt.set_exception(error)


def plain_reason(error: BaseException, timeout_s: float, silent_s: float) -> str:
    """Why a connection failed or broke; may still hold credentials.

    Args:
        error: libav's or the system's.
        timeout_s: how long was waited at most.
        silent_s: how long nothing came before the error; libav often calls a timeout invalid data.
    """
    if isinstance(error, (av.error.ExitError, TimeoutError, av.error.InvalidDataError)) and silent_s >= 0.9 * timeout_s:
        return f"nothing came for {timeout_s:g} s"
    for kinds, words in (
        (av.error.HTTPUnauthorizedError, "401: the camera refuses the user or password"),
        (av.error.HTTPForbiddenError, "403: the camera forbids this user to see this stream"),
        (av.error.HTTPNotFoundError, "404: the camera has no such stream; check the path of its address"),
        (ConnectionRefusedError, "connection refused: nothing answers at this host and port"),
        (socket.gaierror, "the host's name is not known; check the address and the name server"),
        ((av.error.ExitError, TimeoutError), "the connection took too long"),
        ((EOFError, av.error.EOFError), "the camera ended the stream"),
        (PermissionError, "permission denied"),
        (FileNotFoundError, "there is no such device"),
        ((ConnectionResetError, BrokenPipeError), "the connection was broken"),
        (av.error.InvalidDataError, "the connection broke, or what it sends is not video"),
    ):
        if isinstance(error, kinds):
            return words
    if getattr(error, "errno", None) == errno.EIO:
        return "the connection failed, or what it sends is not video"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _open(location: Location, settings: CameraSettings) -> InputContainer:
    timeout = (settings.open_timeout_s, settings.read_timeout_s)
    if location.place is Place.FILM:
        return av.open(f"file:{Path(location.address).absolute()}", mode="r", options=FILM_OPTIONS, metadata_errors="replace")
    if location.place is Place.DEVICE:
        return av.open(location.address, mode="r", format="v4l2", timeout=timeout, options=dict(OPEN_OPTIONS))
    parts = urlsplit(location.address)
    if parts.hostname:
        socket.getaddrinfo(parts.hostname, None)  # libav's own error does not say that it was the name
    options = {**FAST_START, **OPEN_OPTIONS, "protocol_whitelist": LIVE_PROTOCOLS}
    options["format_whitelist"] = PLAYLIST_FORMATS if parts.path.lower().endswith(".m3u8") else LIVE_FORMATS
    microseconds = str(round(settings.open_timeout_s * 1e6))
    if parts.scheme.lower() in ("rtsp", "rtsps"):
        options |= FAST_START_RTSP | {"rtsp_transport": settings.transport, "timeout": microseconds}
    else:
        options |= {"rw_timeout": microseconds}
    return av.open(location.address, mode="r", options=options, timeout=timeout, metadata_errors="replace")


def _close_late(attempt: Future[InputContainer]) -> None:
    if attempt.exception() is None:
        attempt.result().close()
