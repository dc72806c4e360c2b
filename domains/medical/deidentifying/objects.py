"""De-identify one DICOM object: header, file meta, preamble, pixels; and make sure that nothing known of the patient is left in it."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from core.errors import InputError
from domains.medical.deidentifying.headers import Cleaning, clean_header
from domains.medical.deidentifying.identifiers import Identifiers, gather
from domains.medical.deidentifying.keys import Keys
from domains.medical.deidentifying.masking import Values, cover, find_words, stored_bits
from domains.medical.deidentifying.words import WordFinder
from domains.medical.reading import Bounds, Decoder, Header, read_header
from domains.medical.reading.bounded import open_dicom
from domains.medical.study import Instance

MAX_PIXEL_BYTES = 1 << 30
METHOD = "PS3.15 Basic Profile; pixels cleaned"
IMPLEMENTATION_UID = UID("2.25.302934298013405519362873318210946517811")
IMPLEMENTATION_NAME = "TRIVIUM_DEID"
DCM = "DCM"
BASIC = ("113100", "Basic Application Confidentiality Profile")
CLEAN_PIXELS = ("113101", "Clean Pixel Data Option")
MODIFIED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_IMAGE_NAMES = ("Image Storage", "Image Storage - For Presentation", "Image Storage - For Processing")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A de-identified object.

    Attributes:
        content: of its file.
        study_uid, instance_uid: its new ones.
        counts: of what was done.
    """

    content: bytes = field(repr=False)
    study_uid: str
    instance_uid: str
    counts: Counter[str]


def deidentify_object(path: Path, keys: Keys, finder: WordFinder, decoder: Decoder, *, shifts_dates: bool, bounds: Bounds) -> Cleaned:
    """De-identify a DICOM file.

    Args:
        path: of the original; it is only read.
        keys: for UIDs, the patient and dates.
        finder: of burned-in words.
        decoder: of pixels.
        shifts_dates: move dates by as many days for all studies of a patient; else they are removed.
        bounds: what is refused beyond.

    Raises:
        InputError: it is no image, cannot be read or decoded, or something of the patient would be left. One line that quotes nothing.
    """
    header = read_header(path, bounds)
    data = _whole_header(path, bounds)
    _only_images(data, header)
    identifiers = gather(data)
    counts: Counter[str] = Counter()
    values, photometric = _pixels(path, header, decoder, data)
    covered, boxes, read = find_words(values, header.data, photometric, finder)
    cover(values, covered, header.data, photometric)
    counts.update({"boxes of words covered": boxes, "pictures searched for words": read, "frames": len(values)})

    patient = keys.pseudonym(*(str(data.get(k, "") or "").strip() for k in ("IssuerOfPatientID", "PatientID")))
    if not str(data.get("PatientID", "") or "").strip():
        patient = keys.pseudonym("study", str(data.get("StudyInstanceUID", "")))
    cleaning = Cleaning(keys, identifiers, keys.shift(patient) if shifts_dates else None, counts)
    clean_header(data, cleaning)
    _say(data, patient, shifts_dates=shifts_dates)
    if not all(data.get(k) for k in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")):
        raise InputError("it has no UIDs")
    _check(data, identifiers)
    _set_pixels(data, values, photometric, len(values))
    return Cleaned(_written(data), str(data.StudyInstanceUID), str(data.SOPInstanceUID), counts)


def _whole_header(path: Path, bounds: Bounds) -> Dataset:
    """All elements before the pixels."""
    try:
        with open_dicom(path, bounds) as file:
            read = dcmread(file, stop_before_pixels=True)
            data = Dataset()
            for tag in list(read.keys()):
                if tag.group < 0x7FE0:
                    data[tag] = read.get_item(tag)
            data.set_original_encoding(read.is_implicit_VR, read.is_little_endian, read._character_set)
            data.decode()
    except (InputError, MemoryError):
        raise
    except Exception as error:  # pydicom raises what the damage leads it to
        raise InputError(f"its header is damaged ({type(error).__name__})") from None
    return data


def _only_images(data: Dataset, header: Header) -> None:
    name = UID(str(data.get("SOPClassUID", ""))).name
    if not name.endswith(_IMAGE_NAMES) or not header.frames:
        raise InputError("it is no image: reports, documents, waveforms, plans and presentation states are not de-identified")


def _pixels(path: Path, header: Header, decoder: Decoder, data: Dataset) -> tuple[Values, str]:
    rows, columns, frames = int(header.data.Rows), int(header.data.Columns), header.frames
    samples = int(header.data.SamplesPerPixel)
    size = rows * columns * samples * max(1, int(header.data.BitsAllocated) // 8)
    if size * frames > MAX_PIXEL_BYTES:
        raise InputError(f"its pixels take {size * frames} bytes, more than {MAX_PIXEL_BYTES}")
    instance = Instance("", "", "", path, None, rows, columns, frames, "")
    step = max(1, decoder.bounds.decoded_bytes // (2 * size))
    parts, photometric = [], ""
    for start in range(0, frames, step):
        decoded = decoder.frames(instance, range(start, min(frames, start + step)))
        parts.append(decoded.values)
        photometric = decoded.photometric
    values = np.concatenate(parts) if len(parts) > 1 else np.array(parts[0])
    if values.dtype.kind not in "iu":
        raise InputError("its pixels are fractions, not whole numbers")
    data.BitsStored = min(int(data.get("BitsStored", 0) or 0) or values.dtype.itemsize * 8, values.dtype.itemsize * 8)
    return stored_bits(values, int(data.BitsStored)), photometric


def _set_pixels(data: Dataset, values: Values, photometric: str, frames: int) -> None:
    """Uncompressed, as they are now."""
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in data:
            delattr(data, keyword)
    data.PhotometricInterpretation = photometric
    data.Rows, data.Columns = values.shape[1:3]
    data.SamplesPerPixel = 3 if values.ndim == 4 else 1
    if values.ndim == 4:
        data.PlanarConfiguration = 0
    data.BitsAllocated = values.dtype.itemsize * 8
    data.HighBit = int(data.BitsStored) - 1
    data.PixelRepresentation = int(values.dtype.kind == "i")
    if frames > 1 or "NumberOfFrames" in data:
        data.NumberOfFrames = frames
    little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    data.add_new("PixelData", "OB" if data.BitsAllocated == 8 else "OW", little + b"\0" * (len(little) % 2))


def _say(data: Dataset, patient: str, *, shifts_dates: bool) -> None:
    """What was done, as PS3.15 E.1.1 wants it said."""
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientID = data.PatientName = patient
    for keyword in ("PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName", "StudyID"):
        setattr(data, keyword, "")
    for keyword in ("StudyDate", "StudyTime"):
        if keyword not in data:
            setattr(data, keyword, "")
    data.PatientIdentityRemoved = "YES"
    data.DeidentificationMethod = METHOD
    data.DeidentificationMethodCodeSequence = Sequence(
        [_code(*code) for code in (BASIC, CLEAN_PIXELS, *((MODIFIED_DATES,) if shifts_dates else ()))]
    )
    data.LongitudinalTemporalInformationModified = "MODIFIED" if shifts_dates else "REMOVED"
    data.BurnedInAnnotation = "NO"


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, DCM, meaning
    return code


def _check(data: Dataset, identifiers: Identifiers) -> None:
    """The last look, at the header's bytes: whatever the rules above let through, an identifier is not."""
    if identifiers.are_in_bytes(_written(data)):
        raise InputError("something that identifies the patient would be left in its header, so it was not written")


def _written(data: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = IMPLEMENTATION_NAME
    made = Dataset()
    made.update({tag: data[tag] for tag in data.keys()})  # noqa: SIM118 - iterating a data set gives elements
    made.file_meta = meta
    out = io.BytesIO()
    try:
        dcmwrite(out, made, enforce_file_format=True, implicit_vr=False, little_endian=True)  # zero preamble
    except Exception as error:
        raise InputError(f"what is left of its header cannot be written ({type(error).__name__})") from None
    return out.getvalue()
