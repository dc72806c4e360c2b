"""FHIR bundles validate, and say as much as the report and no more."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from hypothesis import given
from hypothesis import strategies as st
from report_pieces import AMENDED, DRAFT, FINAL, MADE_WALL_S, no_files
from test_structured_report import HOSTILE

from domains.medical.report import DraftReport, Subject
from domains.medical.reporting import fhir
from domains.medical.reporting.composing import compose
from domains.medical.sign_off import SignedState
from domains.medical.study import KeyImage, Study


def told(report: DraftReport, version: SignedState = DRAFT) -> dict[str, list[dict[str, Any]]]:
    """Resources by type, after FHIR's own models have taken them."""
    bundle = json.loads(fhir.render(report, version, no_files))
    Bundle.model_validate(bundle)
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in bundle["entry"]:
        found.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    return found


@pytest.mark.parametrize(
    ("version", "status"),
    [(DRAFT, "preliminary"), (FINAL, "final"), (AMENDED, "amended"), (SignedState("amended-draft", 3), "preliminary")],
)
def test_status_says_whether_a_person_has_signed(drafted: DraftReport, version: SignedState, status: str) -> None:
    resources = told(drafted, version)
    report = DiagnosticReport.model_validate(resources["DiagnosticReport"][0])
    assert report.status == status
    assert {o["status"] for o in resources["Observation"]} == {status}
    assert ("Practitioner" in resources) == version.is_signed
    assert ("resultsInterpreter" in resources["DiagnosticReport"][0]) == version.is_signed


def test_references_resolve_within_the_bundle(drafted: DraftReport) -> None:
    bundle = json.loads(fhir.render(drafted, FINAL, no_files))
    urls = {entry["fullUrl"] for entry in bundle["entry"]}
    assert len(urls) == len(bundle["entry"])

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["reference"]] if "reference" in value else []
            return own + [r for inner in value.values() for r in references(inner)]
        return [r for inner in value for r in references(inner)] if isinstance(value, list) else []

    assert set(references(bundle)) <= urls


def test_a_finding_is_an_observation_with_probability_and_thresholds(drafted: DraftReport) -> None:
    observations = {o["code"]["text"]: o for o in told(drafted)["Observation"]}
    effusion = observations["pleural effusion"]
    assert effusion["code"]["coding"][0] == {"system": "http://snomed.info/sct", "code": "60046008", "display": "Pleural effusion"}
    assert effusion["valueCodeableConcept"]["text"] == "present"
    assert [c["valueQuantity"]["value"] for c in effusion["component"]] == [0.823, 0.6, 0.2]
    assert observations["consolidation"]["interpretation"][0]["coding"][0]["code"] == "IND"
    assert observations["pneumothorax"]["interpretation"][0]["coding"][0]["code"] == "NEG"
    assert observations["temperature"]["valueQuantity"]["code"] == "Cel"


def test_the_narrative_holds_every_sentence_as_text(drafted: DraftReport) -> None:
    report = told(drafted)["DiagnosticReport"][0]
    words = "".join(ET.fromstring(report["text"]["div"]).itertext())
    for sentence in drafted.sentences:
        assert sentence.text in words
    assert "Not a diagnosis" in report["conclusion"]


def test_the_study_is_named_by_its_uid(drafted: DraftReport) -> None:
    study = told(drafted)["ImagingStudy"][0]
    assert study["identifier"][0]["value"] == f"urn:oid:{drafted.study_uid}"
    assert study["series"][0]["instance"][0]["uid"] == drafted.evidence[0].instance_uid


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_identities_validate(drafted: DraftReport, name: str) -> None:
    update = {"subject": HOSTILE[name], "accession": HOSTILE[name].name, "study_uid": "../x"}
    patient = told(drafted.model_copy(update=update), SignedState("final", 2, HOSTILE[name].name or "A", MADE_WALL_S))["Patient"][0]
    if name == "foreign":
        assert patient["name"][0] == {"text": "山田, 太郎", "family": "山田", "given": ["太郎"]}
        assert "birthDate" not in patient


@given(st.text(max_size=200))
def test_any_words_validate(drafted: DraftReport, text: str) -> None:
    sentence = drafted.sentences[-1].model_copy(update={"text": text or "-"})
    found = drafted.findings[0].model_copy(update={"name": text, "by": text})
    subject = Subject(name=text, patient_id=text, issuer=text)
    told(drafted.model_copy(update={"sentences": (sentence,), "findings": (found,), "subject": subject, "modalities": (text,)}))


def test_a_report_with_nothing_in_it_validates(tomogram: tuple[Study, tuple[KeyImage, ...]]) -> None:
    empty = Study("", tomogram[0].patient, None, "", "", ())
    resources = told(compose(empty, (), None, (), (), None, made_wall_s=MADE_WALL_S))
    assert "result" not in resources["DiagnosticReport"][0]
    assert "ImagingStudy" not in resources
