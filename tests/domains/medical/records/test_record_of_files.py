"""One record of several files, whose it is, what was known, and how it is told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ConfigError, InputError
from core.language.facts import Fact
from core.language.grounding import check
from core.language.wording import word
from domains.medical.record import Entry, EntryKind, Record
from domains.medical.records import belongs, entry_id, facts, read_record, sentences, values
from domains.medical.study import Patient, Study

TAKEN_S = 1709650000.0  # 2024-03-05 14:46 UTC
CSV = (
    "name,value,unit,time\ntemperature,37.0,Cel,2024-03-04T10:00Z\ntemperature,38.4,Cel,2024-03-05T10:00Z\n"
    "temperature,39.9,Cel,2024-03-05T20:00Z\nWBC,12.5,10*3/uL,2024-03-05T10:00Z\ncrp,<5,mg/L,2024-03-05T10:00Z\n"
)


def bundle(**who: object) -> str:
    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "gender": "female",
        "birthDate": "1958-06-04",
        "name": [{"family": "Doe", "given": ["Jane"]}],
    }
    condition = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "code": {"text": "Hypertension"},
        "recordedDate": "2020",
    }
    entries = [{"resource": patient | who}, {"resource": condition}]
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries})


@pytest.fixture
def record(tmp_path: Path) -> Record:
    (tmp_path / "b.json").write_text(bundle())
    (tmp_path / "v.csv").write_text(CSV)
    (tmp_path / "h.txt").write_text("Cough for 5 days, no fever.\n")
    return read_record([tmp_path / "b.json", tmp_path / "v.csv", tmp_path / "h.txt"], texts=["Smoker."])


def test_files_are_one_record_in_order_of_time(record: Record) -> None:
    assert [e.id for e in record.entries] == [
        "Condition/c1",
        "v.csv:2",
        "v.csv:3",
        "v.csv:5",
        "v.csv:6",
        "v.csv:4",
        "h.txt:1",
        "h.txt:1.1",
        "h.txt:1.2",
        "text-1:1",
    ]
    assert record.patient.name == "Doe, Jane"


def test_sentences_are_those_of_the_time(record: Record) -> None:
    assert sentences(record, TAKEN_S) == (
        "65-year-old woman",
        "cough for 5 days",
        "no fever",
        "temperature 38.4 °C (high)",
        "leukocytes 12.5 ×10⁹/L",
        "c-reactive protein: < 5 mg/L",
        "hypertension",
        "Cough for 5 days, no fever.",
        "Smoker.",
    )
    assert "temperature 39.9 °C (high)" in sentences(record, TAKEN_S + 86400)
    assert "temperature 37 °C" in sentences(record, TAKEN_S - 86400)


def test_values_are_a_row_of_stable_columns(record: Record) -> None:
    assert values(record, TAKEN_S) == {
        "age_years": 65.0,
        "sex": "female",
        "temperature_degc": 38.4,
        "leukocytes_per_nl": 12.5,
        "c_reactive_protein_words": "< 5 mg/L",
        "symptom_cough": "yes",
        "symptom_fever": "no",
        "condition_hypertension": "yes",
    }
    assert values(Record(Patient()), None) == {"age_years": None, "sex": None}


def test_facts_are_patient_data_and_their_sentences_are_grounded(record: Record) -> None:
    told = facts(record, TAKEN_S)

    assert all(f.is_patient_data for f in told)
    assert all(check(word(f), told).ok for f in told), [word(f) for f in told if not check(word(f), told).ok]
    entries = {e.id for e in record.entries}
    assert {entry_id(f.id) for f in told} - {"patient"} <= entries
    by_id = {f.id: f for f in told}
    assert by_id["v.csv:3"].number == 38.4
    assert by_id["h.txt:1.1#duration"].number == 5.0
    assert by_id["h.txt:1.2"].negated
    assert isinstance(by_id["patient#age"], Fact)


def test_hostile_entries_make_no_fact_and_no_error() -> None:
    entries = (
        Entry("a", EntryKind.CONDITION, "x" * 5000),
        Entry("b\n", EntryKind.CONDITION, "x"),
        Entry("c", EntryKind.VITAL, "t", float("inf")),
        Entry("d", EntryKind.SYMPTOM, " "),
        Entry("e", EntryKind.LABORATORY, "crp", "< 1e999 mg/L"),
    )

    assert [f.id for f in facts(Record(Patient(), entries), 0.0)] == ["a"]


def test_only_what_was_known_is_kept_and_the_rest_is_counted(record: Record) -> None:
    known = record.known_at(TAKEN_S)

    assert "v.csv:4" not in {e.id for e in known.entries}
    assert known.problems[-1] == "1 entries were left out: not known when the study was taken"
    assert record.known_at(None).problems[-1] == "the study has no time: the whole record was used"
    assert len(record.known_at(None).entries) == len(record.entries)


def test_the_usual_range_is_for_adults_and_is_said(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("name,value,unit,time\npulse,130,/min,2024-03-05T10:00Z\n")
    (tmp_path / "child.json").write_text(bundle(birthDate="2022-01-01"))

    adult, child = read_record([tmp_path / "v.csv"]), read_record([tmp_path / "v.csv", tmp_path / "child.json"])

    assert "heart rate 130 /min (high)" in sentences(adult, TAKEN_S)
    assert "the usual one of adults" in adult.problems[-1]
    assert sentences(child, TAKEN_S)[:2] == ("2-year-old girl", "heart rate 130 /min")


def test_files_of_one_name_have_ids_of_their_own(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "v.csv").write_text(CSV)

    ids = [e.id for e in read_record([tmp_path / "a" / "v.csv", tmp_path / "b" / "v.csv"]).entries]

    assert len(ids) == len(set(ids)) == 10


def test_mixed_files_are_refused_and_not_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,value,patient\nfoo,1,P-SECRET1\n")
    (tmp_path / "b.csv").write_text("name,value,patient\nfoo,1,P-SECRET2\n")

    with pytest.raises(InputError) as raised:
        read_record([tmp_path / "a.csv", tmp_path / "b.csv"])

    assert "SECRET" not in str(raised.value)


@pytest.mark.parametrize("name", ["SECRET.exe", "SECRET.json", "SECRET-folder.csv"])
def test_unreadable_files_are_refused_without_their_name(tmp_path: Path, name: str) -> None:
    if "folder" in name:
        (tmp_path / name).mkdir()

    with pytest.raises(InputError) as raised:
        read_record([tmp_path / name])

    assert "SECRET" not in str(raised.value)


def test_no_problem_line_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "Doe_Jane.csv").write_text("name,value,unit\ncrp,5,banana\n")

    assert all("Doe" not in problem for problem in read_record([tmp_path / "Doe_Jane.csv"]).problems)


def test_time_zones_have_names(tmp_path: Path) -> None:
    for name in ("Nowhere/City", "../../etc/passwd", ""):
        with pytest.raises(ConfigError):
            read_record([], timezone=name)


JANE = Patient("1", "urn:h", "Doe, Jane", "1958-06-04", "F")


@pytest.mark.parametrize(
    ("of_record", "of_study", "outcome"),
    [
        (JANE, JANE, "same"),
        (JANE, replace(JANE, id="2"), "other"),
        (JANE, replace(JANE, issuer="urn:other", id="2"), "same"),
        (JANE, replace(JANE, issuer="urn:other", id="2", name="Roe, Jane"), "other"),
        (JANE, replace(JANE, issuer="", name="DOE^JANÉ^MARY"), "same"),
        (JANE, replace(JANE, issuer="", birth_date="1960-01-01"), "other"),
        (JANE, replace(JANE, birth_date="1960-01-01"), "differs"),
        (replace(JANE, issuer=""), replace(JANE, issuer="", id="2"), "other"),
        (Patient(name="Doe, Jane", birth_date="1958-06-04"), JANE, "same"),
        (Patient(name="Doe, J.", birth_date="1958-06-04"), JANE, "same"),
        (Patient(name="Doe, Jane", sex="M"), JANE, "other"),
        (Patient(name="Roe, Jane"), JANE, "other"),
        (Patient(sex="F"), JANE, "untold"),
        (Patient(), JANE, "untold"),
        (JANE, Patient(), "untold"),
    ],
)
def test_whether_a_record_belongs_to_a_study(of_record: Patient, of_study: Patient, outcome: str) -> None:
    study = Study("1.2", of_study, TAKEN_S, "", "", ())
    if outcome == "other":
        with pytest.raises(InputError) as raised:
            belongs(Record(of_record), study)
        assert not any(word in str(raised.value) for word in ("Doe", "Roe", "Jane", "1958", "urn"))
        return

    notes = belongs(Record(of_record), study)

    assert len(notes) == {"same": 0, "differs": 1, "untold": 1}[outcome]
    assert not any("Doe" in note or "1958" in note for note in notes)
