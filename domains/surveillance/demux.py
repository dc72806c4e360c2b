"""Decode one connection or file once: pictures and sound together, on one clock.

What is damaged is skipped and counted. Time stamps are mended on the packets, before decoding, so that the recorder of
clips and the stages see the same clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, Protocol

import av
import av.error

from core.errors import InputError
from core.samples import FloatArray
from domains.surveillance.picture import Colour, luma_of
from domains.surveillance.privacy import PrivacyMask
from domains.surveillance.soundtrack import Soundtrack
from domains.surveillance.stream import CameraFrame, SoundBlock, StreamCounts
from domains.surveillance.timeline import Timeline

MAX_PIXELS = 7680 * 4320
MAX_SIDE_PX = 16_384
ARRIVAL_TICKS = Fraction(1, 90_000)
PATIENCE_PACKETS = 250  # without a key frame, or with every picture damaged, for this long: show what there is
PACKET_ERRORS = 32  # read errors in a row after which a file counts as ended
CODEC_OPTIONS = {"max_pixels": str(MAX_PIXELS)}
OPEN_OPTIONS = {"max_pixels": str(4 * MAX_PIXELS)}  # while opening: enough to say how large a picture is that is too large

DECODE_ERRORS = (av.error.FFmpegError, ValueError, MemoryError)


class PacketTaker(Protocol):
    """Takes every packet as it was encoded, in the reading thread."""

    def begin(self, video: av.VideoStream | None, audio: av.AudioStream | None) -> None:
        """A connection or file was opened."""
        ...

    def feed(self, packet: av.Packet[Any], is_video: bool, time_s: float) -> None:
        """A packet, its stamps on the camera's clock."""
        ...

    def end(self) -> None:
        """The connection broke or the file ended."""
        ...


def no_wall_clock(time_s: float) -> float | None:  # noqa: ARG001
    """For a film of which nobody knows when it was taken."""
    return None


class Demuxer:
    """One open container being decoded.

    Attributes:
        video: the picture stream, or None.
        audio: the sound stream, or None where there is none or it is not wanted.
        last_s: time of the newest event.
        video_seen_s: time of the newest video packet, or None.
    """

    def __init__(
        self,
        container: av.container.InputContainer,
        camera: str,
        counts: StreamCounts,
        *,
        timeline: Timeline,
        first_index: int = 0,
        masks: PrivacyMask | None = None,
        sound: bool = True,
        recorder: PacketTaker | None = None,
        wall_of: Callable[[float], float | None] = no_wall_clock,
        is_live: bool = False,
        on_packet: Callable[[], None] | None = None,
        arrival_s: Callable[[], float] | None = None,
    ) -> None:
        """Choose the streams.

        Args:
            container: open.
            camera: the name that events carry.
            counts: counted in.
            timeline: fresh; begins where the camera's clock stands.
            first_index: of the next frame.
            masks: blacked out before anyone sees a frame.
            sound: whether to decode sound.
            recorder: takes the encoded packets.
            wall_of: Unix time of what has just arrived with this time.
            is_live: an error of the connection is raised, not read over.
            on_packet: called for each packet; may raise to break off.
            arrival_s: seconds since some moment, where packets carry no stamps worth the name; they get the time they came.

        Raises:
            InputError: nothing in it can be decoded, or the picture is larger than 8K.
        """
        self._container, self._camera, self._counts = container, camera, counts
        self._timeline, self._masks, self._recorder, self._wall_of = timeline, masks, recorder, wall_of
        self._is_live, self._on_packet, self._arrival_s = is_live, on_packet, arrival_s
        self._index = first_index
        self.video: av.VideoStream | None = next((s for s in container.streams.video if _is_picture(s)), None)
        self.audio: av.AudioStream | None = next((s for s in container.streams.audio if s.codec_context is not None), None)
        if self.video is None and self.audio is None:
            raise InputError(f"{camera}: there is neither picture nor sound in it that can be decoded")
        if not sound:
            self.audio = None
        self._soundtrack = Soundtrack(timeline.base_s)
        self.last_s = timeline.base_s
        self.video_seen_s: float | None = None
        self._frame_step_s = 0.04
        self._frame_s: float | None = None
        self._sound_s = timeline.base_s
        self._has_key = False
        self._skipped = self._damaged_in_a_row = 0
        if self.video is not None:
            self._prepare_video(self.video)
        if self.audio is not None:
            rate_hz, size = self.audio.codec_context.sample_rate or 48_000, self.audio.codec_context.frame_size or 1024
            timeline.add(self.audio.index, size / rate_hz)

    def __iter__(self) -> Iterator[CameraFrame | SoundBlock]:
        """Everything decodable, in the order of arrival.

        Raises:
            av.error.FFmpegError: live only: the connection broke.
        """
        if self._recorder is not None:
            self._recorder.begin(self.video, self.audio)
        try:
            for packet in self._packets():
                yield from self._decode(packet)
            if self.audio is not None:
                for time_s, waveform in self._soundtrack.flush():
                    yield self._block(time_s, waveform)
        finally:
            if self._recorder is not None:
                self._recorder.end()

    def _prepare_video(self, video: av.VideoStream) -> None:
        context = video.codec_context
        if context.width * context.height > MAX_PIXELS or max(context.width, context.height) > MAX_SIDE_PX:
            raise InputError(f"{self._camera}: a picture of {context.width}x{context.height} is too large; at most 7680x4320 is read")
        video.thread_type = "NONE"  # one thread: less CPU a frame, no frames held back
        context.thread_count = 1
        context.options = CODEC_OPTIONS
        rate = video.average_rate or video.guessed_rate
        self._frame_step_s = float(1 / rate) if rate else 0.04
        self._timeline.add(video.index, self._frame_step_s)

    def _packets(self) -> Iterator[av.Packet[Any]]:
        streams = [s for s in (self.video, self.audio) if s is not None]
        if not streams:
            return
        errors = 0
        while True:
            try:
                for packet in self._container.demux(streams):
                    errors = 0
                    yield packet
            except av.error.FFmpegError:
                if self._is_live:
                    raise
                errors += 1
                self._counts.frames_damaged += 1
                if errors >= PACKET_ERRORS:
                    return
                continue
            return

    def _decode(self, packet: av.Packet[Any]) -> Iterator[CameraFrame | SoundBlock]:
        is_video = packet.stream is self.video or (self.video is not None and packet.stream_index == self.video.index)
        if packet.size:
            if self._on_packet is not None:
                self._on_packet()
            if self._arrival_s is not None:
                packet.time_base = ARRIVAL_TICKS
                packet.pts = packet.dts = round(self._arrival_s() / ARRIVAL_TICKS)
                packet.duration = 0
            jumps = self._timeline.jumps
            time_s = self._timeline.mend(packet, packet.stream_index)
            self._counts.time_jumps += self._timeline.jumps - jumps
            if is_video:
                self.video_seen_s = time_s
                if not self._may_decode(packet):
                    return
            if self._recorder is not None:
                self._recorder.feed(packet, is_video, time_s)
        try:
            frames: Sequence[av.VideoFrame | av.AudioFrame] = packet.decode()
        except av.error.EOFError:
            return
        except DECODE_ERRORS:
            self._count_damage(is_video)
            return
        for frame in frames:
            try:
                if isinstance(frame, av.VideoFrame):
                    yield from self._picture(frame)
                else:
                    yield from self._sound(frame)
            except DECODE_ERRORS:
                self._count_damage(is_video)

    def _may_decode(self, packet: av.Packet[Any]) -> bool:
        """Whether decoding has begun, or may begin with this packet."""
        if not self._has_key and not packet.is_keyframe and self._skipped < PATIENCE_PACKETS:
            self._skipped += 1
            self._counts.frames_damaged += 1
            return False
        self._has_key = True
        return True

    def _count_damage(self, is_video: bool) -> None:
        if is_video:
            self._counts.frames_damaged += 1
        else:
            self._counts.sound_damaged += 1

    def _picture(self, frame: av.VideoFrame) -> Iterator[CameraFrame]:
        if frame.is_corrupt and self._damaged_in_a_row < PATIENCE_PACKETS:
            self._damaged_in_a_row += 1
            self._counts.frames_damaged += 1
            return
        self._damaged_in_a_row = 0
        time_s = self._frame_time(frame)
        luma = luma_of(frame, self._masks)
        shown = CameraFrame(self._camera, self._index, time_s, self._wall_of(time_s), luma, Colour(frame, self._masks))
        self._frame_s = time_s
        self.last_s = max(self.last_s, time_s)
        self._index += 1
        self._counts.frames += 1
        yield shown

    def _frame_time(self, frame: av.VideoFrame) -> float:
        last_s = self._frame_s
        if frame.pts is None or frame.time_base is None:
            return self._timeline.base_s if last_s is None else last_s + self._frame_step_s
        time_s = float(frame.pts * frame.time_base)
        if last_s is None:
            return max(time_s, self._timeline.base_s)
        if time_s < last_s:
            self._counts.time_jumps += 1
            return last_s
        return time_s

    def _sound(self, frame: av.AudioFrame) -> Iterator[SoundBlock]:
        time_s = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
        for begin_s, waveform in self._soundtrack.feed(frame, time_s):
            yield self._block(begin_s, waveform)

    def _block(self, begin_s: float, waveform: FloatArray) -> SoundBlock:
        begin_s = self._sound_s = max(begin_s, self._sound_s)
        self.last_s = max(self.last_s, begin_s)
        self._counts.sound_blocks += 1
        return SoundBlock(self._camera, begin_s, self._wall_of(begin_s), waveform)


def _is_picture(stream: av.VideoStream) -> bool:
    return stream.codec_context is not None and not stream.disposition & av.stream.Disposition.attached_pic
