"""A report's PDF inside a DICOM object (Encapsulated PDF Storage, PS3.3 A.45.1), so that an archive of images can hold it."""

from __future__ import annotations

import io
from datetime import UTC, tzinfo
from typing import Any

from domains.medical.report import Coded, DraftReport
from domains.medical.reporting import dicom_header as head
from domains.medical.reporting import pdf
from domains.medical.reporting.view import Files
from domains.medical.sign_off import SignedState

ENCAPSULATED_PDF_STORAGE = "1.2.840.10008.5.1.4.1.1.104.1"
TITLE = Coded(scheme="LN", code="18748-4", meaning="Diagnostic imaging report")


def render(report: DraftReport, version: SignedState, files: Files, *, zone: tzinfo = UTC) -> bytes:
    """A version of a report as a DICOM file with its PDF inside; UNVERIFIED until it is signed.

    Args:
        report: the version's body.
        version: draft, or signed by whom.
        files: gives the bytes of a stored picture by its SHA-256.
        zone: for dates.
    """
    written = io.BytesIO()
    document(report, version, pdf.render(report, version, files, zone=zone), zone).save_as(written, enforce_file_format=True)
    return written.getvalue()


def document(report: DraftReport, version: SignedState, content: bytes, zone: tzinfo = UTC) -> Any:
    """The data set around a PDF."""
    from pydicom.dataset import Dataset, FileMetaDataset

    made = head.identified(report, zone)
    at = head.written_at(report, version, zone)
    made.SOPClassUID = ENCAPSULATED_PDF_STORAGE
    made.SOPInstanceUID = head.instance_uid(report, version.number, "pdf")
    made.InstanceCreationDate = made.ContentDate = at.strftime("%Y%m%d")
    made.InstanceCreationTime = made.ContentTime = at.strftime("%H%M%S")
    made.TimezoneOffsetFromUTC = at.strftime("%z")
    made.Modality = "DOC"
    made.SeriesInstanceUID = head.series_uid(report, "pdf")
    made.SeriesNumber = head.SERIES_NUMBERS["pdf"]
    made.InstanceNumber = version.number
    made.SeriesDescription = "Imaging report" if version.is_signed else "DRAFT imaging report"
    made.Manufacturer, made.ManufacturerModelName = head.MANUFACTURER, head.MODEL_NAME
    made.ConversionType = "WSD"
    made.AcquisitionDateTime = ""
    made.BurnedInAnnotation = "YES"
    made.DocumentTitle = "Imaging report" if version.is_signed else "DRAFT imaging report, not signed"
    made.VerificationFlag = "VERIFIED" if version.is_signed else "UNVERIFIED"
    name = Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = TITLE.code, TITLE.scheme, TITLE.meaning
    made.ConceptNameCodeSequence = [name]
    if references := [_reference(source) for source in head.sources(report, zone)]:
        made.SourceInstanceSequence = references
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    made.EncapsulatedDocumentLength = len(content)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = head.EXPLICIT_LITTLE_ENDIAN
    return made


def _reference(source: Any) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    return item
