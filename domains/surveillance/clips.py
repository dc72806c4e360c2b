"""Record clips of a stream: the seconds before an alert, the alert, and the seconds after, as the camera encoded them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error

from core.errors import TriviumError
from core.redaction import redact
from core.samples import ByteArray
from domains.surveillance.clip_file import PacketFile
from domains.surveillance.config import EvidenceSettings
from domains.surveillance.privacy import PrivacyMask

log = logging.getLogger(__name__)

RING_BYTES = 16 * 2**20
LATE_S = 10.0  # an alert may be raised this long after what it is about began
MAX_OPEN = 8  # clips being written at once
MAX_NOTES = 20

_WRITE_ERRORS = (av.error.FFmpegError, OSError, ValueError, TriviumError, MemoryError)


@dataclass(frozen=True, slots=True)
class Clip:
    """A finished clip.

    Attributes:
        key: what `ClipRecorder.start` was given.
        path: the file; whoever is told may move it.
        media_type: Internet media type.
        start_s, end_s: on the camera's clock.
    """

    key: str
    path: Path
    media_type: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _Kept:
    packet: av.Packet[Any]
    is_video: bool
    time_s: float
    is_key: bool


@dataclass(slots=True)
class _Wanted:
    key: str
    from_s: float
    until_s: float | None = None
    file: PacketFile | None = None


class PacketRing:
    """The newest encoded packets, from a key frame on, bounded in time and bytes.

    Args:
        keep_s: how far back it reaches at least, to the key frame before that.
        max_bytes: no more than this is held, whatever the time.
    """

    def __init__(self, keep_s: float, max_bytes: int = RING_BYTES) -> None:
        self._keep_s, self._max_bytes = keep_s, max_bytes
        self._packets: deque[_Kept] = deque()
        self._key_times: deque[float] = deque()
        self.size = 0
        self.is_cut_short = False

    def clear(self) -> None:
        """Forget everything."""
        self._packets.clear()
        self._key_times.clear()
        self.size = 0

    def add(self, kept: _Kept) -> None:
        """Take a packet; what is too old or too much goes, one group of pictures at a time."""
        if not self._packets and not kept.is_key:
            return
        self._packets.append(kept)
        self.size += kept.packet.size
        if kept.is_key:
            self._key_times.append(kept.time_s)
        while len(self._key_times) > 1 and self._key_times[1] <= kept.time_s - self._keep_s:
            self._drop_group()
        while self.size > self._max_bytes and self._packets:
            self.is_cut_short = True
            self._drop_group()

    def since(self, from_s: float) -> list[_Kept]:
        """Everything from the last key frame at or before `from_s`; from the oldest where none is that old."""
        begin = 0
        for index, kept in enumerate(self._packets):
            if kept.is_key:
                if kept.time_s > from_s and index:
                    break
                begin = index
        return list(self._packets)[begin:]

    def _drop_group(self) -> None:
        self._key_times.popleft()
        self.size -= self._packets.popleft().packet.size
        while self._packets and not self._packets[0].is_key:
            self.size -= self._packets.popleft().packet.size


class ClipRecorder:
    """Keeps the recent packets of one stream and writes clips of them.

    `begin`, `feed` and `end` are called by the reading thread; `start`, `stop` and `close` by any. A clip is completed
    (and `on_clip` called) in a thread of its own, so that neither waits for a disk or an encoder.

    Attributes:
        on_clip: told of each finished clip; without it clips are thrown away.
        failures: clips that could not be kept.
        notes: one line on each kind of trouble.
    """

    def __init__(
        self,
        settings: EvidenceSettings,
        folder: Path,
        *,
        masks: PrivacyMask | None = None,
        blur: Callable[[ByteArray], ByteArray] | None = None,
        record_sound: bool = True,
        on_clip: Callable[[Clip], None] | None = None,
    ) -> None:
        """Get ready.

        Args:
            settings: how long before and how long at most.
            folder: for clips in the making; made if it is not there.
            masks: blacked out in clips, which are then encoded anew.
            blur: applied to every picture of a clip, which is then encoded anew.
            record_sound: whether clips carry sound.
            on_clip: told of each finished clip.
        """
        self.on_clip = on_clip
        self.failures = 0
        self.notes: list[str] = []
        self._max_clip_s, self._folder = settings.max_clip_s, folder
        self._masks, self._blur, self._record_sound = masks, blur, record_sound
        self._ring = PacketRing(settings.before_s + LATE_S)
        self._video: av.VideoStream | None = None
        self._audio: av.AudioStream | None = None
        self._picture_size = (0, 0)
        self._wanted: dict[str, _Wanted] = {}
        self._lock = threading.Lock()
        self._finisher: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix="clips")
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, key: str, from_s: float) -> None:
        """Record a clip from `from_s` on, or from the oldest that is still held; the same key twice is one clip."""
        with self._lock:
            if len(self._wanted) >= MAX_OPEN and key not in self._wanted:
                self._fail(f"more than {MAX_OPEN} clips at once: no clip of the newest")
            elif self._finisher is not None:
                self._wanted.setdefault(key, _Wanted(key, from_s))

    def stop(self, key: str, until_s: float) -> None:
        """Let a clip end at `until_s`; a key that is not being recorded is no error."""
        with self._lock:
            if key in self._wanted:
                self._wanted[key].until_s = until_s

    def begin(self, video: av.VideoStream | None, audio: av.AudioStream | None) -> None:
        """A connection or file was opened; what was held of the last one is forgotten."""
        with self._lock:
            self._ring.clear()
            self._video, self._audio = video, audio if self._record_sound else None
            self._picture_size = (0, 0) if video is None else (video.codec_context.width, video.codec_context.height)

    def feed(self, packet: av.Packet[Any], is_video: bool, time_s: float) -> None:
        """Take a packet whose stamps are on the camera's clock."""
        if not is_video and self._audio is None:
            return
        kept = _Kept(packet, is_video, time_s, bool(packet.is_keyframe) if is_video else self._video is None)
        with self._lock:
            self._ring.add(kept)
            if self._ring.is_cut_short:
                self._note(f"the camera sends more than {RING_BYTES >> 20} MiB in the seconds before an alert; clips begin late")
            for wanted in list(self._wanted.values()):
                self._write(wanted, [kept] if wanted.file is not None else self._ring.since(wanted.from_s))
                if self._is_over(wanted, kept):
                    self._finish(wanted)

    def end(self) -> None:
        """The connection broke or the file ended: complete what is being recorded."""
        with self._lock:
            self._finish_all()

    def close(self) -> None:
        """Complete what is being recorded and wait until it is; a second time does nothing."""
        with self._lock:
            self._finish_all()
            self._ring.clear()
            finisher, self._finisher = self._finisher, None
        if finisher is not None:
            finisher.shutdown(wait=True)

    def _finish_all(self) -> None:
        for wanted in list(self._wanted.values()):
            if wanted.file is None:
                self._write(wanted, self._ring.since(wanted.from_s))
            self._finish(wanted)

    def _write(self, wanted: _Wanted, packets: list[_Kept]) -> None:
        if not packets:
            return
        try:
            if wanted.file is None:
                is_hidden = self._video is not None and (self._masks is not None or self._blur is not None)
                start_s = packets[0].time_s
                wanted.file = PacketFile(self._folder, self._video, self._audio, start_s, is_hidden, self._picture_size)
                if wanted.file.is_sound_lost:
                    self._note("the camera's sound is of a kind that clips cannot carry; they have none")
            for kept in packets:
                if not self._is_past(wanted, kept):
                    wanted.file.write(kept.packet, kept.is_video, kept.time_s)
        except _WRITE_ERRORS as error:
            self._give_up(wanted, error)

    def _is_past(self, wanted: _Wanted, kept: _Kept) -> bool:
        """Whether a packet lies beyond what is wanted."""
        assert wanted.file is not None
        limit_s = wanted.file.start_s + self._max_clip_s
        return kept.time_s > (limit_s if wanted.until_s is None else min(limit_s, wanted.until_s))

    def _is_over(self, wanted: _Wanted, newest: _Kept) -> bool:
        return wanted.file is not None and (newest.is_video or self._video is None) and self._is_past(wanted, newest)

    def _finish(self, wanted: _Wanted) -> None:
        self._wanted.pop(wanted.key, None)
        if wanted.file is None or wanted.file.is_empty:
            self._note("a clip was wanted of which nothing was held")
            if wanted.file is not None:
                wanted.file.discard()
        elif self._finisher is not None:
            self._finisher.submit(self._complete, wanted.key, wanted.file)

    def _complete(self, key: str, file: PacketFile) -> None:
        """Close the file, hide what must be hidden, tell; runs in the finishing thread."""
        try:
            if file.is_hidden:
                path, media_type, dropped = file.finish_hidden(self._folder, self._masks, self._blur)
                if dropped:
                    self._note("pictures were left out of clips because faces could not be looked for")
            else:
                path, media_type = file.finish(), file.media_type
        except _WRITE_ERRORS as error:
            file.discard()
            self._fail(f"a clip could not be kept: {_reason(error)}")
            return
        file.release()
        if self.on_clip is None:
            path.unlink(missing_ok=True)
            return
        try:
            self.on_clip(Clip(key, path, media_type, file.start_s, file.end_s))
        except (TriviumError, OSError) as error:
            path.unlink(missing_ok=True)
            self._fail(f"a clip could not be handed on: {_reason(error)}")

    def _give_up(self, wanted: _Wanted, error: BaseException) -> None:
        self._wanted.pop(wanted.key, None)
        if wanted.file is not None:
            wanted.file.discard()
        self._fail(f"a clip could not be written: {_reason(error)}")

    def _fail(self, note: str) -> None:
        self.failures += 1
        self._note(note)

    def _note(self, note: str) -> None:
        if note not in self.notes and len(self.notes) < MAX_NOTES:
            self.notes.append(note)
            log.warning("%s", note)


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return redact(str(text).splitlines()[0])
