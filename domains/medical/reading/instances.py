"""One DICOM file as an Instance, with what it says of its patient, study and series."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from pydicom.dataset import Dataset

from core.errors import InputError
from domains.medical.reading import fields
from domains.medical.reading.bounds import Bounds
from domains.medical.reading.geometry import geometry_of, spacing_of
from domains.medical.reading.header import Header, read_header
from domains.medical.study import Instance, Patient

DICOMDIR = "1.2.840.10008.1.3.10"  # Media Storage Directory
SEXES = frozenset("FMO")
LATERALITIES = frozenset("LRBU")
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Described:
    """An instance and where it belongs.

    Attributes:
        instance: of it.
        patient: whom its file names.
        study_uid, series_uid: where it belongs.
        taken_wall_s: when its study was taken.
        study_description, series_description, accession: as written.
        notices: what is odd about the file.
    """

    instance: Instance
    patient: Patient = field(repr=False)
    study_uid: str
    series_uid: str
    taken_wall_s: float | None
    study_description: str = field(repr=False)
    series_description: str = field(repr=False)
    accession: str = field(repr=False)
    notices: tuple[str, ...]


def describe_dicom(path: Path, zone: tzinfo, bounds: Bounds) -> Described | None:
    """Read one file's header.

    Args:
        zone: for times that carry no offset.

    Returns:
        None for a DICOMDIR, which only lists other files.

    Raises:
        InputError: one line that quotes nothing from the file.
    """
    header = read_header(path, bounds)
    data = header.data
    if str(data.file_meta.get("MediaStorageSOPClassUID", "")) == DICOMDIR or fields.uid(data, "SOPClassUID") == DICOMDIR:
        return None
    uids = {k: fields.uid(data, k) for k in ("SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID")}
    for keyword, found in uids.items():
        if not found:
            raise InputError(f"its {keyword} is missing or is not a UID (digits and dots, at most 64)")
    date_of_study = fields.wall_s(data, "StudyDate", "StudyTime", zone)
    return Described(
        instance=_instance(path, header, uids, zone),
        patient=_patient(data),
        study_uid=uids["StudyInstanceUID"],
        series_uid=uids["SeriesInstanceUID"],
        taken_wall_s=date_of_study,
        study_description=fields.text(data, "StudyDescription"),
        series_description=fields.text(data, "SeriesDescription"),
        accession=fields.text(data, "AccessionNumber", 64),
        notices=header.notices,
    )


def sha256_of(path: Path) -> str:
    """Of the file as it lies there."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _instance(path: Path, header: Header, uids: dict[str, str], zone: tzinfo) -> Instance:
    data = header.data
    has_pixels = header.frames > 0
    laterality = next((w for k in ("ImageLaterality", "FrameLaterality", "Laterality") if (w := fields.text(data, k)) in LATERALITIES), "")
    return Instance(
        uid=uids["SOPInstanceUID"],
        class_uid=uids["SOPClassUID"],
        sha256=sha256_of(path),
        path=path,
        number=fields.whole(data, "InstanceNumber"),
        rows=(fields.whole(data, "Rows") or 0) if has_pixels else 0,
        columns=(fields.whole(data, "Columns") or 0) if has_pixels else 0,
        frames=header.frames,
        modality=fields.text(data, "Modality", 16).upper() or "OT",
        body_part=_body_part(data),
        view=_view(data),
        laterality=laterality if laterality != "U" else "",
        spacing_mm=spacing_of(data) if has_pixels else None,
        geometry=geometry_of(data) if has_pixels else None,
        acquired_wall_s=_acquired(data, zone),
        frame_s=_frame_s(data) if header.frames > 1 else None,
    )


def _patient(data: Dataset) -> Patient:
    sex = fields.text(data, "PatientSex", 16).upper()
    return Patient(
        id=fields.text(data, "PatientID", 64),
        issuer=fields.text(data, "IssuerOfPatientID", 64),
        name=fields.person_name(data, "PatientName"),
        birth_date=fields.date(data, "PatientBirthDate"),
        sex=sex if sex in SEXES else "",
    )


def _body_part(data: Dataset) -> str:
    named = fields.text(data, "BodyPartExamined", 64)
    if not named:
        named = next((fields.text(item, "CodeMeaning", 64) for item in fields.items(data, "AnatomicRegionSequence")), "")
    return named.lower()


def _view(data: Dataset) -> str:
    named = fields.text(data, "ViewPosition", 16).upper()
    return named or next((fields.text(item, "CodeMeaning", 64).lower() for item in fields.items(data, "ViewCodeSequence")), "")


def _acquired(data: Dataset, zone: tzinfo) -> float | None:
    moments = (
        fields.date_time_s(data, "AcquisitionDateTime", zone),
        fields.wall_s(data, "AcquisitionDate", "AcquisitionTime", zone),
        fields.wall_s(data, "ContentDate", "ContentTime", zone),
        fields.wall_s(data, "SeriesDate", "SeriesTime", zone),
        fields.wall_s(data, "StudyDate", "StudyTime", zone),
    )
    return next((moment for moment in moments if moment is not None), None)


def _frame_s(data: Dataset) -> float | None:
    """Seconds from one frame to the next, from whichever element says so (PS3.3 C.7.6.5)."""
    frame_ms = fields.number(data, "FrameTime")
    if frame_ms and frame_ms > 0:
        return frame_ms / 1000
    vector = fields.value(data, "FrameTimeVector")
    try:
        steps_ms = [float(v) for v in vector[1:]] if vector is not None else []
    except (TypeError, ValueError):
        steps_ms = []
    if steps_ms and sum(steps_ms) > 0:
        return sum(steps_ms) / len(steps_ms) / 1000
    rates = (fields.number(data, keyword) for keyword in ("CineRate", "RecommendedDisplayFrameRate"))
    return next((1 / rate for rate in rates if rate and rate > 0), None)
