"""Real DICOM images with made identifiers everywhere: header, nested items, private elements, overlay, thumbnail, preamble, pixels."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.pixels.processing import apply_color_lut
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from domains.medical.benches.planted_words import PlantedWord, plant

# films, ultrasound pictures and loops, slices: uncompressed and compressed, grey, palette and colour
IMAGES = (
    "RG3_J2KR.dcm",
    "US1_UNCR.dcm",
    "OBXXXX1A.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "RG1_UNCR.dcm",
    "explicit_VR-UN.dcm",
    "MR2_J2KI.dcm",
    "examples_ybr_color.dcm",
    "gdcm-US-ALOKA-16.dcm",
)
_TEXTS = """
    PatientName PatientID IssuerOfPatientID OtherPatientNames OtherPatientIDs PatientBirthName PatientMotherBirthName PatientAddress
    PatientTelephoneNumbers MedicalRecordLocator Occupation AdditionalPatientHistory PatientComments PatientReligiousPreference
    ReferringPhysicianName ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers PhysiciansOfRecord PerformingPhysicianName
    NameOfPhysiciansReadingStudy OperatorsName RequestingPhysician ResponsiblePerson ResponsibleOrganization InstitutionName
    InstitutionAddress InstitutionalDepartmentName StationName AccessionNumber StudyID StudyDescription SeriesDescription ProtocolName
    ImageComments DerivationDescription AcquisitionComments RequestedProcedureDescription RequestedProcedureComments
    PerformedProcedureStepDescription PerformedProcedureStepID ScheduledProcedureStepDescription ReasonForStudy AdmissionID
    AdmittingDiagnosesDescription DeviceSerialNumber PlateID DetectorID CassetteID GantryID TransducerIdentificationSequence
    ContrastBolusAgent FrameComments TextComments DischargeDiagnosisDescription VisitComments StudyComments Manufacturer
    ManufacturerModelName SoftwareVersions SequenceName CountryOfResidence RegionOfResidence CurrentPatientLocation UnformattedTextValue
"""
_DATES = """
    PatientBirthDate StudyDate SeriesDate AcquisitionDate ContentDate InstanceCreationDate AcquisitionDateTime LastMenstrualDate
    DateOfLastCalibration
"""
_SEQUENCES = """
    RequestAttributesSequence ReferencedPatientSequence ProcedureCodeSequence OtherPatientIDsSequence ViewCodeSequence
    AnatomicRegionSequence PerformedProtocolCodeSequence RequestedProcedureCodeSequence OriginalAttributesSequence
    SourceImageSequence SequenceOfUltrasoundRegions
"""
NESTED = (
    "PatientName",
    "PatientID",
    "CodeMeaning",
    "CodeValue",
    "RequestedProcedureDescription",
    "TextValue",
    "PersonName",
    "LUTExplanation",
)


@dataclass(frozen=True, slots=True)
class PlantedStudy:
    """A file with identifiers in it.

    Attributes:
        path: of the file.
        strings: every planted string by where it stands; none may be in what comes out.
        words: burned into its first frame.
        uids: its own, which must not come out either.
    """

    path: Path
    strings: Mapping[str, str] = field(repr=False)
    words: tuple[PlantedWord, ...] = field(repr=False)
    uids: tuple[str, ...] = ()


def planted_study(name: str, folder: Path, seed: int) -> PlantedStudy | None:
    """Write a real image with identifiers.

    Args:
        name: one of `IMAGES`.
        folder: where it is written.
        seed: of everything that is made.

    Returns:
        The study, or None where pydicom's data are not installed.
    """
    source = get_testdata_file(name, download=False)
    if source is None:
        return None
    chance = random.Random(f"{name}/{seed}")
    data = dcmread(source)
    data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID = (
        generate_uid(None, entropy_srcs=[f"{name}{seed}{what}"]) for what in ("instance", "study", "series")
    )
    words = _burn(data, chance)
    strings = _fill(data, chance)
    path = folder / f"{Path(name).stem}-{seed}.dcm"
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    strings["file meta"] = data.file_meta.SourceApplicationEntityTitle = f"AE{_token(chance)}"[:16]
    strings["preamble"] = f"MZ{_token(chance)}"
    data.preamble = strings["preamble"].encode().ljust(128, b"\0")
    data.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return PlantedStudy(path, strings, tuple(words), (data.SOPInstanceUID, data.StudyInstanceUID, data.SeriesInstanceUID))


def _burn(data: Dataset, chance: random.Random) -> list[PlantedWord]:
    """Words into every frame, and the pixels as uncompressed ones of few kinds."""
    values = data.pixel_array
    if data.PhotometricInterpretation == "PALETTE COLOR":
        looked = apply_color_lut(values, data)[..., :3]
        values = (looked >> 8).astype(np.uint8) if looked.dtype == np.uint16 else looked
    is_colour = values.shape[-1] == 3 and values.ndim >= 3
    frames = values if values.ndim == (4 if is_colour else 3) else values[None]
    low, high = (0.0, 255.0) if is_colour else (float(p) for p in np.percentile(frames[0], (1, 99)))
    first, words = plant(frames[0], chance, low=low, high=high)
    ink = first != frames[0]
    made = np.where(ink[None], first[None], frames).astype(first.dtype)
    if is_colour:
        data.PhotometricInterpretation, data.SamplesPerPixel, data.PlanarConfiguration = "RGB", 3, 0
        data.BitsStored, data.HighBit = 8, 7
        for keyword in list(data.dir("Palette")):
            delattr(data, keyword)
    data.BitsAllocated = made.dtype.itemsize * 8
    data.PixelRepresentation = int(made.dtype.kind == "i")
    data.Rows, data.Columns = made.shape[1:3]
    content = made.tobytes()
    data.add_new("PixelData", "OB" if data.BitsAllocated == 8 else "OW", content + b"\0" * (len(content) % 2))
    return words


def _fill(data: Dataset, chance: random.Random) -> dict[str, str]:
    strings: dict[str, str] = {}
    for keyword in _TEXTS.split():
        kind = dictionary_VR(tag_for_keyword(keyword) or 0)
        if kind not in ("SQ", "DA", "UI"):
            strings[keyword] = _token(chance) if kind not in ("SH", "CS", "AE") else _token(chance)[:16]
            setattr(data, keyword, strings[keyword])
    for keyword in _DATES.split():
        strings[keyword] = f"{chance.randint(1921, 2019)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
        setattr(data, keyword, strings[keyword] + ("101112" if keyword.endswith("DateTime") else ""))
    # the patient's own name and number, copied to where devices copy them
    for keyword, copied in (
        ("BodyPartExamined", "PatientID"),
        ("ManufacturerModelName", "PatientName"),
        ("SeriesDescription", "PatientID"),
    ):
        setattr(data, keyword, strings[copied])
        strings[keyword] = strings[copied]
    for keyword in ("Manufacturer", "SoftwareVersions", "SequenceName"):  # the standard lets a device's own texts be
        strings[keyword] = strings["PatientID"]
        setattr(data, keyword, f"X {strings['PatientID']}")
    for keyword in _SEQUENCES.split():
        setattr(data, keyword, Sequence([_nested(chance, strings, keyword, 3)]))
    block = data.private_block(0x0011, "TRIVIUM TEST", create=True)
    strings["private text"], strings["private bytes"] = _token(chance), _token(chance)
    block.add_new(0x01, "LO", strings["private text"])
    block.add_new(0x02, "UN", strings["private bytes"].encode())
    block.add_new(0x03, "SQ", Sequence([_nested(chance, strings, "private sequence", 1)]))
    for place, tag in (("overlay", 0x60000022), ("overlay label", 0x60001500), ("curve", 0x50000022), ("unknown element", 0x00091234)):
        strings[place] = _token(chance)
        data.add_new(tag, "LO", strings[place])
    strings["overlay data"], strings["icon"], strings["trailing padding"] = (_token(chance) for _ in range(3))
    data.add_new(0x60003000, "OW", strings["overlay data"].encode().ljust(64, b"\0"))
    icon = Dataset()
    icon.Rows = icon.Columns = 8
    icon.add_new("PixelData", "OW", strings["icon"].encode().ljust(64, b"\0"))
    data.IconImageSequence = Sequence([icon])
    data.DataSetTrailingPadding = strings["trailing padding"].encode().ljust(32, b"\0")
    return strings


def _nested(chance: random.Random, strings: dict[str, str], where: str, depth: int) -> Dataset:
    item = Dataset()
    for keyword in NESTED:
        place = f"{where}.{keyword}.{depth}"
        strings[place] = _token(chance)[:14]
        setattr(item, keyword, strings[place])
    block = item.private_block(0x0013, "TRIVIUM NESTED", create=True)
    strings[f"{where}.private.{depth}"] = _token(chance)
    block.add_new(0x01, "LT", strings[f"{where}.private.{depth}"])
    if depth > 1:
        item.ConceptNameCodeSequence = Sequence([_nested(chance, strings, where, depth - 1)])
    return item


def _token(chance: random.Random) -> str:
    """A made name or number that stands nowhere by chance."""
    return "".join(chance.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(8)) + f"{chance.randint(100000, 999999)}"
