"""Read a DICOM file's header: only the elements this field uses, never its pixels, and checked before anything is allocated.

PS3.3 C.7.6.3 says what an image's header must hold; what a header claims and its file cannot carry is refused here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.charset import python_encoding
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial
from pydicom.pixels.utils import get_expected_length
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from core.errors import InputError
from domains.medical.reading import fields
from domains.medical.reading.bounded import open_dicom, preamble
from domains.medical.reading.bounds import Bounds

IDENTITY = """
    SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID PatientID IssuerOfPatientID
    PatientName PatientBirthDate PatientSex AccessionNumber StudyDate StudyTime SeriesDate SeriesTime AcquisitionDate
    AcquisitionTime AcquisitionDateTime ContentDate ContentTime TimezoneOffsetFromUTC StudyDescription SeriesDescription
    SeriesNumber InstanceNumber ImageType
"""
TAKING = """
    Modality BodyPartExamined AnatomicRegionSequence ViewPosition ViewCodeSequence Laterality ImageLaterality
    FrameLaterality FrameTime FrameTimeVector CineRate RecommendedDisplayFrameRate PixelSpacing ImagerPixelSpacing
    NominalScannedPixelSpacing SequenceOfUltrasoundRegions ImagePositionPatient ImageOrientationPatient SliceThickness
    SpacingBetweenSlices SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
"""
PIXELS = """
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns BitsAllocated BitsStored
    HighBit PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit RescaleSlope RescaleIntercept RescaleType
    ModalityLUTSequence VOILUTSequence WindowCenter WindowWidth VOILUTFunction PresentationLUTShape
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor
    RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
    SegmentedBluePaletteColorLookupTableData
"""
TAGS = [Tag(keyword) for keyword in (IDENTITY + TAKING + PIXELS).split()]
PIXEL_TAGS = {0x7FE00008, 0x7FE00009, 0x7FE00010}  # float, double float, integer
UNDEFINED_LENGTH = 0xFFFFFFFF
MONOCHROME = frozenset({"MONOCHROME1", "MONOCHROME2"})
ONE_SAMPLE = MONOCHROME | {"PALETTE COLOR"}
THREE_SAMPLES = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
BITS_ALLOCATED = frozenset({1, 8, 16, 32, 64})


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself.

    Attributes:
        data: the elements of `TAGS` that it has.
        syntax: its transfer syntax, never the deflated one.
        frames: of its pixels; 0 where it has none.
        notices: what is odd, without a value.
    """

    data: Dataset = field(repr=False)
    syntax: UID
    frames: int
    notices: tuple[str, ...] = ()


def read_header(path: Path, bounds: Bounds) -> Header:
    """Read and check a header.

    Raises:
        InputError: not DICOM, damaged, or it claims what cannot be: one line that quotes nothing from the file.
    """
    notices = []
    if preamble(path, bounds)[:2] == b"MZ":
        notices.append("a preamble holds a program (MZ); preambles are never used")
    seen: list[tuple[int, int, int]] = []  # tag, length, where the value begins: of the pixels

    with open_dicom(path, bounds) as file:

        def at_pixels(tag: BaseTag, _: str | None, length: int) -> bool:
            if int(tag) in PIXEL_TAGS:
                seen.append((int(tag), length, file.tell()))
            return int(tag) >= 0x7FE00008

        try:
            data = read_partial(file, at_pixels, specific_tags=list(TAGS))
        except InputError:
            raise
        except RecursionError:
            raise InputError("its sequences nest too deeply") from None
        except Exception as error:  # pydicom raises what the damage leads it to
            raise InputError(f"its header is damaged ({type(error).__name__})") from None
        file_bytes, ran_short = file.length, file.ran_short

    if _lies_about_characters(data):
        notices.append("a text does not keep to the character set that its file names; what could not be read is replaced")
    syntax = UID(str(data.file_meta.get("TransferSyntaxUID", "")))
    if not seen:
        if ran_short or "Image Storage" in UID(fields.uid(data, "SOPClassUID")).name:
            raise InputError("its pixels or other elements are missing; it seems to be cut short")
        return Header(data, syntax, 0, tuple(notices))
    tag, length, begin = seen[0]
    frames = check_pixels(data, bounds)
    if length != UNDEFINED_LENGTH and not syntax.is_encapsulated:
        _check_length(data, length, file_bytes - begin)
    elif begin >= file_bytes:
        raise InputError("its pixels are missing; it may be cut short")
    if tag != 0x7FE00010:
        notices.append("a picture's pixels are fractions, not whole numbers")
    return Header(data, syntax, frames, tuple(notices))


def check_pixels(data: Dataset, bounds: Bounds) -> int:
    """How many frames the pixels have, once their description is one that can be decoded within bounds.

    Raises:
        InputError: it cannot.
    """
    rows, columns = fields.whole(data, "Rows", 0) or 0, fields.whole(data, "Columns", 0) or 0
    samples, allocated = fields.whole(data, "SamplesPerPixel", 0) or 0, fields.whole(data, "BitsAllocated", 0) or 0
    stored = fields.whole(data, "BitsStored", allocated) or 0
    kind = fields.text(data, "PhotometricInterpretation")
    frames = _frames(data)
    if rows <= 0 or columns <= 0:
        raise InputError("it has pixels but no size for them")
    if kind in ONE_SAMPLE | THREE_SAMPLES:
        if samples != (1 if kind in ONE_SAMPLE else 3):
            raise InputError(f"it says {kind} with {samples} samples a pixel")
    else:
        raise InputError("its colours are of a kind that is not read (photometric interpretation)")
    if allocated not in BITS_ALLOCATED or not 0 < stored <= allocated:
        raise InputError(f"it says {stored} bits stored in {allocated} allocated")
    if frames > bounds.frames:
        raise InputError(f"it claims {frames} frames, more than {bounds.frames}")
    frame_bytes = rows * columns * samples * math.ceil(allocated / 8)
    if frame_bytes > bounds.frame_bytes:
        raise InputError(f"it claims {rows} x {columns} pixels, {frame_bytes} bytes a frame, more than {bounds.frame_bytes}")
    return max(frames, 1)


def _frames(data: Dataset) -> int:
    try:
        claimed = data.get("NumberOfFrames")
    except Exception:
        claimed = "damaged"
    frames = 1 if claimed is None or claimed == "" else fields.whole(data, "NumberOfFrames")
    if frames is None or frames < 0:
        raise InputError("its number of frames is not a number")
    return frames


def _check_length(data: Dataset, length: int, left: int) -> None:
    try:
        expected = int(get_expected_length(data))
    except Exception:
        raise InputError("the size of its pixels cannot be worked out") from None
    if min(length, left) < expected:
        raise InputError("its pixels are fewer than its header says; it may be cut short")


def _lies_about_characters(data: Dataset) -> bool:
    """Whether a text had to be replaced in part, or the set is one that nobody knows."""
    named = fields.value(data, "SpecificCharacterSet") or ""
    sets = [named] if isinstance(named, str) else list(named)
    return any(str(s).strip() not in python_encoding for s in sets) or any(
        fields.REPLACEMENT in fields.text(data, keyword)
        for keyword in ("PatientName", "PatientID", "StudyDescription", "SeriesDescription", "AccessionNumber")
    )
