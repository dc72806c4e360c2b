"""FHIR bundles: what is used, what is left out, what is refused."""

import json
import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.errors import InputError
from domains.medical.record import EntryKind, Record
from domains.medical.records.fhir_bundle import MAX_ENTRIES, read_bundle

VIENNA = ZoneInfo("Europe/Vienna")
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def patient(**changes: Any) -> dict[str, Any]:
    base = {
        "resourceType": "Patient",
        "id": "p1",
        "gender": "female",
        "birthDate": "1958-03-04",
        "name": [{"use": "old", "family": "Maiden"}, {"use": "official", "family": "Doe", "given": ["Jane", "Mary"]}],
        "identifier": [
            {"system": "urn:ssn", "value": "999"},
            {"system": "urn:hospital", "value": "MRN1", "type": {"coding": [{"code": "MR"}]}},
        ],
    }
    return base | changes


def concept(system: str = "", code: str = "", text: str = "") -> dict[str, Any]:
    return ({"coding": [{"system": system, "code": code}]} if code else {}) | ({"text": text} if text else {})


def observation(**changes: Any) -> dict[str, Any]:
    base = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "category": [{"coding": [{"code": "vital-signs"}]}],
        "code": concept(LOINC, "8310-5"),
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2024-03-05T10:00:00+01:00",
        "valueQuantity": {"value": 101.1, "unit": "F", "system": UCUM, "code": "[degF]"},
    }
    made = base | changes
    return {k: v for k, v in made.items() if v is not None}


def condition(verified: str = "confirmed", clinical: str = "active", **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "code": concept("http://snomed.info/sct", "44054006", "Type 2 Diabetes Mellitus"),
        "recordedDate": "2019-01-01T00:00:00Z",
        "clinicalStatus": concept(CLINICAL, clinical),
        "verificationStatus": concept(VERIFIED, verified),
    } | changes


def read(*resources: Any, with_patient: bool = True, **changes: Any) -> Record:
    entries = [{"fullUrl": "urn:uuid:11111111-1111-1111-1111-111111111111", "resource": patient()}] if with_patient else []
    entries += [{"resource": r} for r in resources]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries} | changes
    return read_bundle(json.dumps(bundle).encode(), VIENNA, "record file 1 (FHIR)")


def test_who_it_is() -> None:
    who = read().patient

    assert (who.id, who.issuer, who.name, who.birth_date, who.sex) == ("MRN1", "urn:hospital", "Doe, Jane Mary", "1958-03-04", "F")
    assert "Doe" not in repr(who)


def test_a_vital_sign_in_its_canonical_unit() -> None:
    (entry,) = read(observation(referenceRange=[{"low": {"value": 97, "code": "[degF]"}, "high": {"value": 99, "code": "[degF]"}}])).entries

    assert (entry.id, entry.kind, entry.name, entry.value, entry.unit) == ("Observation/o1", EntryKind.VITAL, "temperature", 38.39, "degC")
    assert (entry.low, entry.high, entry.system, entry.code) == (36.11, 37.22, LOINC, "8310-5")
    assert entry.at_wall_s == 1709629200.0


def test_blood_pressure_by_its_components() -> None:
    def part(code: str, value: float) -> dict[str, Any]:
        return {"code": concept(LOINC, code), "valueQuantity": {"value": value, "system": UCUM, "code": "mm[Hg]"}}

    record = read(
        observation(code=concept(LOINC, "85354-9", "BP"), valueQuantity=None, component=[part("8480-6", 150), part("8462-4", -5)])
    )

    assert [(e.id, e.name, e.value) for e in record.entries] == [("Observation/o1:1", "systolic blood pressure", 150.0)]
    assert "component 2 was left out" in record.problems[0]


def test_every_kind_of_resource() -> None:
    subject = {"subject": {"reference": "urn:uuid:11111111-1111-1111-1111-111111111111"}}
    record = read(
        condition(),
        {
            "resourceType": "MedicationStatement",
            "id": "m1",
            "status": "active",
            "medicationCodeableConcept": {"text": "Metformin"},
            "effectivePeriod": {"start": "2019"},
            **subject,
        },
        {
            "resourceType": "MedicationRequest",
            "id": "m2",
            "status": "active",
            "intent": "order",
            "medicationReference": {"reference": "Medication/x"},
            "authoredOn": "2020-01",
            **subject,
        },
        {"resourceType": "Medication", "id": "x", "code": {"text": "Aspirin"}},
        {"resourceType": "AllergyIntolerance", "id": "a1", "patient": {"reference": "Patient/p1"}, "code": {"text": "Penicillin"}},
        {"resourceType": "Procedure", "id": "r1", "status": "not-done", "code": {"text": "Appendectomy"}, **subject},
        {
            "resourceType": "DiagnosticReport",
            "id": "d1",
            "status": "preliminary",
            "code": {"text": "Chest film"},
            "issued": "2023-01-02T00:00:00Z",
            "conclusion": "No infiltrate.",
            **subject,
        },
        {"resourceType": "Encounter", "id": "e1"},
    )

    assert [(e.kind, e.name, e.negated) for e in record.entries] == [
        (EntryKind.CONDITION, "type 2 diabetes mellitus", False),
        (EntryKind.MEDICATION, "metformin", False),
        (EntryKind.MEDICATION, "aspirin", False),
        (EntryKind.ALLERGY, "penicillin", False),
        (EntryKind.PROCEDURE, "appendectomy", True),
        (EntryKind.REPORT, "chest film", False),
    ]
    assert record.problems == ("record file 1 (FHIR), entry 8 (DiagnosticReport): a preliminary report was used",)


def test_a_refuted_condition_is_denied_and_one_in_error_is_left_out() -> None:
    refuted, wrong = read(condition("refuted")), read(condition("entered-in-error"))

    assert refuted.entries[0].negated
    assert wrong.entries == ()
    assert "entered in error" in wrong.problems[0]


def test_a_report_without_time_of_issue_is_not_known_at_its_own_study() -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "id": "d1",
        "status": "final",
        "code": {"text": "Chest film"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2024-03-05T10:00:00Z",
        "conclusion": "Pneumothorax.",
    }
    record = read(report)

    assert len(record.entries) == 1
    assert record.known_at(1709632800.0).entries == ()


def test_a_value_counts_from_when_it_was_issued() -> None:
    record = read(observation(issued="2024-03-06T10:00:00Z"))

    assert record.known_at(1709632800.0).entries == ()
    assert len(record.known_at(1709720000.0).entries) == 1


def test_the_end_of_a_condition_is_not_known_before_it() -> None:
    record = read(condition(clinical="resolved", abatementDateTime="2021-01-01T00:00:00Z"))

    before, after = record.known_at(1577836800.0), record.known_at(1640995200.0)
    assert [e.value for e in before.entries] == [None]
    assert [e.value for e in after.entries] == [None, "past"]


def test_times_without_a_zone_get_the_configured_one() -> None:
    (entry,) = read(observation(effectiveDateTime="2024-07-05T10:00:00")).entries

    assert entry.at_wall_s == 1720166400.0  # 08:00 UTC, in summer


@pytest.mark.parametrize(
    "wrong",
    [
        observation(status="SECRET"),
        observation(interpretation=[concept("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "SECRET")]),
        observation(valueQuantity={"value": 5, "comparator": "SECRET", "code": "Cel"}),
        observation(valueQuantity={"value": 384, "code": "Cel", "system": UCUM}),
        observation(valueQuantity={"value": "SECRET", "code": "Cel"}),
        observation(valueQuantity={"value": 38, "code": "SECRET", "system": UCUM}),
        observation(effectiveDateTime="SECRET"),
        observation(SECRET="SECRET"),
        observation(code="SECRET"),
        observation(valueQuantity=None),
        observation(subject={"reference": "Group/SECRET"}),
        condition(clinical="SECRET"),
        condition("SECRET"),
        condition(code=None),
        {"resourceType": "Procedure", "id": "x", "status": "SECRET", "subject": {"reference": "Patient/p1"}, "code": {"text": "x"}},
        {"resourceType": "MedicationRequest", "status": "active", "intent": "SECRET", "subject": {"reference": "Patient/p1"}},
        {"resourceType": "AllergyIntolerance", "criticality": "SECRET", "patient": {"reference": "Patient/p1"}, "code": {"text": "x"}},
        "SECRET",
    ],
)
def test_a_wrong_entry_is_left_out_with_one_line_that_tells_nothing(wrong: Any) -> None:
    record = read(wrong, condition())

    assert [e.id for e in record.entries] == ["Condition/c1"]
    (problem,) = record.problems
    assert "entry 2" in problem
    assert "SECRET" not in problem
    assert "384" not in problem


def test_a_wrong_gender_is_not_used() -> None:
    record = read(patient(gender="SECRET"), with_patient=False)

    assert record.patient.sex == ""
    assert record.patient.id == "MRN1"
    assert "gender" in record.problems[0]


@pytest.mark.parametrize(
    "resources",
    [
        [observation(subject={"reference": "Patient/SECRET"})],
        [observation(subject={"reference": "urn:uuid:22222222-2222-2222-2222-222222222222"})],
        [patient(id="p2", identifier=[{"system": "urn:hospital", "value": "SECRET", "type": {"coding": [{"code": "MR"}]}}])],
        [patient(id="p2", identifier=[], name=[{"family": "SECRET"}])],
    ],
)
def test_mixed_patients_are_refused_and_not_told(resources: list[Any]) -> None:
    with pytest.raises(InputError) as raised:
        read(*resources)

    assert "SECRET" not in str(raised.value)
    assert "patient" in str(raised.value)


def test_mixed_patients_without_a_patient_resource_are_refused() -> None:
    with pytest.raises(InputError):
        read(observation(), observation(id="o2", subject={"reference": "Patient/p2"}), with_patient=False)


def bundle_of(count: int) -> bytes:
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + b",".join([b'{"resource":{}}'] * count) + b"]}"


@pytest.mark.parametrize(
    "data",
    [
        bundle_of(MAX_ENTRIES + 1),
        bundle_of(1_000_000),
        b"[" * 5_000_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"resourceType":"Bundle","type":"collection","entry":' + b"[" * 60 + b"]" * 60 + b"}",
        b'{"resourceType":"Bundle","type":"SECRET"}',
        b'{"resourceType":"SECRET"}',
        b'{"resourceType":"Bundle","type":"collection","entry":{}}',
        b'{"x": NaN}',
        b'{"x": ' + b"1" * 10_000 + b"}",
        b"\xff\xfe",
        b"",
        b'"' + b"\\" * 1_000_001,
    ],
    ids=range(13),
)
def test_what_is_no_bundle_or_too_large_is_refused_soon(data: bytes) -> None:
    begun_s = time.monotonic()

    with pytest.raises(InputError) as raised:
        read_bundle(data, VIENNA, "record file 1 (FHIR)")

    assert time.monotonic() - begun_s < 10
    assert "SECRET" not in str(raised.value)
    assert len(str(raised.value)) < 300


def test_deep_nesting_inside_strings_is_no_nesting() -> None:
    assert read(condition(code={"text": "[" * 150})).problems == ()
