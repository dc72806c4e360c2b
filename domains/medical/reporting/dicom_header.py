"""What a DICOM object made of a report says of patient, study and sources: values that fit their VR, UIDs that stay the same.

A report may come from a hostile file or from pictures without any DICOM header; whatever it holds, what is written here is valid.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from domains.medical.report import DraftReport
from domains.medical.reporting.view import clean
from domains.medical.sign_off import SignedState

MANUFACTURER = "Trivium"
MODEL_NAME = "Trivium medical"
CHARACTER_SET = "ISO_IR 192"  # UTF-8
MOST_SHORT, MOST_LONG = 16, 64  # SH, LO, and one group of PN
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
SERIES_NUMBERS = {"sr": 9801, "pdf": 9802}
_NAMESPACE = uuid.UUID("5b4a4be8-6c15-4f0c-9d0f-6f3b8f6f9c1e")
_UID = re.compile(r"^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+$")
_IN_NAME = re.compile(r"[\\^=\s]+")
_IN_TEXT = re.compile(r"[\\\s]+")


def uid_of(*parts: str) -> str:
    """A UID under 2.25 that is the same for the same parts."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, ':'.join(parts)).int}"


def is_uid(text: str) -> bool:
    """Whether DICOM takes it for a UID."""
    return len(text) <= MOST_LONG and _UID.fullmatch(text) is not None


def study_uid(report: DraftReport) -> str:
    """The study's UID, or one made of what it is called where it has none."""
    return report.study_uid if is_uid(report.study_uid) else uid_of("study", report.study_uid or report.id)


def instance_uid(report: DraftReport, version: int, kind: str) -> str:
    """The SOP instance of a version: writing it out again gives the same object."""
    return uid_of("instance", report.id, kind, str(version))


def series_uid(report: DraftReport, kind: str) -> str:
    """The series that all versions of a kind are in."""
    return uid_of("series", report.id, kind)


def person_name(name: str) -> str:
    """`Family, Given Middle` as PN; a name without a comma as a family name, with the caret that says so."""
    parts = [_IN_NAME.sub(" ", clean(part)).strip() for part in name.split(",", 1)]
    joined = _cut("^".join(parts), MOST_LONG - 1).strip("^ ")
    return f"{joined}^" if joined and "^" not in joined else joined


def text_value(text: str, most: int = MOST_LONG) -> str:
    """LO or SH; too long a one is cut."""
    return _cut(_IN_TEXT.sub(" ", clean(text)).strip(), most).strip()


def identifier(text: str, most: int) -> str:
    """An identifier that fits; one that is too long ends with a part of its hash, so that two of them stay two."""
    fitting = _IN_TEXT.sub(" ", clean(text)).strip()
    if _cut(fitting, most) == fitting:
        return fitting
    digest = hashlib.sha256(fitting.encode("utf-8", "replace")).hexdigest()[: most // 2 - 1]
    return f"{_cut(fitting, most - len(digest) - 1)}~{digest}"


def _cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8: the standard counts characters, many readers count bytes."""
    return text.encode("utf-8", "ignore")[:most].decode("utf-8", "ignore")


def moment(wall_s: float, zone: tzinfo) -> datetime:
    """A Unix time as a date and time of a zone."""
    return datetime.fromtimestamp(wall_s, zone)


def written_at(report: DraftReport, version: SignedState, zone: tzinfo) -> datetime:
    """When the version came to be: signed, or drafted."""
    previous = version.previous[-1].at_wall_s if version.previous else report.made_wall_s
    return moment(version.signed_wall_s if version.signed_wall_s is not None else max(previous, report.made_wall_s), zone)


def birth_date(text: str) -> str:
    """DA, or empty where it is no date."""
    try:
        return date.fromisoformat(text).strftime("%Y%m%d")
    except ValueError:
        return ""


def identified(report: DraftReport, zone: tzinfo = UTC) -> Any:
    """A data set with the patient and the study."""
    from pydicom.dataset import Dataset

    header = Dataset()
    subject = report.subject
    header.SpecificCharacterSet = CHARACTER_SET
    header.PatientName = person_name(subject.name)
    header.PatientID = identifier(subject.patient_id, MOST_LONG)
    if issuer := text_value(subject.issuer):
        header.IssuerOfPatientID = issuer
    header.PatientBirthDate = birth_date(subject.birth_date)
    header.PatientSex = subject.sex if subject.sex in ("F", "M", "O") else ""
    header.StudyInstanceUID = study_uid(report)
    taken = None if report.study_wall_s is None else moment(report.study_wall_s, zone)
    header.StudyDate = "" if taken is None else taken.strftime("%Y%m%d")
    header.StudyTime = "" if taken is None else taken.strftime("%H%M%S")
    header.AccessionNumber = identifier(report.accession, MOST_SHORT)
    header.StudyID = ""
    header.ReferringPhysicianName = ""
    if description := text_value(report.study_description):
        header.StudyDescription = description
    return header


def sources(report: DraftReport, zone: tzinfo = UTC) -> list[Any]:
    """A header for each instance that was read and is a DICOM object; one that only identifies the study where there is none."""
    found: list[Any] = []
    for series, instances in report.series.items():
        for instance in dict.fromkeys(instances):
            class_uid = report.class_uids.get(instance, "")
            if not (is_uid(series) and is_uid(instance) and is_uid(class_uid)):
                continue
            header = identified(report, zone)
            header.SeriesInstanceUID, header.SOPInstanceUID, header.SOPClassUID = series, instance, class_uid
            found.append(header)
    return found
