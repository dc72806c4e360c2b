"""A report as a FHIR R4B bundle: a DiagnosticReport, an Observation a finding, and whom, what and who they speak of.

`preliminary` until a person has signed it, then `final` or `amended`. Built as plain JSON and validated by `fhir.resources`; its codes
are constants of ours, because the library takes any.
"""

from __future__ import annotations

import html
import json
import uuid
from datetime import UTC, date, datetime, tzinfo
from typing import Any

from core.errors import InputError
from domains.medical.report import DRAFT_NOTICE, Coded, DraftReport, Evidence, Finding, Measurement, Section, Status
from domains.medical.reporting import coding
from domains.medical.reporting import dicom_header as head
from domains.medical.reporting.view import SIGNED_NOTICE, Files, clean
from domains.medical.sign_off import MODEL, SignedState

STATUS = {"draft": "preliminary", "amended-draft": "preliminary", "final": "final", "amended": "amended"}
GENDER = {"F": "female", "M": "male", "O": "other"}
REPORT_SYSTEM = "urn:trivium:report"
UCUM = "http://unitsofmeasure.org"
_NAMESPACE = uuid.UUID("2f2f4d0c-7f2f-4f57-b6f4-0a5d8e1f6f4b")
_INTERPRETED = {Status.PRESENT: ("POS", "Positive"), Status.ABSENT: ("NEG", "Negative"), Status.ABSTAINED: ("IND", "Indeterminate")}

Json = dict[str, Any]


def render(report: DraftReport, version: SignedState, files: Files, *, zone: tzinfo = UTC) -> bytes:
    """A version of a report as a FHIR Bundle of type `collection`, JSON in UTF-8.

    Args:
        report: the version's body.
        version: draft, or signed by whom.
        files: not asked; pictures are referred to by their UIDs.
        zone: for dates.

    Raises:
        InputError: the report holds what FHIR cannot.
    """
    del files
    from fhir.resources.R4B.bundle import Bundle
    from pydantic import ValidationError

    try:
        checked = Bundle.model_validate(bundle(report, version, zone))
    except ValidationError as error:
        where = sorted({".".join(str(part) for part in problem["loc"][:4]) for problem in error.errors()})
        raise InputError(f"report {report.id}: FHIR does not take {', '.join(where[:5])}") from None  # its message holds the values
    return json.dumps(json.loads(checked.model_dump_json()), ensure_ascii=False, indent=1).encode("utf-8")


def bundle(report: DraftReport, version: SignedState, zone: tzinfo = UTC) -> Json:
    """The bundle as JSON values."""
    resources: dict[str, Json] = {"patient": _patient(report), "device": _device(report)}
    if version.is_signed:
        resources["signer"] = {"resourceType": "Practitioner", "name": [{"text": _words(version.signer)}]}
    if head.is_uid(report.study_uid):
        resources["study"] = _study(report, zone)
    evidence = {e.id: e for e in report.evidence}
    findings = {f"finding-{n}": _finding(report, f, version, evidence, zone) for n, f in enumerate(report.findings, 1)}
    values = {f"value-{n}": _value(report, m, version) for n, m in enumerate(report.measurements, 1)}
    told = {"report": _report(report, version, [*findings, *values], zone), **resources, **findings, **values}
    entries = [{"fullUrl": _url(report, key), "resource": _without_empty(resource)} for key, resource in told.items()]
    return {"resourceType": "Bundle", "type": "collection", "timestamp": _instant(_written(report, version, zone)), "entry": entries}


def _report(report: DraftReport, version: SignedState, results: list[str], zone: tzinfo) -> Json:
    at = _written(report, version, zone)
    conclusion = [s.text for s in report.in_section(Section.IMPRESSION)]
    notice = SIGNED_NOTICE if version.is_signed else DRAFT_NOTICE
    made: Json = {
        "resourceType": "DiagnosticReport",
        "meta": {"versionId": str(version.number)},
        "identifier": [{"system": REPORT_SYSTEM, "value": report.id}],
        "text": {"status": "generated", "div": _narrative(report, notice)},
        "status": STATUS[version.state],
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD", "display": "Radiology"}]}],
        "code": {"coding": [{"system": coding.FHIR_SYSTEMS["LN"], "code": "18748-4", "display": "Diagnostic imaging study"}]},
        "subject": _to(report, "patient"),
        "effectiveDateTime": _taken(report, zone),
        "issued": _instant(at),
        "performer": [_to(report, "device")],
        "result": [_to(report, key) for key in results],
        "conclusion": _words("\n".join([*conclusion, notice])),
    }
    if version.is_signed:
        made["resultsInterpreter"] = [_to(report, "signer")]
    if head.is_uid(report.study_uid):
        made["imagingStudy"] = [_to(report, "study")]
    return made


def _finding(report: DraftReport, finding: Finding, version: SignedState, evidence: dict[str, Evidence], zone: tzinfo) -> Json:
    """Present, absent or indeterminate, with its probability and thresholds as components."""
    code, display = _INTERPRETED[finding.status]
    shares = ((coding.PROBABILITY, finding.probability), (coding.THRESHOLD, finding.threshold), (coding.ABSENT_BELOW, finding.absent_below))
    rests_on = [_words(evidence[i].label) for i in finding.evidence if i in evidence]
    notes = [f"Rests on: {'; '.join(rests_on)}"] if rests_on else []
    notes += [f"Decided by {_words(finding.by)}"] if finding.by != MODEL else []
    return {
        **_observation(report, version, "imaging"),
        "effectiveDateTime": _taken(report, zone),
        "code": _concept(coding.code_of(finding), finding.name),
        "valueCodeableConcept": _concept(coding.STATUS[finding.status], str(finding.status)),
        "interpretation": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": code, "display": display}]}
        ],
        "device": _to(report, "device"),
        "component": [{"code": _concept(name, name.meaning), "valueQuantity": _quantity(value, "1")} for name, value in shares],
        "note": [{"text": text} for text in notes],
    }


def _value(report: DraftReport, measurement: Measurement, version: SignedState) -> Json:
    """A value of the record that the report tells; when it was taken, the record says."""
    return {
        **_observation(report, version, "exam"),
        "code": {"text": _words(measurement.name)},
        "valueQuantity": _quantity(measurement.value, measurement.unit),
    }


def _observation(report: DraftReport, version: SignedState, category: str) -> Json:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "status": STATUS[version.state],
        "category": [{"coding": [{"system": system, "code": category}]}],
        "subject": _to(report, "patient"),
    }


def _taken(report: DraftReport, zone: tzinfo) -> str:
    """When the study was taken, or empty."""
    return "" if report.study_wall_s is None else _instant(head.moment(report.study_wall_s, zone))


def _patient(report: DraftReport) -> Json:
    subject = report.subject
    family, _, given = subject.name.partition(",")
    name = {"text": _words(subject.name), "family": _words(family), "given": [g for g in [_words(given)] if g]}
    identifier = {"value": _words(subject.patient_id), "assigner": {"display": _words(subject.issuer)}}
    return {
        "resourceType": "Patient",
        "identifier": [identifier] if identifier["value"] else [],
        "name": [name] if name["text"] else [],
        "gender": GENDER.get(subject.sex, "unknown"),
        "birthDate": subject.birth_date if _is_date(subject.birth_date) else "",
    }


def _device(report: DraftReport) -> Json:
    checkpoint = report.checkpoint
    notes = ["Drafts reports for research and review; it makes no diagnosis."]
    if checkpoint is not None:
        notes.append(f"Trained on: {_words(checkpoint.trained_on) or 'not stated'}")
        notes += ["Trained on synthetic data."] if checkpoint.is_synthetic else []
        notes += [f"Limit: {_words(limit)}" for limit in checkpoint.limits]
    return {
        "resourceType": "Device",
        "manufacturer": head.MANUFACTURER,
        "deviceName": [{"name": _words(checkpoint.name) if checkpoint is not None else head.MODEL_NAME, "type": "model-name"}],
        "version": [{"value": _words(checkpoint.sha256)}] if checkpoint is not None and checkpoint.sha256 else [],
        "note": [{"text": text} for text in notes],
    }


def _study(report: DraftReport, zone: tzinfo) -> Json:
    series = [
        {
            "uid": uid,
            "modality": {
                "system": coding.FHIR_SYSTEMS["DCM"],
                "code": _code(report.modalities[0] if len(report.modalities) == 1 else "OT"),
            },
            "instance": [
                {"uid": i, "sopClass": {"system": "urn:ietf:rfc:3986", "code": f"urn:oid:{report.class_uids[i]}"}}
                for i in instances
                if head.is_uid(i) and head.is_uid(report.class_uids.get(i, ""))
            ],
        }
        for uid, instances in report.series.items()
        if head.is_uid(uid)
    ]
    return {
        "resourceType": "ImagingStudy",
        "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{report.study_uid}"}],
        "status": "available",
        "subject": _to(report, "patient"),
        "started": _taken(report, zone),
        "series": series,
    }


def _narrative(report: DraftReport, notice: str) -> str:
    parts = [f"<p><b>{html.escape(notice)}</b></p>"]
    for section in Section:
        if told := report.in_section(section):
            lines = "".join(f"<li>{html.escape(_words(s.text))}</li>" for s in told)
            parts.append(f"<p>{section.capitalize()}</p><ul>{lines}</ul>")
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(parts)}</div>'


def _concept(coded: Coded, text: str) -> Json:
    known = {
        "system": coding.FHIR_SYSTEMS.get(coded.scheme, f"urn:trivium:scheme:{_code(coded.scheme)}"),
        "code": _code(coded.code),
        "display": _words(coded.meaning),
    }
    return {"coding": [known], "text": _words(text)}


def _quantity(value: float, unit: str) -> Json:
    return {"value": round(value, 6), "unit": _words(unit), "system": UCUM, "code": _code(unit)}


def _written(report: DraftReport, version: SignedState, zone: tzinfo) -> datetime:
    return head.written_at(report, version, zone)


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _url(report: DraftReport, key: str) -> str:
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{report.id}:{key}')}"


def _to(report: DraftReport, key: str) -> Json:
    return {"reference": _url(report, key)}


def _words(text: str) -> str:
    """Without what FHIR's `string` does not take."""
    return clean(text).strip()


def _code(text: str) -> str:
    """FHIR's `code`: single blanks within, none around."""
    return " ".join(clean(text).split()) or "unknown"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _without_empty(value: Any) -> Any:
    """FHIR has no empty strings, lists or objects."""
    if isinstance(value, dict):
        kept = {key: _without_empty(inner) for key, inner in value.items()}
        return {key: inner for key, inner in kept.items() if inner not in ("", [], {}, None)}
    return [_without_empty(inner) for inner in value] if isinstance(value, list) else value
