"""Drafts say what is known, rest on evidence that exists, and say what is missing."""

from __future__ import annotations

import logging
import re

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from report_pieces import CHECKPOINT, EARLIER, FINDINGS, MADE_WALL_S, REGIONS, finding, read_instance

from core.language.facts import Fact
from domains.medical.record import Entry, EntryKind, Record
from domains.medical.report import Coded, DraftReport, Finding, Section, Status
from domains.medical.reporting.composing import compose
from domains.medical.reporting.finding_sentences import told_percent
from domains.medical.reporting.record_sentences import indication_lines, matters, value_lines
from domains.medical.reporting.study_sentences import earlier_of
from domains.medical.reporting.telling import QUOTATION, Line, quoted, settle
from domains.medical.study import KeyImage, Patient, Series, Study

Drawn = tuple[Study, tuple[KeyImage, ...]]
DIAGNOSES = re.compile(r"diagnos", re.IGNORECASE)


def texts(report: DraftReport, section: Section) -> list[str]:
    return [sentence.text for sentence in report.in_section(section)]


def test_a_film_with_a_record_reads_as_a_report(drafted: DraftReport) -> None:
    assert texts(drafted, Section.INDICATION) == [
        "Request: “CHEST PA, ?effusion”.",
        "History: “Cough and fever for 5 days. Ex-smoker.”",
        "Symptoms: “Cough for 5 days, <b>worse</b> at night.”",
        "Type 2 diabetes mellitus is recorded.",
        "No asthma is recorded.",
    ]
    assert texts(drafted, Section.TECHNIQUE) == ["Chest film, PA view."]
    assert texts(drafted, Section.COMPARISON) == [
        "Earlier study: CT of 2025-11-02, chest.",
        "Earlier study: film, date not stated.",
        "Earlier studies are named here and not compared by the software.",
    ]
    assert texts(drafted, Section.FINDINGS) == [
        "Pleural effusion is present, with probability 82 %; it is marked in chest film, PA.",
        "Not sure about consolidation; the probability is 41 %.",
        "Pneumothorax is absent, with probability 97 %.",
        "Rib fractures are absent, with probability 99.9 %.",
        "Temperature of the patient: 38.4 °C, high.",
        "Oxygen saturation of the patient: 91 %, low.",
        "C-reactive protein of the patient: 120 mg/L, high.",
        "Heart rate of the patient: 88 per minute.",
    ]
    assert texts(drafted, Section.IMPRESSION) == [
        "Pleural effusion is present, with probability 82 %.",
        "Not sure about consolidation; the probability is 41 %.",
        "The report was drafted by software, it is no diagnosis; a qualified person must review and sign it.",
    ]
    assert drafted.dropped == ()
    assert drafted.missing == ()


def test_earlier_reports_of_the_record_are_named(film: Drawn) -> None:
    earlier = earlier_of(Record(Patient(), (Entry("DiagnosticReport/d1", EntryKind.REPORT, "chest CT report", at_wall_s=1_750_000_000.0),)))
    report = compose(*film, None, (), (), None, earlier=earlier, made_wall_s=MADE_WALL_S)
    assert texts(report, Section.COMPARISON)[0] == "Earlier study: chest CT report of 2025-06-15."
    assert next(e.entry_id for e in report.evidence if e.id == "earlier-1") == "DiagnosticReport/d1"


def test_sections_stand_in_their_order(drafted: DraftReport) -> None:
    places = [list(Section).index(sentence.section) for sentence in drafted.sentences]
    assert places == sorted(places)
    assert len({sentence.id for sentence in drafted.sentences}) == len(drafted.sentences)


def test_a_tomogram_tells_slices_distance_and_windows(tomogram: Drawn) -> None:
    report = compose(*tomogram, None, (), (), None, made_wall_s=MADE_WALL_S)
    assert texts(report, Section.TECHNIQUE) == ["CT of the chest, 300 axial slices, 1.0 mm apart; lung and soft-tissue windows."]
    assert report.in_section(Section.TECHNIQUE)[0].evidence == ("image-1", "image-2")


def test_an_ultrasound_tells_its_frames() -> None:
    held, instance = read_instance("examples_ybr_color.dcm", modality="US", body_part="")
    study = Study(str(held.StudyInstanceUID), Patient(), None, "", "", (Series("1.2.3", "US", "", (instance,)),))
    report = compose(study, (), None, (), (), None, made_wall_s=MADE_WALL_S)
    assert texts(report, Section.TECHNIQUE) == [f"Ultrasound, 1 image, {instance.frames} frames."]
    assert "no pictures were given" in report.missing


def test_what_is_missing_is_said_and_the_report_is_drafted_all_the_same(film: Drawn) -> None:
    report = compose(*film, None, (), (), None, made_wall_s=MADE_WALL_S)
    assert report.missing == (
        "no record was given",
        "no symptoms or history were given",
        "no earlier study was given",
        "no findings model was asked",
    )
    assert texts(report, Section.COMPARISON) == ["No earlier study was given."]
    assert texts(report, Section.FINDINGS) == ["No findings model was asked."]
    assert texts(report, Section.TECHNIQUE) == ["Chest film, PA view."]


def test_an_indication_that_nobody_stated_is_said_to_be_so(tomogram: Drawn) -> None:
    report = compose(*tomogram, None, ("  \n ",), (), None, made_wall_s=MADE_WALL_S)
    assert texts(report, Section.INDICATION) == ["The indication is not stated."]


def test_an_empty_study_and_a_model_without_an_answer_are_said_to_be_so() -> None:
    report = compose(Study("", Patient(), None, "", "", ()), (), Record(Patient()), (), (), CHECKPOINT, made_wall_s=MADE_WALL_S)
    assert texts(report, Section.TECHNIQUE) == ["No pictures were given."]
    assert texts(report, Section.FINDINGS) == ["No answer was given by the findings model."]
    assert {"the study says no time", "no pictures were given", "the findings model gave no answer"} <= set(report.missing)


def test_impression_says_when_no_finding_reached_its_threshold(film: Drawn) -> None:
    report = compose(*film, None, (), (finding("nodule", 0.3), finding("pneumothorax", 0.02)), CHECKPOINT, made_wall_s=MADE_WALL_S)
    told = texts(report, Section.IMPRESSION)
    assert told[:2] == ["No finding reached its threshold.", "Not sure about nodule; the probability is 30 %."]
    assert "a qualified person must review and sign it" in told[-1]


def test_a_mark_is_evidence_with_its_region_and_its_pixels(drafted: DraftReport) -> None:
    mark = next(e for e in drafted.evidence if e.region is not None)
    assert (mark.region.x1, mark.region.y2) == (0.1, 0.95)  # type: ignore[union-attr]
    assert (mark.rows, mark.columns) == (1955, 1841)
    assert mark.id in drafted.findings[0].evidence
    assert mark.id in drafted.in_section(Section.FINDINGS)[0].evidence


def test_hashes_of_stored_pictures_reach_the_evidence(film: Drawn) -> None:
    stored = {"image_sha256": {"image-1": "11" * 32}, "overlay_sha256": {"pleural effusion": "22" * 32}}
    report = compose(*film, None, (), FINDINGS, CHECKPOINT, regions=REGIONS, made_wall_s=MADE_WALL_S, **stored)  # type: ignore[arg-type]
    kept = {e.id: (e.image_sha256, e.overlay_sha256) for e in report.evidence if e.kind == "picture"}
    assert kept == {"image-1": ("11" * 32, ""), "image-1-mark-2": ("11" * 32, "22" * 32)}


def test_a_region_of_an_unknown_picture_marks_nothing(film: Drawn) -> None:
    report = compose(
        *film, None, (), FINDINGS, CHECKPOINT, regions={"pleural effusion": ("image-9", (0, 0, 1, 1))}, made_wall_s=MADE_WALL_S
    )
    assert all(e.region is None for e in report.evidence)


def test_values_of_the_record_are_the_latest_and_those_out_of_range() -> None:
    entries = (
        Entry("a", EntryKind.VITAL, "temperature", 37.0, "degC", 36.0, 37.5, at_wall_s=1.0),
        Entry("b", EntryKind.VITAL, "temperature", 39.1, "degC", 36.0, 37.5, at_wall_s=2.0),
        Entry("c", EntryKind.LABORATORY, "sodium", 140.0, "mmol/L", 135.0, 145.0),
        Entry("d", EntryKind.LABORATORY, "lactate", float("nan"), "mmol/L", 0.0, 2.0),
    )
    assert [entry.id for entry in matters(Record(Patient(), entries))] == ["b"]


def test_what_a_report_has_no_room_for_is_counted(film: Drawn) -> None:
    entries = tuple(Entry(f"c{n}", EntryKind.CONDITION, f"condition {n}") for n in range(30))
    report = compose(*film, Record(Patient(), entries), (), (), None, made_wall_s=MADE_WALL_S)
    assert report.notices == ("18 of 30 conditions of the record are not told",)
    assert sum("is recorded" in text for text in texts(report, Section.INDICATION)) == 12


def test_a_unit_that_the_check_cannot_read_is_quoted_as_written(film: Drawn) -> None:
    entry = Entry("e", EntryKind.LABORATORY, "leukocytes", 14.2, "10*3/uL", 4.0, 10.0)
    report = compose(*film, Record(Patient(), (entry,)), (), (), None, made_wall_s=MADE_WALL_S)
    assert "Of the patient: “leukocytes 14.2 10*3/uL”, high." in texts(report, Section.FINDINGS)


def test_what_is_told_of_a_patient_is_marked_as_such(record: Record) -> None:
    ids = {entry.id: f"record-{n}" for n, entry in enumerate(record.entries)}
    lines = [*indication_lines(("history",), "request", record, ids, "given"), *value_lines(matters(record), ids)]
    assert lines
    assert all(fact.is_patient_data for line in lines for fact in line.facts)


P = Fact("p", "pleural effusion", probability=0.82)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (Line(Section.FINDINGS, "Pleural effusion is present, with probability 28 %.", (P,), ("e",)), "number"),
        (Line(Section.FINDINGS, "Pleural effusion is absent, with probability 82 %.", (P,), ("e",)), "negation"),
        (Line(Section.FINDINGS, "Pleural effusion is present.", (P,), ("e",)), "hedge"),
        (Line(Section.FINDINGS, "Left pleural effusion is present, with probability 82 %.", (P,), ("e",)), "laterality"),
        (Line(Section.FINDINGS, "Pleural effusion is present, with probability 82 %.", (P,), ()), "no evidence"),
        (Line(Section.FINDINGS, "Pleural effusion is present, with probability 82 %.", (P,), ("nowhere",)), "no evidence"),
        (
            Line(Section.INDICATION, f"History: {QUOTATION}.", (Fact("q", "history", "words", QUOTATION),), ("e",), "cancer", "cough"),
            "not as its source",
        ),
    ],
)
def test_a_sentence_that_is_not_grounded_is_dropped_and_named(line: Line, reason: str) -> None:
    kept, dropped = settle([line], ["e"])
    assert kept == ()
    assert reason in dropped[0]


def test_a_dropped_sentence_of_a_patient_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    line = Line(Section.INDICATION, "Zebedee is ill.", (Fact("q", "fever"),), ("e",))
    assert settle([line], ["e"])[1]
    assert "indication" in caplog.text
    assert "Zebedee" not in caplog.text


@given(st.text(max_size=3000))
def test_a_quotation_is_verbatim_and_cannot_be_broken_out_of(written: str) -> None:
    lines = quoted(Section.INDICATION, "History", written, ("e",), most=4)
    kept, dropped = settle(lines, ["e"])
    assert dropped == ()
    for sentence in kept:
        assert sentence.text.count("“") == sentence.text.count("”") == 1
        assert sentence.text.startswith("History: “")
        inner = sentence.text.partition("“")[2].rpartition("”")[0]
        plainly = "".join(c for c in re.sub(r"\s+", " ", written) if c.isprintable()).replace("“", '"').replace("”", '"')
        assert inner in plainly


names = st.one_of(
    st.sampled_from(
        ["pneumothorax", "pleural effusion", "rib fractures", "no finding", "left lower lobe nodule", "B-lines", "50 % stenosis"]
    ),
    st.text(min_size=0, max_size=40),
)


@st.composite
def judged(draw: st.DrawFn) -> Finding:
    low, high = sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))
    probability = draw(st.floats(0, 1))
    return finding(draw(names), probability, threshold=high, absent_below=low)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(findings=st.lists(judged(), max_size=6), history=st.lists(st.text(max_size=80), max_size=2), has_record=st.booleans())
def test_every_sentence_rests_on_evidence_and_tells_the_truth(
    film: Drawn, record: Record, findings: list[Finding], history: list[str], has_record: bool
) -> None:
    report = compose(*film, record if has_record else None, history, findings, CHECKPOINT, earlier=EARLIER, made_wall_s=MADE_WALL_S)
    ids = {e.id for e in report.evidence}
    assert len(ids) == len(report.evidence)
    assert all(sentence.evidence and ids.issuperset(sentence.evidence) for sentence in report.sentences)
    assert all(ids.issuperset(f.evidence) for f in report.findings)
    assert len(report.findings) == len(findings)
    by_model = {f.evidence[0]: f for f in report.findings}
    for sentence in report.in_section(Section.FINDINGS):
        told = by_model.get(sentence.evidence[0])
        if told is None:
            continue
        percent = float(re.findall(r"probability (?:is )?([\d.]+) %\.$", sentence.text)[0])
        truly = 100 * (1 - told.probability if told.status is Status.ABSENT else told.probability)
        assert abs(percent - min(max(truly, 0.1), 99.9)) <= 0.5 + 1e-9
        assert 0 < percent < 100
        says = re.findall(r" (?:is|are) (present|absent), with probability [\d.]+ %\.$", sentence.text)
        assert says == ([] if told.status is Status.ABSTAINED else [str(told.status)])
        assert sentence.text.startswith("Not sure about ") or told.status is not Status.ABSTAINED
    assert report.sentences[-1].evidence == ("maker",)


@given(st.floats(0, 1))
def test_a_probability_is_never_told_as_certain_and_both_sides_add_up(probability: float) -> None:
    assert 0.1 <= told_percent(probability) <= 99.9
    assert abs(told_percent(probability) - 100 * probability) <= 0.5 + 1e-9


def test_no_sentence_claims_a_diagnosis(drafted: DraftReport) -> None:
    claims = [s.text for s in drafted.sentences if DIAGNOSES.search(s.text)]
    assert claims == ["The report was drafted by software, it is no diagnosis; a qualified person must review and sign it."]


def test_a_report_survives_its_own_json(drafted: DraftReport) -> None:
    assert DraftReport.model_validate_json(drafted.model_dump_json()) == drafted


def test_a_code_that_was_given_stays(film: Drawn) -> None:
    code = Coded(scheme="SCT", code="36118008", meaning="Pneumothorax")
    report = compose(*film, None, (), (finding("pneumothorax", 0.9, code=code),), CHECKPOINT, made_wall_s=MADE_WALL_S)
    assert report.findings[0].code == code
