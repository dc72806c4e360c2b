"""A live camera, read for ever: whatever breaks is reported, and the connection is made again."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import av.error
from av.container import InputContainer
from pydantic import SecretStr

from core.errors import InputError
from domains.surveillance.config import CameraSettings
from domains.surveillance.connection import BreakError, Connector, address_of, plain_reason
from domains.surveillance.demux import Demuxer, PacketTaker
from domains.surveillance.privacy import privacy_mask
from domains.surveillance.sources import Place, open_film
from domains.surveillance.stream import CameraFrame, CameraStream, StreamChange, StreamCounts, StreamEvent, StreamState
from domains.surveillance.timeline import Timeline

FIRST_RETRY_S = 0.25
LAST_RETRY_S = 1.0
FIRST_PICTURE_S = 10.0  # packets that never make a picture or a sound for this long count as a break
SLOW_PICTURES = 4  # a picture may take this many times the longest gap so far, where that is more than the read timeout
UNSTAMPED = frozenset({"mpjpeg", "mjpeg", "jpeg_pipe", "h264", "hevc"})  # libav makes their stamps up, 25 a second
STALL_S = 0.5
ANCHOR_BUCKET_S = 10.0
ANCHOR_BUCKETS = 6


class ArrivalClock:
    """Wall times of a live stream, by arrival.

    A picture arrives some time after it was taken, now more, now less. The least delay over the last minute stands for
    the true one: `wall = min(arrival - time) + time`, so jitter and bursts do not blur the times, and a camera whose clock
    runs fast or slow is followed.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._buckets: deque[tuple[int, float]] = deque(maxlen=ANCHOR_BUCKETS)

    def at(self, time_s: float) -> float:
        """Unix time of what has just arrived with the stream time `time_s`."""
        offset_s = self._now() - time_s
        bucket = int(time_s // ANCHOR_BUCKET_S)
        if not self._buckets or self._buckets[-1][0] != bucket:
            self._buckets.append((bucket, offset_s))
        elif offset_s < self._buckets[-1][1]:
            self._buckets[-1] = (bucket, offset_s)
        return time_s + min(o for _, o in self._buckets)


class LiveStream:
    """One live camera.

    An end of stream and every error are breaks: `OFFLINE` is told once, the connection is tried again after 0.25 s, then at
    ever longer waits of at most 1 s, and `ONLINE` is told with the first picture or sound. The clock goes on meanwhile.

    A film is played at its own pace, once an iteration; its events end with `ENDED`.

    Attributes:
        camera: the camera's name.
        counts: what was read and what was not.
        reason: why it is offline; empty while it is not.
    """

    def __init__(self, camera: str, settings: CameraSettings, recorder: PacketTaker | None, stop: threading.Event) -> None:
        """Get ready; nothing is connected until it is iterated.

        Args:
            camera: its name.
            settings: address, timeouts, masks, sound.
            recorder: takes the encoded packets.
            stop: ends the iteration, within the read timeout.

        Raises:
            ConfigError: the address names an environment variable that is not set.
            InputError: the address names nothing that can be read.
        """
        self.camera = camera
        self.counts = StreamCounts()
        self.reason = ""
        self._settings, self._recorder, self._stop = settings, recorder, stop
        self._address = address_of(camera, settings)
        if self._address.location.place is Place.FOLDER:
            raise InputError(f"camera {camera}: {self._address.location.name} is a folder; name a film, an address or a device")
        self._connector = Connector(self._address, settings, stop)
        self._masks = privacy_mask(settings.privacy)
        self._is_online: bool | None = None
        self._clock_s, self._clock_set_s = 0.0, time.monotonic()
        self._has_begun = False

    def __iter__(self) -> Iterator[StreamEvent]:
        wait_s = FIRST_RETRY_S
        if not self._has_begun:
            self._set_clock(0.0)
        while not self._stop.is_set():
            has_shown = self.counts.frames + self.counts.sound_blocks
            reason = yield from self._connection()
            if reason is None:
                return
            if self._stop.is_set():
                return
            self.reason = reason
            if self._is_online is not False:
                self._is_online = False
                self._has_begun = True
                yield StreamChange(self.camera, StreamState.OFFLINE, self.now_s(), time.time(), reason)
            if self.counts.frames + self.counts.sound_blocks > has_shown:
                wait_s = FIRST_RETRY_S
            self._stop.wait(wait_s)
            wait_s = min(LAST_RETRY_S, wait_s * 2)

    def close(self) -> None:
        """Ask the iteration to end."""
        self._stop.set()

    def now_s(self) -> float:
        """The camera's clock at this moment, also while nothing comes."""
        return self._clock_s + time.monotonic() - self._clock_set_s

    def _set_clock(self, time_s: float) -> None:
        self._clock_s, self._clock_set_s = time_s, time.monotonic()

    def _connection(self) -> Generator[StreamEvent, None, str | None]:
        """One connection from its begin to its break; returns why it broke, or None where a film came to its end."""
        try:
            container = self._connector.open()
        except BreakError as error:
            return str(error)
        patience = _Patience(self._settings.read_timeout_s)
        try:
            return (yield from self._read(container, patience))
        except BreakError as error:
            return str(error)
        except InputError as error:
            return self._address.clean(str(error))
        except av.error.FFmpegError as error:
            return self._address.clean(plain_reason(error, self._settings.read_timeout_s, patience.silent_s()))
        finally:
            container.close()

    def _read(self, container: InputContainer, patience: _Patience) -> Generator[StreamEvent, None, str | None]:
        is_film = self._address.location.place is Place.FILM
        base_s = self.now_s() if self._has_begun else 0.0
        begun_s = time.monotonic()
        demuxer = Demuxer(
            container,
            self.camera,
            self.counts,
            timeline=Timeline(base_s=base_s),
            first_index=self.counts.frames,
            masks=self._masks,
            sound=self._settings.sound,
            recorder=self._recorder,
            wall_of=ArrivalClock().at,
            is_live=not is_film,
            on_packet=None if is_film else patience.check,
            arrival_s=time.monotonic if not is_film and UNSTAMPED & set(container.format.name.split(",")) else None,
        )
        is_first = True
        for event in demuxer:
            if is_first:
                is_first = False
                yield from self._come_online(event.time_s, event.wall_s)
            patience.saw(is_picture=isinstance(event, CameraFrame), has_video=demuxer.video is not None)
            if is_film and self._stop.wait(max(0.0, event.time_s - base_s - (time.monotonic() - begun_s))):
                return None
            self._has_begun = True
            self._set_clock(max(event.time_s, self._clock_s))
            yield event
            if self._stop.is_set():
                return None
        if is_film:
            yield StreamChange(self.camera, StreamState.ENDED, demuxer.last_s, time.time(), "end of film")
            return None
        return "the camera ended the stream"

    def _come_online(self, time_s: float, wall_s: float | None) -> Iterator[StreamChange]:
        if self._is_online is False:
            self.counts.reconnections += 1
        if self._is_online is not True:
            self._is_online, self.reason = True, ""
            yield StreamChange(self.camera, StreamState.ONLINE, time_s, wall_s, "")


class _Patience:
    """Breaks a connection whose packets come but make no picture."""

    def __init__(self, read_timeout_s: float) -> None:
        self._read_timeout_s = read_timeout_s
        self._picture_s = self._packet_s = time.monotonic()
        self._longest_s = FIRST_PICTURE_S / SLOW_PICTURES
        self._pictures = 0
        self._has_video = True

    def saw(self, is_picture: bool, has_video: bool) -> None:
        """A picture or a block of sound was decoded."""
        self._has_video = has_video
        if is_picture or not has_video:
            now_s = time.monotonic()
            gap_s = now_s - self._picture_s
            self._longest_s = gap_s if self._pictures == 1 else max(self._longest_s, gap_s) if self._pictures else self._longest_s
            self._picture_s = now_s
            self._pictures += 1

    def silent_s(self) -> float:
        """How long ago the newest packet came."""
        return time.monotonic() - self._packet_s

    def check(self) -> None:
        """A packet came.

        Raises:
            BreakError: it came after a timeout (libav gives out what it held back), or it is too long since the last picture.
        """
        silent_s = self.silent_s()
        if silent_s >= 0.9 * self._read_timeout_s:
            raise BreakError(f"nothing came for {self._read_timeout_s:g} s")
        self._packet_s += silent_s
        if silent_s > STALL_S:  # nothing at all came: the read timeout's matter
            self._picture_s += silent_s
        limit_s = max(self._read_timeout_s, SLOW_PICTURES * self._longest_s)
        if time.monotonic() - self._picture_s > limit_s:
            raise BreakError(f"it sends data but no picture for {limit_s:.0f} s" if self._has_video else f"no sound for {limit_s:.0f} s")


def open_location(
    location: str, camera: str, settings: CameraSettings, *, recorder: PacketTaker | None = None, stop: threading.Event | None = None
) -> CameraStream:
    """Open a film (as fast as it goes), a live address or a device as one camera.

    Args:
        location: path, address or device; takes the place of the settings' address.
        camera: the name that its events carry.
        settings: masks, sound, timeouts.
        recorder: takes the encoded packets.
        stop: ends a live stream.

    Raises:
        ConfigError: the address names an environment variable that is not set.
        InputError: nothing there, or a folder.
    """
    settings = settings.model_copy(update={"url": SecretStr(location)})
    place = address_of(camera, settings).location
    if place.place is Place.FILM:
        return open_film(Path(place.address), camera, masks=privacy_mask(settings.privacy), sound=settings.sound, recorder=recorder)
    return LiveStream(camera, settings, recorder, stop or threading.Event())
