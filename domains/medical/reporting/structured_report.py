"""A report as a DICOM structured report: Comprehensive 3D SR, template TID 1500 (PS3.16), by highdicom.

Each finding is a measurement group: what it is, whether it is present, its calibrated probability with both thresholds, the picture it
rests on and the region that the model looked at. The sentences follow in their sections, beside the groups.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any

from core.errors import InputError
from domains.medical.report import DRAFT_NOTICE, Coded, DraftReport, Evidence, Finding, Region, Section
from domains.medical.reporting import coding
from domains.medical.reporting import dicom_header as head
from domains.medical.reporting.view import SIGNED_NOTICE, Files, clean
from domains.medical.sign_off import MODEL, SignedState

logging.getLogger("highdicom").setLevel(logging.CRITICAL)  # it logs names and UIDs

MOST_TEXT = 1024  # characters of one text item that every viewer takes
ORGANIZATION = "not stated"


def render(report: DraftReport, version: SignedState, files: Files, *, zone: tzinfo = UTC) -> bytes:
    """A version of a report as a DICOM file: PARTIAL and UNVERIFIED until it is signed, then COMPLETE and VERIFIED.

    Args:
        report: the version's body.
        version: draft, or signed by whom.
        files: not asked; pictures are referred to by their UIDs.
        zone: for dates.

    Raises:
        InputError: the report holds what no structured report can.
    """
    del files
    written = io.BytesIO()
    try:
        document(report, version, zone).save_as(written, enforce_file_format=True)
    except ValueError as error:
        raise InputError(f"report {report.id}: it cannot be written as a structured report") from error
    return written.getvalue()


def document(report: DraftReport, version: SignedState, zone: tzinfo = UTC) -> Any:
    """The data set, before it is encoded."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from highdicom.sr import Comprehensive3DSR

    known = head.sources(report, zone)
    at = head.written_at(report, version, zone)
    made = Comprehensive3DSR(
        evidence=known or [_study_only(report, zone)],
        record_evidence=bool(known),
        content=_content(report, version, {source.SOPInstanceUID: source for source in known}),
        series_instance_uid=head.series_uid(report, "sr"),
        series_number=head.SERIES_NUMBERS["sr"],
        sop_instance_uid=head.instance_uid(report, version.number, "sr"),
        instance_number=version.number,
        manufacturer=head.MANUFACTURER,
        manufacturer_model_name=head.MODEL_NAME,
        series_description="Imaging report" if version.is_signed else "DRAFT imaging report",
        is_complete=version.is_signed,
        is_final=version.is_signed,
        is_verified=version.is_signed,
        verifying_observer_name=_signer(version) if version.is_signed else None,
        verifying_organization=ORGANIZATION if version.is_signed else None,
        previous_versions=_predecessors(report, version, zone),
        content_date=at.strftime("%Y%m%d"),
        content_time=at.strftime("%H%M%S"),
        coding_schemes=[
            CodingSchemeIdentificationItem(coding.PRIVATE, name=coding.PRIVATE_NAME, responsible_organization=head.MANUFACTURER)
        ],
        specific_character_set=head.CHARACTER_SET,
        transfer_syntax_uid=head.EXPLICIT_LITTLE_ENDIAN,
    )
    made.InstanceCreationDate, made.InstanceCreationTime = made.ContentDate, made.ContentTime
    made.TimezoneOffsetFromUTC = at.strftime("%z")
    if version.is_signed:
        made.VerifyingObserverSequence[0].VerificationDateTime = at.strftime("%Y%m%d%H%M%S%z")
    if not known and "CurrentRequestedProcedureEvidenceSequence" in made:
        del made.CurrentRequestedProcedureEvidenceSequence
    return made


def _study_only(report: DraftReport, zone: tzinfo) -> Any:
    """Stands where highdicom takes patient and study from an image, and there is none."""
    header = head.identified(report, zone)
    header.SeriesInstanceUID, header.SOPInstanceUID = head.uid_of("series", report.id), head.uid_of("instance", report.id)
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    return header


def _predecessors(report: DraftReport, version: SignedState, zone: tzinfo) -> list[Any] | None:
    """The version before this one: it was written under the UID that it would get today."""
    if not version.previous:
        return None
    header = head.identified(report, zone)
    header.SeriesInstanceUID = head.series_uid(report, "sr")
    header.SOPInstanceUID = head.instance_uid(report, version.previous[-1].number, "sr")
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.34"
    return [header]


def _signer(version: SignedState) -> str:
    """As PN; a display name that holds no character of a name is not a name."""
    return head.person_name(version.signer) or "not stated^"


def _content(report: DraftReport, version: SignedState, sources: Mapping[str, Any]) -> Any:
    """The TID 1500 tree with the sentences after its measurement groups."""
    from highdicom.sr import MeasurementReport
    from pydicom.sr.codedict import codes

    evidence = {e.id: e for e in report.evidence}
    groups = [_group(report, finding, number, evidence, sources) for number, finding in enumerate(report.findings, 1)]
    tree = MeasurementReport(
        observation_context=_context(report, version),
        procedure_reported=_code(next((coding.PROCEDURES[m] for m in report.modalities if m in coding.PROCEDURES), coding.IMAGING)),
        imaging_measurements=groups or [_nothing(report)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    root = tree[0]
    for section in Section:
        if (container := _section(report, section, evidence, sources)) is not None:
            root.ContentSequence.append(container)
    root.ContentSequence.append(_text(coding.NOTICE, SIGNED_NOTICE if version.is_signed else DRAFT_NOTICE))
    for notice in _origin(report):
        root.ContentSequence.append(_text(coding.NOTICE, notice))
    return tree


def _origin(report: DraftReport) -> list[str]:
    """By which checkpoint, trained on what, what a person decided, and what was missing."""
    checkpoint = report.checkpoint
    said = [] if checkpoint is None else [f"Findings by checkpoint {checkpoint.name}, trained on: {checkpoint.trained_on or 'not stated'}"]
    said += ["The checkpoint was trained on synthetic data"] if checkpoint is not None and checkpoint.is_synthetic else []
    said += [f"{finding.name}: decided by {finding.by}" for finding in report.findings if finding.by != MODEL]
    return said + ([f"Inputs missing: {'; '.join(report.missing)}"] if report.missing else [])


def _context(report: DraftReport, version: SignedState) -> Any:
    from highdicom.sr import DeviceObserverIdentifyingAttributes, ObservationContext, ObserverContext, PersonObserverIdentifyingAttributes
    from pydicom.sr.codedict import codes

    device = DeviceObserverIdentifyingAttributes(
        uid=head.uid_of("device", report.checkpoint.sha256 if report.checkpoint is not None else ""),
        name=head.MODEL_NAME,
        manufacturer_name=head.MANUFACTURER,
        model_name=head.text_value(report.checkpoint.name)
        if report.checkpoint is not None and head.text_value(report.checkpoint.name)
        else head.MODEL_NAME,
    )
    person = PersonObserverIdentifyingAttributes(name=_signer(version)) if version.is_signed else None
    return ObservationContext(
        observer_person_context=None if person is None else ObserverContext(codes.DCM.Person, person),
        observer_device_context=ObserverContext(codes.DCM.Device, device),
    )


def _group(report: DraftReport, finding: Finding, number: int, evidence: Mapping[str, Evidence], sources: Mapping[str, Any]) -> Any:
    """One finding: planar where a region of a picture is known (TID 1410), else by its pictures (TID 1501)."""
    from highdicom import sr

    pictures = [e for i in finding.evidence if (e := evidence.get(i)) is not None and e.kind == "picture" and e.instance_uid in sources]
    marked = next((e for e in pictures if e.region is not None and e.rows > 0 and e.columns > 0), None)
    name = clean(finding.name).strip()[:MOST_TEXT] or "finding without a name"
    common: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(uid=head.uid_of("finding", report.id, str(number), finding.name), identifier=name),
        "finding_type": _code(coding.code_of(finding)),
        "algorithm_id": _algorithm(report),
        "measurements": [
            _share(coding.PROBABILITY, finding.probability),
            _share(coding.THRESHOLD, finding.threshold),
            _share(coding.ABSENT_BELOW, finding.absent_below),
        ],
        "qualitative_evaluations": [sr.QualitativeEvaluation(_code(coding.PRESENCE), _code(coding.STATUS[finding.status]))],
    }
    if marked is not None and marked.region is not None:
        return sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=_box(marked, marked.region, sources), **common)
    images = [sr.SourceImageForMeasurementGroup(*_reference(e, sources)) for e in {e.instance_uid: e for e in pictures}.values()]
    return sr.MeasurementsAndQualitativeEvaluations(source_images=images or None, **common)


def _nothing(report: DraftReport) -> Any:
    """The group that TID 1500 asks for where there is no finding."""
    from highdicom import sr

    text = "no findings model was asked" if report.checkpoint is None else "the findings model gave no answer"
    identifier = sr.TrackingIdentifier(uid=head.uid_of("finding", report.id, "none"), identifier=text)
    return sr.MeasurementsAndQualitativeEvaluations(tracking_identifier=identifier, finding_type=_code(coding.NO_FINDINGS))


def _algorithm(report: DraftReport) -> Any:
    from highdicom.sr import AlgorithmIdentification

    if report.checkpoint is None:
        return None
    name = clean(report.checkpoint.name).strip()[:MOST_TEXT] or head.MODEL_NAME
    return AlgorithmIdentification(name=name, version=clean(report.checkpoint.sha256)[:MOST_TEXT] or "not stated")


def _share(name: Coded, value: float) -> Any:
    from highdicom.sr import Measurement
    from pydicom.sr.codedict import codes

    return Measurement(name=_code(name), value=round(value, 6), unit=codes.UCUM.NoUnits)


def _box(marked: Evidence, region: Region, sources: Mapping[str, Any]) -> Any:
    """A region as a closed line, in pixels of its image."""
    import numpy as np
    from highdicom.sr import GraphicTypeValues, ImageRegion, SourceImageForRegion

    left, right = region.x1 * marked.columns, region.x2 * marked.columns
    top, bottom = region.y1 * marked.rows, region.y2 * marked.rows
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], dtype=np.float64)
    return ImageRegion(GraphicTypeValues.POLYLINE, corners, SourceImageForRegion(*_reference(marked, sources)))


def _reference(evidence: Evidence, sources: Mapping[str, Any]) -> tuple[str, str, list[int] | None]:
    """SOP class, instance and frames from 1; frames only of what has several."""
    class_uid = str(sources[evidence.instance_uid].SOPClassUID)
    is_multiframe = class_uid in _MULTIFRAME or evidence.frame > 0
    return class_uid, evidence.instance_uid, [evidence.frame + 1] if is_multiframe else None


_MULTIFRAME = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.3.1",  # ultrasound multi-frame
        "1.2.840.10008.5.1.4.1.1.2.1",  # enhanced CT
        "1.2.840.10008.5.1.4.1.1.4.1",  # enhanced MR
        "1.2.840.10008.5.1.4.1.1.7.2",  # secondary capture, multi-frame
        "1.2.840.10008.5.1.4.1.1.7.3",
        "1.2.840.10008.5.1.4.1.1.7.4",
    }
)


def _section(report: DraftReport, section: Section, evidence: Mapping[str, Evidence], sources: Mapping[str, Any]) -> Any:
    """A section's sentences, each with the pictures it rests on, and beside the findings the values that are told."""
    from highdicom.sr import ContainerContentItem, ContentSequence, ImageContentItem, NumContentItem, RelationshipTypeValues
    from highdicom.sr.coding import CodedConcept

    told = report.in_section(section)
    if not told:
        return None
    container = ContainerContentItem(_code(coding.SECTIONS[section]), relationship_type=RelationshipTypeValues.CONTAINS)
    items = []
    for sentence in told:
        item = _text(coding.SENTENCES[section], sentence.text)
        resting = {e.instance_uid: e for i in sentence.evidence if (e := evidence.get(i)) is not None and e.instance_uid in sources}
        if resting:
            item.ContentSequence = ContentSequence(
                [
                    ImageContentItem(_code(_SOURCE), *_reference(e, sources), relationship_type=RelationshipTypeValues.INFERRED_FROM)
                    for e in resting.values()
                ]
            )
        items.append(item)
    for value in report.measurements if section is Section.FINDINGS else ():
        unit = CodedConcept(head.text_value(value.unit, 16) or "1", "UCUM", head.text_value(value.unit) or "no units")
        items.append(
            NumContentItem(_code(coding.private(value.name)), value.value, unit, relationship_type=RelationshipTypeValues.CONTAINS)
        )
    container.ContentSequence = ContentSequence(items)
    return container


_SOURCE = Coded(scheme="DCM", code="121112", meaning="Source of Measurement")


def _text(name: Coded, text: str) -> Any:
    from highdicom.sr import RelationshipTypeValues, TextContentItem

    return TextContentItem(_code(name), clean(text).strip() or "-", relationship_type=RelationshipTypeValues.CONTAINS)


def _code(coded: Coded) -> Any:
    from highdicom.sr.coding import CodedConcept

    return CodedConcept(head.text_value(coded.code, 16), head.text_value(coded.scheme, 16), head.text_value(coded.meaning) or "-")
