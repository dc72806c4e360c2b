"""A study as it was read: its patient, its series and instances, and the pictures and volumes made of them.

Nothing here is read or decoded: these are the values that the rooms of this field pass on. What identifies a person is kept
out of every `repr`, so that it cannot slip into a log by way of a value that is printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core.errors import InputError
from core.samples import ByteArray

VolumeArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Patient:
    """Whom a study or a record is of. Never printed, never logged.

    Attributes:
        id: within its issuer; empty where none is given.
        issuer: who gave the id.
        name: as a person writes it, `Family, Given`.
        birth_date: `YYYY-MM-DD`, or empty.
        sex: `F`, `M`, `O` (other), or empty.
    """

    id: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
    sex: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where an image lies in the patient (DICOM PS3.3 C.7.6.2).

    Attributes:
        position_mm: of the centre of the first pixel, x y z.
        row_cosines, column_cosines: directions along a row and down a column.
        spacing_mm: between rows, and between columns.
        thickness_mm: of the slice, or None.
    """

    position_mm: tuple[float, float, float]
    row_cosines: tuple[float, float, float]
    column_cosines: tuple[float, float, float]
    spacing_mm: tuple[float, float]
    thickness_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """One object of a series: a film, a slice, a loop of frames.

    Attributes:
        uid: SOP instance.
        class_uid: SOP class.
        sha256: of the file.
        path: of the file; made by us or given by the user, never from the data; a user's may name a patient, so it is not printed.
        number: within its series, or None.
        rows, columns, frames: of its pixels; 0 where it has none.
        modality: `CR`, `DX`, `CT`, `MR`, `US`, `SC`...
        body_part: as a word in lower case, or empty.
        view: `PA`, `AP`, `LL`..., or empty.
        laterality: `L`, `R`, `B`, or empty.
        spacing_mm: between rows and between columns, or None where the file does not say.
        geometry: None for projections and pictures.
        acquired_wall_s: Unix time, or None.
        frame_s: seconds from one frame to the next, or None.
    """

    uid: str
    class_uid: str
    sha256: str
    path: Path = field(repr=False)
    number: int | None
    rows: int
    columns: int
    frames: int
    modality: str
    body_part: str = ""
    view: str = ""
    laterality: str = ""
    spacing_mm: tuple[float, float] | None = None
    geometry: Geometry | None = None
    acquired_wall_s: float | None = None
    frame_s: float | None = None

    @property
    def has_pixels(self) -> bool:
        return self.rows > 0 and self.columns > 0


@dataclass(frozen=True, slots=True)
class Series:
    """Instances that were taken together.

    Attributes:
        uid: of the series.
        modality: of all of them.
        description: as written by the device; may hold anything, so it is shown escaped and never used as a path.
        instances: by geometry where there is one, else by number, else by uid.
    """

    uid: str
    modality: str
    description: str = field(repr=False)
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """One examination of one patient.

    Attributes:
        uid: of the study.
        patient: whom it is of.
        taken_wall_s: Unix time of the study, or None.
        description: what was asked for, as written.
        accession: the order's number.
        series: in the order of their first instances.
        notices: what a reader should know: files left out, doubled UIDs, lies about character sets; no identifier in them.
    """

    uid: str
    patient: Patient
    taken_wall_s: float | None
    description: str = field(repr=False)
    accession: str = field(repr=False)
    series: tuple[Series, ...]
    notices: tuple[str, ...] = ()

    @property
    def instances(self) -> tuple[Instance, ...]:
        return tuple(i for s in self.series for i in s.instances)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Each once, in the order of the series."""
        return tuple(dict.fromkeys(s.modality for s in self.series))


@dataclass(frozen=True, slots=True)
class Volume:
    """A series of parallel slices as one block.

    Attributes:
        values: `[slices, rows, columns]`, Hounsfield units for CT, the modality's own for others.
        spacing_mm: between slices, rows, columns.
        positions_mm: `[slices]`, along the normal.
        normal: unit vector from the first slice to the last.
        instance_uids: of each slice.
        frames: of each slice within its instance, from 0.
        notices: uneven spacing, missing slices.
    """

    values: VolumeArray
    spacing_mm: tuple[float, float, float]
    positions_mm: npt.NDArray[np.float64]
    normal: tuple[float, float, float]
    instance_uids: tuple[str, ...]
    notices: tuple[str, ...] = ()
    frames: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or len({len(self.values), len(self.positions_mm), len(self.instance_uids)}) != 1:
            raise InputError("a volume needs a position and an instance for each slice")
        self.values.flags.writeable = False
        object.__setattr__(self, "frames", self.frames or (0,) * len(self.values))


@dataclass(frozen=True, slots=True)
class KeyImage:
    """A picture as a person would look at it, with its name and where it comes from.

    Attributes:
        id: within its study, such as `image-1`; sentences rest on it.
        name: such as `chest film, PA` or `axial slice 142 of 300, lung window`.
        rgb: `[height, width, 3]`, 0 to 255, upright as stored.
        instance_uid, frame: what it shows; frames count from 0.
        window: centre and width it was shown with, or None.
        spacing_mm: between rows and columns, or None.
        region: x1 y1 x2 y2 in 0 to 1, what a finding points at, or None for all of it.
        details: further plain words, such as `{"plane": "axial"}`.
    """

    id: str
    name: str
    rgb: ByteArray = field(repr=False)
    instance_uid: str
    frame: int = 0
    window: tuple[float, float] | None = None
    spacing_mm: tuple[float, float] | None = None
    region: tuple[float, float, float, float] | None = None
    details: Mapping[str, str] = field(default_factory=dict)
