"""A study is drafted end to end: with and without a record, of the right patient only, with what is missing said."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.alerts import Alert, EvidenceKind
from core.errors import InputError, ModelError
from domains.contract import ReportDraft
from domains.medical.config import MedicalSettings
from domains.medical.delivery import NOBODY, as_draft, deliver
from domains.medical.domain import MEDICAL
from domains.medical.drafting import Drafted, Drafting, record_of
from domains.medical.policy import FindingsPolicy, study_name
from domains.medical.reading import read_study
from domains.medical.report import DraftReport, Finding, Section, Status
from domains.medical.worklist import draft_worklist

NAME = "Sample"


class Kept:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.drafts: list[ReportDraft] = []
        self.alerts: list[Alert] = []
        self.pictures: list[tuple[str, EvidenceKind, bytes]] = []

    def draft(self, draft: ReportDraft) -> None:
        self.drafts.append(draft)

    def save(self, alert: Alert) -> None:
        self.alerts.append(alert)

    def attach(self, alert_id: str, kind: EvidenceKind, content: Any, media_type: str, name: str, start_s: float | None = None) -> None:
        self.pictures.append((alert_id, kind, content))


@pytest.fixture(scope="module")
def drafting() -> Iterator[Drafting]:
    with Drafting(MedicalSettings(), now=lambda: 1_600_000_000.0) as one:
        yield one


@pytest.fixture(scope="module")
def drafted(drafting: Drafting, sample_data: Path) -> Drafted:
    folder = sample_data / "medical"
    texts = [(folder / "symptoms.txt").read_text()]
    (only,) = drafting.draft_place(folder / "study", records=[folder / "record.json"], texts=texts)
    return only


def with_finding(drafted: Drafted, status: Status, probability: float) -> Drafted:
    picture = next(e for e in drafted.report.evidence if e.kind == "picture")
    finding = Finding(name="abnormal lung", probability=probability, threshold=0.7, absent_below=0.2, status=status, evidence=(picture.id,))
    return replace(drafted, report=drafted.report.model_copy(update={"findings": (finding,)}))


def test_a_draft_tells_the_record_the_picture_and_what_is_missing(drafted: Drafted) -> None:
    report = drafted.report
    indication = " ".join(s.text for s in report.in_section(Section.INDICATION))

    assert "diabetes mellitus" in indication.lower()
    assert "Fever" in indication
    assert report.used[0] == "lung ultrasound picture"
    assert "no findings model was asked" in report.missing
    assert "no record was given" not in report.missing


def test_every_sentence_rests_on_evidence_that_is_there(drafted: Drafted) -> None:
    known = {evidence.id for evidence in drafted.report.evidence}

    assert drafted.report.sentences
    for sentence in drafted.report.sentences:
        assert sentence.evidence
        assert set(sentence.evidence) <= known


def test_every_picture_that_is_named_is_there_by_its_hash(drafted: Drafted) -> None:
    named = {e.image_sha256 for e in drafted.report.evidence if e.image_sha256}

    assert named
    for sha256 in named:
        assert hashlib.sha256(drafted.file(sha256)).hexdigest() == sha256


def test_a_study_without_a_record_is_drafted_all_the_same(drafting: Drafting, sample_data: Path) -> None:
    (only,) = drafting.draft_place(sample_data / "medical" / "study")

    assert {"no record was given", "no symptoms or history were given"} <= set(only.report.missing)


def test_a_record_of_another_patient_is_refused_without_naming_anyone(drafting: Drafting, sample_data: Path, tmp_path: Path) -> None:
    bundle = json.loads((sample_data / "medical" / "record.json").read_text())
    bundle["entry"][0]["resource"]["identifier"][0]["value"] = "OTHER-7"
    other = tmp_path / "other.json"
    other.write_text(json.dumps(bundle))

    with pytest.raises(InputError, match="different patients") as caught:
        list(drafting.draft_place(sample_data / "medical" / "study", records=[other]))
    assert NAME not in str(caught.value)
    assert "DEMO" not in str(caught.value)


def test_what_became_known_after_the_study_is_not_used(drafting: Drafting, sample_data: Path, tmp_path: Path) -> None:
    bundle = json.loads((sample_data / "medical" / "record.json").read_text())
    for entry in bundle["entry"][1:]:
        entry["resource"]["recordedDate"] = "2020-03-02"
    later = tmp_path / "later.json"
    later.write_text(json.dumps(bundle))

    (only,) = drafting.draft_place(sample_data / "medical" / "study", records=[later])

    assert not any("diabetes" in sentence.text.lower() for sentence in only.report.sentences)
    assert any("not known when the study was taken" in notice for notice in only.report.notices)


def test_nothing_of_the_patient_is_logged_or_printed(drafting: Drafting, sample_data: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        (only,) = drafting.draft_place(sample_data / "medical" / "study", records=[sample_data / "medical" / "record.json"])

    for text in (caplog.text, repr(only.report.subject), repr(only)):
        assert NAME not in text
        assert "DEMO-0219" not in text


def test_a_missing_model_is_said_before_anything_is_drafted(sample_data: Path, tmp_path: Path) -> None:
    with Drafting(MedicalSettings(models=[tmp_path / "gone"])) as one, pytest.raises(ModelError, match="gone"):
        list(one.draft_place(sample_data / "medical" / "study"))


def test_a_draft_is_kept_with_its_pictures_and_who_made_it(drafted: Drafted) -> None:
    draft = as_draft(drafted)

    assert draft.by == NOBODY
    assert DraftReport.model_validate(draft.body) == drafted.report
    assert {file.media_type for file in draft.files} == {"image/png"}


def test_what_reached_its_threshold_raises_one_alert_with_a_picture(drafted: Drafted) -> None:
    found, policy, sink = with_finding(drafted, Status.PRESENT, 0.9), FindingsPolicy(), Kept()

    first = deliver(found, sink, policy, 5.0)
    again = deliver(found, sink, policy, 6.0)

    assert (first, again, len(sink.drafts)) == (1, 0, 2)
    (alert,) = sink.alerts
    assert (alert.kind, alert.score, alert.domain) == ("finding:abnormal lung", 0.9, "medical")
    assert alert.source == study_name(drafted.report.study_uid)
    assert drafted.report.study_uid not in json.dumps([alert.source, alert.reason, dict(alert.details)])
    assert sink.pictures[0][0] == alert.id


@pytest.mark.parametrize("status", [Status.ABSENT, Status.ABSTAINED])
def test_what_is_absent_or_open_raises_nothing(drafted: Drafted, status: Status) -> None:
    sink = Kept()

    assert deliver(with_finding(drafted, status, 0.5), sink, FindingsPolicy(), 5.0) == 0
    assert sink.alerts == []


def test_the_worklist_is_a_draft_with_the_surest_first(drafted: Drafted) -> None:
    policy = FindingsPolicy()
    alerts = [*policy.step([with_finding(drafted, Status.PRESENT, 0.9).report], 0, 1.0)]
    other = with_finding(drafted, Status.PRESENT, 0.95)
    alerts += policy.step([other.report.model_copy(update={"study_uid": "1.2.3"})], 0, 1.0)

    lines = draft_worklist(alerts).splitlines()

    assert any("DRAFT" in line for line in lines)
    assert next(line for line in lines if line.startswith("- ")).startswith(f"- {study_name('1.2.3')}: abnormal lung 0.95")


def test_the_record_of_a_study_is_found_in_a_folder_of_records(sample_data: Path, tmp_path: Path) -> None:
    (study,) = read_study(sample_data / "medical" / "study", scratch=tmp_path)
    bundle = json.loads((sample_data / "medical" / "record.json").read_text())
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "a-broken.json").write_text("{")
    (tmp_path / "records" / "c-right.json").write_text(json.dumps(bundle))
    bundle["entry"][0]["resource"]["identifier"][0]["value"] = "OTHER-7"
    (tmp_path / "records" / "b-other.json").write_text(json.dumps(bundle))

    record = record_of(study, tmp_path / "records", timezone="UTC")

    assert record is not None
    assert record.patient.id == study.patient.id
    assert record_of(study, tmp_path, timezone="UTC") is None


def test_the_domain_yields_a_sample_a_study(sample_data: Path) -> None:
    source = MEDICAL.open(str(sample_data / "medical" / "study"), MedicalSettings())
    try:
        (sample,) = source
    finally:
        source.close()

    assert {m.value for m in sample.modalities} == {"image", "text"}
    assert "DEMO" not in repr(sample.id)


def test_the_domain_analyses_a_place_into_drafts(sample_data: Path) -> None:
    sink = Kept()

    counts = MEDICAL.analyse(str(sample_data / "medical" / "study"), MedicalSettings(), sink, None, lambda done, whole: None)  # type: ignore[arg-type]

    assert counts == {"studies": 1.0, "alerts": 0.0}
    assert len(sink.drafts) == 1
