"""Where pictures lie in the patient, from plain attributes or from an enhanced object's functional groups (PS3.3 C.7.6.2, C.7.6.16)."""

from __future__ import annotations

import math

from pydicom.dataset import Dataset

from domains.medical.reading import fields
from domains.medical.study import Geometry

CENTIMETRES = 3  # of physical units, PS3.3 C.8.5.5.1.15
FRAME_ELEMENTS = {
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
}
PLANES = ("sagittal", "coronal", "axial")  # by the axis nearest to the normal: x, y, z


def frame_data(data: Dataset, index: int) -> Dataset:
    """The data set as it holds for one frame: an enhanced object's rescale and window are put where a plain one has them."""
    groups = _groups(data, index)
    if not groups:
        return data
    made = Dataset()
    made.update(data)
    made.file_meta = data.file_meta
    for sequence, keywords in FRAME_ELEMENTS.items():
        for item in _of(groups, sequence):
            for keyword in keywords:
                if keyword in item:
                    made[keyword] = item[keyword]
    return made


def geometry_of(data: Dataset, index: int = 0) -> Geometry | None:
    """Where a frame lies, or None for what has no place: projections, ultrasound, screen captures.

    An orientation that is not two unit vectors at right angles is no orientation.
    """
    groups = _groups(data, index)
    position = _numbers(data, groups, "PlanePositionSequence", "ImagePositionPatient", 3)
    orientation = _numbers(data, groups, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    spacing = _numbers(data, groups, "PixelMeasuresSequence", "PixelSpacing", 2)
    if position is None or orientation is None or spacing is None or min(spacing) <= 0:
        return None
    row, column = orientation[:3], orientation[3:]
    if (
        abs(math.hypot(*row) - 1) > 0.01
        or abs(math.hypot(*column) - 1) > 0.01
        or abs(sum(a * b for a, b in zip(row, column, strict=True))) > 0.01
    ):
        return None
    thickness = _numbers(data, groups, "PixelMeasuresSequence", "SliceThickness", 1)
    return Geometry(
        position_mm=(position[0], position[1], position[2]),
        row_cosines=(row[0], row[1], row[2]),
        column_cosines=(column[0], column[1], column[2]),
        spacing_mm=(spacing[0], spacing[1]),
        thickness_mm=thickness[0] if thickness and thickness[0] > 0 else None,
    )


def spacing_of(data: Dataset) -> tuple[float, float] | None:
    """Millimetres between rows and between columns. At the detector for a projection that says no more."""
    groups = _groups(data, 0)
    spacing = _numbers(data, groups, "PixelMeasuresSequence", "PixelSpacing", 2)
    for keyword in ("ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = spacing or fields.numbers(data, keyword, 2)
    if spacing is None:
        spacing = _ultrasound_spacing(data)
    return (spacing[0], spacing[1]) if spacing and min(spacing) > 0 else None


def normal_of(geometry: Geometry) -> tuple[float, float, float]:
    """The unit vector that looks out of the picture's plane, row x column."""
    (a, b, c), (d, e, f) = geometry.row_cosines, geometry.column_cosines
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    length = math.hypot(x, y, z) or 1.0
    return x / length, y / length, z / length


def plane_of(normal: tuple[float, float, float]) -> str:
    """`axial`, `coronal` or `sagittal`, whichever is nearest."""
    return PLANES[max(range(3), key=lambda axis: abs(normal[axis]))]


def _groups(data: Dataset, index: int) -> tuple[Dataset, ...]:
    """The frame's own functional groups, then those that all frames share."""
    own = fields.items(data, "PerFrameFunctionalGroupsSequence")
    shared = fields.items(data, "SharedFunctionalGroupsSequence")
    return (*own[index : index + 1], *shared[:1])


def _of(groups: tuple[Dataset, ...], sequence: str) -> tuple[Dataset, ...]:
    """The first group's item of that name."""
    return next((tuple(found[:1]) for group in groups if (found := fields.items(group, sequence))), ())


def _numbers(data: Dataset, groups: tuple[Dataset, ...], sequence: str, keyword: str, count: int) -> tuple[float, ...] | None:
    for item in _of(groups, sequence):
        found = fields.numbers(item, keyword, count)
        if found is not None:
            return found
    return fields.numbers(data, keyword, count)


def _ultrasound_spacing(data: Dataset) -> tuple[float, float] | None:
    """Of the regions of an ultrasound picture, where all that are in centimetres agree."""
    found = set()
    for region in fields.items(data, "SequenceOfUltrasoundRegions"):
        if fields.whole(region, "PhysicalUnitsXDirection") == fields.whole(region, "PhysicalUnitsYDirection") == CENTIMETRES:
            across, down = fields.number(region, "PhysicalDeltaX"), fields.number(region, "PhysicalDeltaY")
            if across and down:
                found.add((round(abs(down) * 10, 6), round(abs(across) * 10, 6)))
    return found.pop() if len(found) == 1 else None
