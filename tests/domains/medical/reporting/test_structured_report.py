"""A structured report is valid for DRAFT, final and amended versions, whatever the report holds, and says what was found."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from report_pieces import AMENDED, CHECKPOINT, DRAFT, FINAL, FINDINGS, MADE_WALL_S, REGIONS, VERSIONS, finding, no_files

from domains.medical.record import Record
from domains.medical.report import Coded, DraftReport, Finding, Measurement, Section, Status, Subject
from domains.medical.reporting import coding, structured_report
from domains.medical.reporting.composing import compose
from domains.medical.sign_off import SignedState
from domains.medical.study import KeyImage, Study

Drawn = tuple[Study, tuple[KeyImage, ...]]
HOSTILE = {
    "script": Subject(name="<script>alert(1)</script>, A", patient_id='"><img src=x>', issuer="<b>"),
    "formula": Subject(name="=cmd|'/c calc'!A0", patient_id="=1+1", issuer="@SUM(A1)"),
    "long": Subject(name="Ü" * 5000 + ", " + "x" * 5000, patient_id="9" * 500, issuer="i" * 500),
    "foreign": Subject(name="山田, 太郎", patient_id="مريض-٧", issuer="Κλινική", sex="X", birth_date="yesterday"),
    "delimiters": Subject(name="A^B=C\\D\x00\n\x1b[31m, ^^^", patient_id="a\\b\\c\r\n", birth_date="1960-02-31"),
    "empty": Subject(),
}

needs_validator = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed: apt install dicom3tools")


def errors(content: bytes, folder: Path) -> list[str]:
    """What dciodvfy calls an error."""
    path = folder / "report.dcm"
    path.write_bytes(content)
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, errors="replace")
    told = (done.stdout + done.stderr).splitlines()
    assert "Comprehensive3DSR" in told
    return [line for line in told if line.startswith("Error")]


def read(content: bytes) -> Any:
    return pydicom.dcmread(BytesIO(content))


def items(node: Any) -> list[Any]:
    """All content items below one."""
    below = list(node.get("ContentSequence", []))
    return below + [inner for item in below for inner in items(item)]


@needs_validator
@pytest.mark.parametrize("version", VERSIONS, ids=lambda v: v.state)
def test_a_whole_report_is_valid(drafted: DraftReport, version: SignedState, tmp_path: Path) -> None:
    assert errors(structured_report.render(drafted, version, no_files), tmp_path) == []


@needs_validator
@pytest.mark.parametrize("count", range(9))
@pytest.mark.parametrize("has_images", [True, False])
def test_any_number_of_findings_is_valid(film: Drawn, count: int, has_images: bool, tmp_path: Path) -> None:
    study, images = film
    findings = tuple(finding(f"finding {n}", n / 8) for n in range(count))
    report = compose(study, images if has_images else (), None, (), findings, CHECKPOINT if count else None, made_wall_s=MADE_WALL_S)
    report = report if has_images else report.model_copy(update={"series": {}, "class_uids": {}})
    assert errors(structured_report.render(report, VERSIONS[count % 3], no_files), tmp_path) == []


@needs_validator
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_identities_are_valid_and_only_text(
    drafted: DraftReport, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    report = drafted.model_copy(
        update={"subject": HOSTILE[name], "accession": HOSTILE[name].patient_id, "study_description": HOSTILE[name].name}
    )
    version = SignedState("final", 2, HOSTILE[name].name or "Pryce, Ada", MADE_WALL_S)
    content = structured_report.render(report, version, no_files)
    assert errors(content, tmp_path) == []
    if name in ("script", "foreign"):
        assert str(read(content).PatientName).replace("^", ", ") == HOSTILE[name].name
    assert not caplog.records  # nor a warning: they quote names


@needs_validator
def test_hostile_findings_measurements_and_uids_are_valid(drafted: DraftReport, tmp_path: Path) -> None:
    code = Coded(scheme="SCT", code="x" * 400, meaning="y" * 400)
    findings = (
        finding("<script>\\^=\x00" + "z" * 500, 0.5, code=code),
        finding("", 0.0, code=Coded(scheme="", code="", meaning="")),
        finding("\ud7ff\n" * 80, 1.0, code=Coded(scheme="A\\B", code="1\\2", meaning="\n")),
    )
    update: dict[str, Any] = {
        "findings": findings,
        "measurements": (Measurement(name="x" * 300, value=1e-30, unit="mm\\" * 30), Measurement(name="", value=-1.23456789e30, unit="")),
        "study_uid": "../../etc/passwd",
        "series": {"not a uid": ("1.2.3",), "1.2.4": ("also none", "1.2.04", "1" * 70), "1.2.5": ("1.2.6",)},
        "class_uids": {"1.2.3": "1.2.840.10008.5.1.4.1.1.1", "1.2.6": "../x"},
        "modalities": ("<b>",),
    }
    assert errors(structured_report.render(drafted.model_copy(update=update), DRAFT, no_files), tmp_path) == []


@needs_validator
def test_a_ct_of_300_slices_is_valid_and_names_them_all(tomogram: Drawn, tmp_path: Path) -> None:
    report = compose(*tomogram, None, (), FINDINGS, CHECKPOINT, regions=REGIONS, made_wall_s=MADE_WALL_S)
    content = structured_report.render(report, DRAFT, no_files)
    assert errors(content, tmp_path) == []
    document = read(content)
    kept = [*document.CurrentRequestedProcedureEvidenceSequence, *document.get("PertinentOtherEvidenceSequence", [])]
    named = {
        i.ReferencedSOPInstanceUID for study in kept for series in study.ReferencedSeriesSequence for i in series.ReferencedSOPSequence
    }
    assert len(named) == 300


@pytest.mark.parametrize(
    ("version", "flags"),
    [
        (DRAFT, ("PARTIAL", "UNVERIFIED", "PRELIMINARY")),
        (FINAL, ("COMPLETE", "VERIFIED", "FINAL")),
        (AMENDED, ("COMPLETE", "VERIFIED", "FINAL")),
    ],
)
def test_flags_say_whether_a_person_has_signed(drafted: DraftReport, version: SignedState, flags: tuple[str, str, str]) -> None:
    document = read(structured_report.render(drafted, version, no_files))
    assert (document.CompletionFlag, document.VerificationFlag, document.PreliminaryFlag) == flags
    assert document.SeriesDescription.startswith("DRAFT") == (version is DRAFT)
    if version.is_signed:
        assert str(document.VerifyingObserverSequence[0].VerifyingObserverName).startswith("Pryce^Ada")
        assert document.VerifyingObserverSequence[0].VerificationDateTime.startswith("20260101")
    else:
        assert "VerifyingObserverSequence" not in document


def test_a_version_has_its_own_uid_always_the_same_and_names_the_one_before(drafted: DraftReport) -> None:
    first, again, second = (read(structured_report.render(drafted, version, no_files)) for version in (DRAFT, DRAFT, FINAL))
    assert first.SOPInstanceUID == again.SOPInstanceUID != second.SOPInstanceUID
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    before = second.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert before.ReferencedSOPInstanceUID == first.SOPInstanceUID


def test_a_finding_is_a_group_with_probability_thresholds_status_and_region(drafted: DraftReport) -> None:
    document = read(structured_report.render(drafted, DRAFT, no_files))
    groups = [i for i in items(document) if i.ValueType == "CONTAINER" and i.ConceptNameCodeSequence[0].CodeMeaning == "Measurement Group"]
    assert len(groups) == 4
    told = {i.ConceptNameCodeSequence[0].CodeMeaning: i for i in items(groups[0])}
    assert told["Finding"].ConceptCodeSequence[0].CodeValue == "60046008"
    assert told["Presence of property"].ConceptCodeSequence[0].CodeMeaning == "Present"
    assert float(told["Probability"].MeasuredValueSequence[0].NumericValue) == pytest.approx(0.823)
    assert float(told[coding.THRESHOLD.meaning].MeasuredValueSequence[0].NumericValue) == pytest.approx(0.6)
    left, top, right, _, _, bottom = told["Image Region"].GraphicData[:6]
    assert (left, top, right, bottom) == pytest.approx((184.1, 1075.25, 828.45, 1857.25), abs=0.01)
    assert told["Algorithm Version"].TextValue == CHECKPOINT.sha256
    said = {i.ConceptNameCodeSequence[0].CodeMeaning: i for i in items(groups[2])}
    assert said["Presence of property"].ConceptCodeSequence[0].CodeMeaning == "Absent"
    assert said["Source of Measurement"].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == drafted.evidence[0].instance_uid


def test_every_sentence_is_in_it_with_its_pictures(drafted: DraftReport) -> None:
    document = read(structured_report.render(drafted, DRAFT, no_files))
    told = {i.TextValue: i for i in items(document) if i.ValueType == "TEXT"}
    assert {sentence.text for sentence in drafted.sentences} <= set(told)
    effusion = told[drafted.in_section(Section.FINDINGS)[0].text]
    assert effusion.ContentSequence[0].RelationshipType == "INFERRED FROM"
    assert any("DRAFT for review" in text for text in told)
    assert any("6,469 studies of IU X-Ray" in text for text in told)


def test_what_a_person_decided_is_said(drafted: DraftReport) -> None:
    changed = drafted.findings[1].model_copy(update={"status": Status.PRESENT, "by": "Pryce, Ada"})
    document = read(structured_report.render(drafted.model_copy(update={"findings": (changed,)}), FINAL, no_files))
    assert "consolidation: decided by Pryce, Ada" in {i.get("TextValue") for i in items(document)}


@pytest.mark.skipif(shutil.which("dsrdump") is None, reason="dsrdump is not installed: apt install dcmtk")
def test_dsrdump_shows_the_findings(drafted: DraftReport, tmp_path: Path) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(structured_report.render(drafted, FINAL, no_files))
    shown = subprocess.run(["dsrdump", "+Pl", path], check=True, capture_output=True, text=True).stdout
    for said in ("Pleural effusion", '"0.823"', "Indeterminate", "Pneumothorax is absent, with probability 97 %.", "VERIFIED"):
        assert said in shown


def test_a_name_without_a_known_code_has_the_same_private_one_everywhere(
    with_findings: Callable[[Sequence[Finding]], DraftReport],
) -> None:
    for report in (with_findings((finding("odd shadow", 0.9),)), with_findings((finding("pneumothorax", 0.2), finding("odd shadow", 0.1)))):
        codes = [
            i.ConceptCodeSequence[0] for i in items(read(structured_report.render(report, DRAFT, no_files))) if "ConceptCodeSequence" in i
        ]
        private = [c for c in codes if c.CodingSchemeDesignator == "99TRIVIUM"]
        assert [(c.CodeValue, c.CodeMeaning) for c in private] == [(coding.private("odd shadow").code, "odd shadow")]


def test_no_record_and_no_model_still_make_a_document(film: Drawn, record: Record) -> None:
    document = read(structured_report.render(compose(*film, record, (), (), None, made_wall_s=MADE_WALL_S), DRAFT, no_files))
    assert "No findings model was asked." in {i.get("TextValue") for i in items(document)}


def test_known_codes_are_those_of_the_standard() -> None:
    from pydicom.sr._concepts_dict import concepts

    known = {code for scheme in concepts.values() for names in scheme.values() for code in names}
    ours = [
        *coding.SECTIONS.values(),
        *coding.SENTENCES.values(),
        *coding.PROCEDURES.values(),
        coding.PRESENT,
        coding.PRESENCE,
        coding.PROBABILITY,
    ]
    unknown = {c.code for c in ours if c.code not in known}
    assert unknown == {coding.PROCEDURES["MR"].code}  # SNOMED CT's own, in no context group
