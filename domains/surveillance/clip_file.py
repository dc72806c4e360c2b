"""Write one clip: packets copied as they came, or encoded anew where something in it must not be seen."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from core.errors import InputError, ModelError
from core.samples import ByteArray
from domains.surveillance.demux import CODEC_OPTIONS, DECODE_ERRORS
from domains.surveillance.picture import bgr_of
from domains.surveillance.privacy import PrivacyMask

# What browsers and phones play from an MP4 file; everything else goes into Matroska.
MP4_VIDEO = frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"})
MP4_SOUND = frozenset({"aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"})
G711 = frozenset({"pcm_alaw", "pcm_mulaw"})  # what many cameras send; neither MP4 nor Matroska takes it
ENCODER = "libx264"
ENCODER_OPTIONS = {"preset": "veryfast", "crf": "24"}
ENCODER_TICKS = Fraction(1, 90_000)
SOUND_EARLY_S = 0.05  # sound this little before the first picture is kept


@dataclass(frozen=True, slots=True)
class Wrapping:
    """A container format.

    Attributes:
        format: libav's name.
        suffix: of the file.
        subtype: of the Internet media type.
    """

    format: str
    suffix: str
    subtype: str

    def media_type(self, has_video: bool) -> str:
        """The Internet media type of a clip in it."""
        return f"{'video' if has_video else 'audio'}/{self.subtype}"

    def open(self, path: Path) -> av.container.OutputContainer:
        """Begin to write; the index is put in front, so that a clip plays before it is all there."""
        return av.open(str(path), "w", format=self.format, options={} if self is MATROSKA else {"movflags": "+faststart"})


MP4 = Wrapping("mp4", ".mp4", "mp4")
QUICKTIME = Wrapping("mov", ".mov", "quicktime")
MATROSKA = Wrapping("matroska", ".mkv", "x-matroska")


class PacketFile:
    """A clip being written, packet by packet, so that memory stays flat.

    Attributes:
        start_s: time of its first packet.
        end_s: time of its newest packet.
        is_sound_lost: the sound is of a kind that cannot be copied.
        is_hidden: it has no name, and must go through `finish_hidden`.
    """

    def __init__(
        self,
        folder: Path,
        video: av.VideoStream | None,
        audio: av.AudioStream | None,
        start_s: float,
        is_hidden: bool,
        picture_size: tuple[int, int],
    ) -> None:
        """Begin a file.

        Args:
            folder: where to write.
            video, audio: what to copy; None leaves it out.
            start_s: becomes 0 in the clip.
            is_hidden: the file gets no name in the folder, so that nothing of it outlives the process.
            picture_size: width and height as they were known when the stream was opened; 0 where they were not.
        """
        self.start_s = self.end_s = start_s
        self.is_hidden = is_hidden
        self._path: Path | None = None
        self._hidden: Any = None
        self.is_sound_lost = False
        wrapping = wrapping_for(_codec(video), _codec(audio))
        if is_hidden:
            wrapping = QUICKTIME if wrapping is QUICKTIME else MATROSKA
            self._hidden = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
            self._output = av.open(self._hidden, "w", format=wrapping.format)
        else:
            self._path = _new_path(folder, wrapping)
            self._output = wrapping.open(self._path)
        self._wrapping = wrapping
        self.media_type = wrapping.media_type(has_video=video is not None)
        try:
            self._streams = {}
            if video is not None:
                self._streams[True] = _like(self._output, video, picture_size)
            if audio is not None:
                try:
                    self._streams[False] = self._output.add_stream_from_template(audio)
                except ValueError:  # a codec that no container here takes
                    self.is_sound_lost = True
        except BaseException:
            self.discard()
            raise
        self._last_dts: dict[bool, int] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written."""
        return not self._last_dts

    def write(self, packet: av.Packet[Any], is_video: bool, time_s: float) -> None:
        """Copy a packet in; sound from before the begin is left out.

        Raises:
            av.error.FFmpegError, OSError: the disk is full or the packet does not fit.
        """
        stream = self._streams.get(is_video)
        if stream is None or (not is_video and time_s < self.start_s - SOUND_EARLY_S):
            return
        copy, pts, dts = _copy(packet, time_s, self.start_s)
        dts = max(dts, self._last_dts.get(is_video, dts - 1) + 1)
        copy.dts, copy.pts = dts, max(pts, dts)
        self._last_dts[is_video] = dts
        copy.stream = stream
        self._output.mux_one(copy)
        self.end_s = max(self.end_s, time_s + float((packet.duration or 0) * packet.time_base))

    def finish(self) -> Path:
        """Complete the file.

        Raises:
            av.error.FFmpegError, OSError: the disk is full.
        """
        assert self._path is not None
        self._output.close()
        return self._path

    def finish_hidden(
        self, folder: Path, masks: PrivacyMask | None, blur: Callable[[ByteArray], ByteArray] | None
    ) -> tuple[Path, str, int]:
        """Encode the pictures anew, masked and blurred, into a file with a name.

        Returns:
            The file, its media type, and how many pictures were left out because faces could not be looked for.
        """
        self._output.close()
        self._hidden.seek(0)
        with av.open(self._hidden, "r", format=self._wrapping.format, options=CODEC_OPTIONS, metadata_errors="replace") as source:
            return _encode(source, folder, masks, blur)

    def discard(self) -> None:
        """Close and remove whatever there is; a second time does nothing."""
        with contextlib.suppress(*DECODE_ERRORS, OSError):
            self._output.close()
        if self._hidden is not None:
            self._hidden.close()
        elif self._path is not None:
            self._path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let go of the nameless file."""
        if self._hidden is not None:
            self._hidden.close()


def wrapping_for(video: str | None, sound: str | None) -> Wrapping:
    """The container that can carry these codecs and that most players open.

    Args:
        video, sound: libav's codec names; None where there is none.
    """
    is_common = video is None or video in MP4_VIDEO
    if is_common and (sound is None or sound in MP4_SOUND):
        return MP4
    return QUICKTIME if sound in G711 and (is_common or video == "mjpeg") else MATROSKA


def _codec(stream: av.VideoStream | av.AudioStream | None) -> str | None:
    return None if stream is None else stream.codec_context.codec.canonical_name


def _like(output: av.container.OutputContainer, video: av.VideoStream, picture_size: tuple[int, int]) -> Any:
    if all(picture_size):
        return output.add_stream_from_template(video)
    # Opened before a key frame came: the decoder knows the size by now, and the muxer finds the rest in the packets.
    context = video.codec_context
    return output.add_mux_stream(context.codec.canonical_name, width=context.width, height=context.height)


def _new_path(folder: Path, wrapping: Wrapping) -> Path:
    handle, name = tempfile.mkstemp(prefix="clip-", suffix=wrapping.suffix, dir=folder)
    os.close(handle)
    return Path(name)


def _copy(packet: av.Packet[Any], time_s: float, start_s: float) -> tuple[av.Packet[Any], int, int]:
    """The same bytes in a packet of its own, and its pts and dts counted from `start_s`."""
    copy: av.Packet[Any] = av.Packet(bytes(packet))
    ticks = round(time_s / packet.time_base)
    copy.time_base = packet.time_base
    dts = packet.dts if packet.dts is not None else packet.pts if packet.pts is not None else ticks
    pts = packet.pts if packet.pts is not None else dts
    zero = round(start_s / packet.time_base)
    copy.duration = packet.duration
    copy.is_keyframe = packet.is_keyframe
    return copy, pts - zero, dts - zero


def _encode(
    source: av.container.InputContainer, folder: Path, masks: PrivacyMask | None, blur: Callable[[ByteArray], ByteArray] | None
) -> tuple[Path, str, int]:
    video, audio = source.streams.video[0], next(iter(source.streams.audio), None)
    wrapping = wrapping_for("h264", _codec(audio))
    path = _new_path(folder, wrapping)
    dropped = 0
    try:
        with wrapping.open(path) as output:
            encoder: Any = None
            sound = output.add_stream_from_template(audio) if audio is not None else None
            waiting: list[av.Packet[Any]] = []
            for packet in source.demux([s for s in (video, audio) if s is not None]):
                if packet.stream_index != video.index:
                    if sound is not None and packet.size:
                        packet.stream = sound
                        waiting.append(packet)
                else:
                    for frame in _decoded(packet):
                        try:
                            bgr = bgr_of(frame, masks)
                            bgr = bgr if blur is None else blur(bgr)
                        except ModelError:
                            dropped += 1
                            continue
                        if encoder is None:
                            encoder = _add_encoder(output, bgr)
                        output.mux(encoder.encode(_frame(bgr, encoder, frame)))
                if encoder is not None:
                    output.mux(waiting)
                    waiting.clear()
            _must_have(encoder, dropped)
            output.mux(encoder.encode(None))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path, wrapping.media_type(has_video=True), dropped


def _must_have(encoder: object, dropped: int) -> None:
    if encoder is None:
        raise InputError(f"none of the pictures of a clip could be kept ({dropped} left out)")


def _decoded(packet: av.Packet[Any]) -> list[av.VideoFrame]:
    try:
        return packet.decode()
    except DECODE_ERRORS:
        return []


def _add_encoder(output: av.container.OutputContainer, bgr: ByteArray) -> Any:
    stream: Any = output.add_stream(ENCODER, options=dict(ENCODER_OPTIONS))
    stream.height, stream.width = (max(2, side - side % 2) for side in bgr.shape[:2])
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = ENCODER_TICKS
    stream.codec_context.thread_count = 1
    return stream


def _frame(bgr: ByteArray, encoder: Any, source: av.VideoFrame) -> av.VideoFrame:
    height, width = encoder.height, encoder.width
    if bgr.shape[0] < height or bgr.shape[1] < width or abs(bgr.shape[0] - height) > 1 or abs(bgr.shape[1] - width) > 1:
        bgr = np.asarray(cv2.resize(bgr, (width, height)))
    shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr[:height, :width]), format="bgr24")
    shown.pts = None if source.pts is None or source.time_base is None else round(source.pts * source.time_base / ENCODER_TICKS)
    shown.time_base = ENCODER_TICKS
    return shown
