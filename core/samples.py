"""Observation and Sample: what a source yields, before any model has looked at it.

Times come in two kinds that never mix. `start_s` and `end_s` are in the source's own clock (a film's presentation time,
a log's time since its first message); `wall_start_s` is the Unix time at which the observation began, where that is
known. A payload's arrays are made read-only, so a stage cannot change what the next one sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import InputError

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]


class Modality(StrEnum):
    """A kind of input."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    TABULAR = "tabular"
    SERIES = "series"
    POINTS = "points"


@dataclass(frozen=True, slots=True)
class Text:
    """Words, as written.

    Attributes:
        sentences: one or more sentences, in order.
    """

    sentences: tuple[str, ...]

    modality = Modality.TEXT


@dataclass(frozen=True, slots=True)
class Image:
    """One picture.

    Attributes:
        rgb: `[height, width, 3]`, 0 to 255.
    """

    rgb: ByteArray

    modality = Modality.IMAGE

    def __post_init__(self) -> None:
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or 0 in self.rgb.shape:
            raise InputError(f"an image must be [height, width, 3], not {list(self.rgb.shape)}")
        _freeze(self.rgb)


@dataclass(frozen=True, slots=True)
class Video:
    """Frames of one camera, in order, at any spacing.

    Attributes:
        frames: RGB pictures, each `[height, width, 3]`, 0 to 255; all of one size.
        times_s: `[time]`, when each frame was shown, in the source's clock.
        motion: `[time]`, the fraction of the picture that moved, 0 to 1; empty where it was not measured.
        regions: where to look in each frame, `[time, 4]` as x1 y1 x2 y2 in 0 to 1; empty means the whole frame.
    """

    frames: tuple[ByteArray, ...]
    times_s: FloatArray
    motion: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))
    regions: FloatArray = field(default_factory=lambda: np.empty((0, 4), np.float32))

    modality = Modality.VIDEO

    def __post_init__(self) -> None:
        count = len(self.frames)
        if not count or len(self.times_s) != count:
            raise InputError(f"a video needs at least one frame and a time for each: {count} frames, {len(self.times_s)} times")
        if len(self.motion) not in (0, count) or len(self.regions) not in (0, count):
            raise InputError(f"motion and regions must be empty or one a frame ({count}): {len(self.motion)}, {len(self.regions)}")
        for frame in self.frames:
            _freeze(frame)
        for array in (self.times_s, self.motion, self.regions):
            _freeze(array)


@dataclass(frozen=True, slots=True)
class Audio:
    """Mono sound.

    Attributes:
        waveform: `[samples]`, -1 to 1.
        rate_hz: samples a second.
    """

    waveform: FloatArray
    rate_hz: int

    modality = Modality.AUDIO

    def __post_init__(self) -> None:
        if self.waveform.ndim != 1 or self.rate_hz <= 0:
            raise InputError(f"sound must be mono [samples] with a positive rate, not {list(self.waveform.shape)} at {self.rate_hz} Hz")
        _freeze(self.waveform)

    @property
    def duration_s(self) -> float:
        return len(self.waveform) / self.rate_hz


@dataclass(frozen=True, slots=True)
class Tabular:
    """Named numbers and categories; a missing value is None.

    Attributes:
        values: column name to number, category or None.
    """

    values: Mapping[str, float | str | None]

    modality = Modality.TABULAR

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))


@dataclass(frozen=True, slots=True)
class Series:
    """A regular sensor series.

    Attributes:
        values: `[time, channels]`; NaN where a value is missing.
        rate_hz: steps a second.
        channels: a name with its unit for each channel.
    """

    values: FloatArray
    rate_hz: float
    channels: tuple[str, ...]

    modality = Modality.SERIES

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.channels) or self.rate_hz <= 0:
            raise InputError(
                f"a series must be [time, {len(self.channels)}] at a positive rate, not {list(self.values.shape)} at {self.rate_hz} Hz"
            )
        _freeze(self.values)


@dataclass(frozen=True, slots=True)
class Points:
    """Radar or lidar returns.

    Attributes:
        values: `[points, columns]`, positions in metres first.
        columns: a name with its unit for each column.
    """

    values: FloatArray
    columns: tuple[str, ...]

    modality = Modality.POINTS

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise InputError(f"points must be [points, {len(self.columns)}], not {list(self.values.shape)}")
        _freeze(self.values)


Payload = Text | Image | Video | Audio | Tabular | Series | Points


@dataclass(frozen=True, slots=True)
class Observation:
    """One modality's data over one span of time.

    Attributes:
        payload: the data.
        source: the camera, file, patient or sensor it came from; never a URL with a password.
        start_s: begin, in the source's clock.
        end_s: end, in the source's clock; not before `start_s`.
        wall_start_s: Unix time of the begin, or None where the source has no wall clock.
    """

    payload: Payload
    source: str
    start_s: float = 0.0
    end_s: float = 0.0
    wall_start_s: float | None = None

    def __post_init__(self) -> None:
        if not self.end_s >= self.start_s:
            raise InputError(f"{self.source}: an observation ends ({self.end_s} s) before it begins ({self.start_s} s)")

    @property
    def modality(self) -> Modality:
        return self.payload.modality


@dataclass(frozen=True, slots=True)
class Sample:
    """The observations that belong together; any modality may be missing.

    Attributes:
        id: unique within its source.
        observations: in no particular order; several may share a modality.
        labels: the true labels, where they are known (training, evaluation).
        group: what must not be split between training and test (a room, a patient, a maker).
    """

    id: str
    observations: tuple[Observation, ...]
    labels: tuple[str, ...] | None = None
    group: str | None = None

    @property
    def modalities(self) -> frozenset[Modality]:
        return frozenset(o.modality for o in self.observations)

    def of(self, modality: Modality) -> tuple[Observation, ...]:
        """The observations of one modality, in the order given."""
        return tuple(o for o in self.observations if o.modality is modality)


def _freeze(array: npt.NDArray[Any]) -> None:
    array.flags.writeable = False
