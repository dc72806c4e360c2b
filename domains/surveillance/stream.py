"""What a camera yields: frames and blocks of sound on one clock, and what happens to the stream itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from core.samples import ByteArray, FloatArray

SOUND_RATE_HZ = 16_000


@dataclass(frozen=True, slots=True)
class CameraFrame:
    """One decoded picture, privacy masks already applied to everything one can get from it.

    Attributes:
        camera: the camera's name.
        index: frames decoded since the stream's first, from 0.
        time_s: presentation time on the camera's clock: unwrapped, never going back, 0 at the stream's first picture or sound.
            It goes on across reconnections (the gap is kept, measured by the wall clock).
        wall_s: Unix time at which it was shown (live: by arrival), or None for a file with no known begin.
        luma: `[height, width]`, read-only view of the Y plane at full size, 0 to 255.
        colour: decodes the picture to BGR `[height, width, 3]`; called only by those who need colour. Repeated calls return
            the same array.
    """

    camera: str
    index: int
    time_s: float
    wall_s: float | None
    luma: ByteArray
    colour: Callable[[], ByteArray]


@dataclass(frozen=True, slots=True)
class SoundBlock:
    """A block of sound, mono at `SOUND_RATE_HZ`.

    Attributes:
        camera: the camera's name.
        time_s: begin, on the same clock as the frames.
        wall_s: Unix time of the begin, or None.
        waveform: `[samples]`, -1 to 1.
    """

    camera: str
    time_s: float
    wall_s: float | None
    waveform: FloatArray


class StreamState(StrEnum):
    """What became of the connection."""

    ONLINE = "online"
    OFFLINE = "offline"
    ENDED = "ended"  # a file came to its end


@dataclass(frozen=True, slots=True)
class StreamChange:
    """The connection came, went or ended.

    Attributes:
        camera: the camera's name.
        state: the new state.
        time_s: on the camera's clock.
        wall_s: Unix time.
        reason: one line, no credentials in it.
    """

    camera: str
    state: StreamState
    time_s: float
    wall_s: float | None
    reason: str = ""


@dataclass(slots=True)
class StreamCounts:
    """Everything that was read, and everything that was not.

    Attributes:
        frames: pictures decoded.
        frames_dropped: decoded pictures that a full queue lost.
        frames_damaged: packets or pictures that would not decode.
        sound_blocks: blocks of sound decoded.
        sound_damaged: sound packets that would not decode.
        time_jumps: time stamps that went back or jumped ahead and were mended.
        reconnections: times the connection came back.
    """

    frames: int = 0
    frames_dropped: int = 0
    frames_damaged: int = 0
    sound_blocks: int = 0
    sound_damaged: int = 0
    time_jumps: int = 0
    reconnections: int = 0
    notes: list[str] = field(default_factory=list)


StreamEvent = CameraFrame | SoundBlock | StreamChange


class CameraStream(Protocol):
    """A camera or a film being read, decoded once."""

    camera: str
    counts: StreamCounts

    def __iter__(self) -> Iterator[StreamEvent]: ...

    def close(self) -> None: ...
