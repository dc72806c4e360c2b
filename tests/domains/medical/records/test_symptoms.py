"""What plain sentences say of symptoms."""

import time

import pytest

from domains.medical.records.free_text import entries_of
from domains.medical.records.symptoms import symptoms_in


@pytest.mark.parametrize(
    ("sentence", "told", "denied"),
    [
        ("Cough for 5 days, no fever.", {"cough"}, {"fever"}),
        ("Denies fever, cough or chest pain but reports dyspnea.", {"shortness of breath"}, {"fever", "cough", "chest pain"}),
        ("No change in cough.", {"cough"}, set()),
        ("Fever: no. Cough: yes.", {"cough"}, {"fever"}),
        ("Fever absent, cough present.", {"cough"}, {"fever"}),
        ("No fever, cough present.", {"cough"}, {"fever"}),
        ("No fever, has cough.", {"cough"}, {"fever"}),
        ("cough, fever, no diarrhea", {"cough", "fever"}, {"diarrhea"}),
        ("Never had chest pain.", set(), {"chest pain"}),
        ("Patient without shortness of breath.", set(), {"shortness of breath"}),
        ("He doesn’t have a headache.", set(), {"headache"}),
        ("Fever has resolved.", set(), {"fever"}),
        ("negative for hemoptysis, chills, and night sweats", set(), {"hemoptysis", "chills", "night sweats"}),
        ("Not only cough, also fever.", {"cough", "fever"}, set()),
        ("Mother had cough.", set(), set()),
        ("Return if fever develops.", set(), set()),
        ("The coughdrop factory.", set(), set()),
        ("Fever, later no fever.", set(), set()),
    ],
)
def test_what_is_told_and_what_is_denied(sentence: str, told: set[str], denied: set[str]) -> None:
    found = symptoms_in(sentence)

    assert {s.name for s in found if not s.negated} == told
    assert {s.name for s in found if s.negated} == denied


@pytest.mark.parametrize(
    ("sentence", "lasting"),
    [
        ("Cough for 5 days", (5, "day")),
        ("3-day history of dry cough", (3, "day")),
        ("cough x 2 weeks", (2, "week")),
        ("cough for the past two weeks", (2, "week")),
        ("Cough, fever for 2 days", (None, "")),
        ("cough for 0 days", (None, "")),
    ],
)
def test_how_long_it_has_lasted(sentence: str, lasting: tuple[float | None, str]) -> None:
    cough = next(s for s in symptoms_in(sentence) if s.name == "cough")

    assert (cough.duration, cough.unit) == lasting


def test_long_and_twisted_text_is_read_in_bounded_time() -> None:
    begun_s = time.monotonic()

    symptoms_in("no " * 5000 + "cough for " + "1" * 5000)
    entries, problems = entries_of("no fever, " * 100_000 + ("x. " * 10_000), "t", "text 1")

    assert time.monotonic() - begun_s < 5
    assert len(entries) <= 1500
    assert problems


def test_sentences_and_symptoms_have_ids_by_place() -> None:
    entries, _ = entries_of("Seen by Dr. A. Smith.\nCough and fever, no chills.", "text-1", "text 1")

    assert [e.id for e in entries] == ["text-1:1", "text-1:2", "text-1:2.1", "text-1:2.2", "text-1:2.3"]
    assert [e.negated for e in entries] == [False, False, False, False, True]


def test_control_characters_do_not_survive() -> None:
    entries, _ = entries_of("cough\x1b[31m\u202e fever\x00.", "t", "text 1")

    assert all(e.text.isprintable() for e in entries)
