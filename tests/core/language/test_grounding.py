"""The grounding check: what facts carry passes, whatever contradicts or exceeds them is dropped."""

from __future__ import annotations

import logging
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.language import Bound, Fact, ReasonKind, TimeSpan, answer, check, describe, word
from core.language.faithfulness.made import faithful, made_facts, spoilt
from core.language.faithfulness.oracle import is_faithful

RIGHT, LEFT, BOTH = frozenset({"right"}), frozenset({"left"}), frozenset({"bilateral"})
TEMPERATURE = Fact("t", "patient", "temperature", 38.4, "degC")
NO_PNEUMOTHORAX = Fact("n", "pneumothorax", negated=True)
EFFUSION = Fact("e", "effusion", laterality=LEFT, probability=0.72)
PERSON = Fact("p", "person", time=TimeSpan(12.0, 18.5))
PERSONS = Fact("c", "person", "count", 3)


@pytest.mark.parametrize("probability", [None, 0.72])
def test_negated_finding_never_becomes_label_and_score(probability: float | None) -> None:
    fact = Fact("n", "pneumothorax", negated=True, probability=probability)
    for text in ("pneumothorax 0.72", "Pneumothorax: 0.72.", "There is a pneumothorax, with probability 0.72.", "Pneumothorax is likely."):
        verdict = check(text, [fact])
        assert not verdict.ok
        assert ReasonKind.NEGATION in verdict.reasons


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("There is no pneumothorax.", NO_PNEUMOTHORAX),
        ("No evidence of pneumothorax.", NO_PNEUMOTHORAX),
        ("The patient's temperature is 38.4 °C.", TEMPERATURE),
        ("The patient's temperature is 101.1 °F.", TEMPERATURE),
        ("The patient has a temperature of thirty-eight point four degrees Celsius.", TEMPERATURE),
        ("There is probably an effusion on the left.", EFFUSION),
        ("Left-sided effusion with a probability of 72 %.", EFFUSION),
        ("A person is visible from 12 to 18.5 s.", PERSON),
        ("A person was seen for 6.5 seconds.", PERSON),
        ("A person is seen from 0:12 to 18.5 s.", PERSON),
        ("Three persons are visible.", PERSONS),
        ("There is an effusion on the left side.", Fact("b", "effusion", laterality=BOTH)),
        ("心脏 的 is 正常.".replace(" 的", ""), Fact("z", "心脏", "状态", "正常", language="zh")),
    ],
)
def test_sentence_that_a_fact_carries_passes(text: str, fact: Fact) -> None:
    assert check(text, [fact]).ok
    assert check(text, [fact]).fact_ids == (fact.id,)


@pytest.mark.parametrize(
    ("text", "fact", "reason"),
    [
        ("There is a pneumothorax.", NO_PNEUMOTHORAX, ReasonKind.NEGATION),
        ("The patient's temperature is 38.6 °C.", TEMPERATURE, ReasonKind.NUMBER),
        ("The patient's temperature is 38 °C.", TEMPERATURE, ReasonKind.NUMBER),
        ("The patient's temperature is 38.4 °F.", TEMPERATURE, ReasonKind.NUMBER),
        ("The patient's temperature is 38.4 mm.", TEMPERATURE, ReasonKind.UNIT),
        ("The patient's temperature is 38.4.", TEMPERATURE, ReasonKind.UNIT),
        ("The patient's temperature is elevated.", TEMPERATURE, ReasonKind.COMPARATIVE),
        ("The patient's temperature is above 38.4 °C.", TEMPERATURE, ReasonKind.COMPARATIVE),
        ("There is probably an effusion on the right.", EFFUSION, ReasonKind.LATERALITY),
        ("There is probably a bilateral effusion.", EFFUSION, ReasonKind.LATERALITY),
        ("There is an effusion on the left.", EFFUSION, ReasonKind.HEDGE),
        ("There is definitely an effusion on the left.", EFFUSION, ReasonKind.HEDGE),
        ("Left-sided effusion with a probability of 0.72 %.", EFFUSION, ReasonKind.NUMBER),
        ("There is possibly no effusion on the left.", EFFUSION, ReasonKind.NEGATION),
        ("The probability of an effusion is 0.72.", EFFUSION, ReasonKind.INCOMPLETE),
        ("A person may be visible.", PERSON, ReasonKind.HEDGE),
        ("A person is visible from 12 to 28.5 s.", PERSON, ReasonKind.TIME),
        ("A person is visible from 18.5 to 12 s.", PERSON, ReasonKind.TIME),
        ("A person was seen for 9 seconds.", PERSON, ReasonKind.TIME),
        ("A person is visible before 12 s.", PERSON, ReasonKind.NUMBER),
        ("Four persons are visible.", PERSONS, ReasonKind.NUMBER),
        ("All persons are visible.", PERSONS, ReasonKind.QUANTIFIER),
        ("Three persons and a suitcase are visible.", PERSONS, ReasonKind.NAME),
        ("A person named Anna is visible.", PERSON, ReasonKind.NAME),
        ("无气胸。", Fact("z", "气胸", language="zh"), ReasonKind.NAME),
        ("There is no effusion.", Fact("r", "effusion", laterality=RIGHT, negated=True), ReasonKind.LATERALITY),
        ("No person is visible.", Fact("q", "person", time=TimeSpan(1, 2), negated=True), ReasonKind.INCOMPLETE),
        ("Pneumothorax is not absent.", NO_PNEUMOTHORAX, ReasonKind.AMBIGUOUS),
    ],
)
def test_sentence_that_contradicts_or_exceeds_is_dropped_with_its_reason(text: str, fact: Fact, reason: ReasonKind) -> None:
    verdict = check(text, [fact])
    assert not verdict.ok
    assert reason in verdict.reasons


def test_one_sentence_may_rest_on_several_facts_but_not_mix_them() -> None:
    facts = [TEMPERATURE, Fact("o", "patient", "oxygen saturation", 88, "percent"), Fact("s", "patient", "sex", "male")]
    merged = "The patient is male and has a temperature of 38.4 °C, and the patient's oxygen saturation is 88 %."
    assert check(merged, facts).fact_ids == ("s", "t", "o")
    assert not check("The patient's temperature is 88 % and the patient's oxygen saturation is 38.4 °C.", facts).ok


def test_bare_noun_does_not_slip_through_under_its_neighbours_negation() -> None:
    facts = [Fact("a", "consolidation"), Fact("b", "effusion", negated=True)]
    assert not check("Consolidation and effusion are absent.", facts).ok
    assert not check("There is no effusion or consolidation.", facts).ok
    both = [Fact("a", "consolidation", negated=True), Fact("b", "effusion", negated=True)]
    assert check("There is no effusion or consolidation.", both).fact_ids == ("b", "a")


def test_value_that_changed_needs_its_time() -> None:
    facts = [
        Fact("1", "patient", "temperature", 38.4, "degC", time=TimeSpan(0, 1)),
        Fact("2", "patient", "temperature", 37.1, "degC", time=TimeSpan(5, 6)),
    ]
    assert check("The patient's temperature is 38.4 °C.", facts).reasons == (ReasonKind.AMBIGUOUS,)
    assert check("The patient's temperature is 38.4 °C from 0 to 1 s.", facts).fact_ids == ("1",)


def test_bound_must_be_told_as_one() -> None:
    fact = Fact("d", "D-dimer", "level", 500, "ng/ml", bound=Bound.ABOVE)
    assert not check("The D-dimer level is 500 ng/ml.", [fact]).ok


@given(st.integers(0, 10**6))
def test_templates_of_made_facts_always_pass_their_own_check(seed: int) -> None:
    facts = made_facts(seed)
    draft = describe(facts)
    assert not draft.dropped
    assert [s.fact_ids for s in draft.sentences] == [(f.id,) for f in facts]


def test_spoilt_sentences_of_every_kind_are_dropped() -> None:
    passed, kinds = [], set()
    for seed in range(150):
        facts, draw = made_facts(seed), random.Random(seed)
        for fact in facts:
            for sentence in spoilt(facts, fact, draw):
                kinds.add(sentence.kind)
                if check(sentence.text, facts).ok:
                    passed.append(sentence)
    assert len(kinds) == 19
    assert not passed


def test_faithful_wordings_that_are_not_the_templates_mostly_pass() -> None:
    good = [(check(faithful(f, random.Random(s)).text, facts).ok) for s in range(150) for facts in [made_facts(s)] for f in facts]
    assert sum(good) / len(good) >= 0.9


@given(st.text(max_size=1200))
def test_any_text_gets_a_verdict(text: str) -> None:
    assert not check(text, [NO_PNEUMOTHORAX, TEMPERATURE]).ok or "pneumothorax" in text.lower()


def test_long_sentence_with_many_joints_ends_quickly() -> None:
    facts = [Fact(f"f{n}", "a b", "count", n) for n in range(100)]
    assert not check("a b, and " * 100, facts).ok
    assert not check("1 a b, " * 11 + "x", facts).ok


def test_log_of_a_dropped_sentence_names_no_words_of_it(caplog: pytest.LogCaptureFixture) -> None:
    class Wrong:
        def write(self, facts: object) -> list[str]:
            return ["Mr Miller has a pneumothorax."]

    with caplog.at_level(logging.WARNING):
        draft = describe([Fact("fact-7", "pneumothorax", negated=True, is_patient_data=True)], Wrong())
    assert [s.text for s in draft.sentences] == ["There is no pneumothorax."]
    assert draft.dropped[0].text == "Mr Miller has a pneumothorax."
    assert "fact-7" in caplog.text
    assert "negation" in caplog.text
    assert "Miller" not in caplog.text
    assert "pneumothorax" not in caplog.text


def test_questions_are_answered_from_facts_or_not_at_all() -> None:
    facts = [TEMPERATURE, NO_PNEUMOTHORAX, EFFUSION, PERSON, Fact("a", "patient", "age", 63, "year")]
    assert answer("Is there a pneumothorax?", facts).text == "There is no pneumothorax."
    assert answer("What is the temperature?", facts).sentences[0].fact_ids == ("t",)
    assert answer("How old is the patient?", facts).sentences[0].fact_ids == ("a",)
    assert answer("When was a person seen?", facts).text == "There is a person from 12 to 18.5 s."
    for question in (
        "Does the patient smoke?",
        "Is there a large effusion?",
        "Is there an effusion on the right?",
        "When is the effusion?",
        "气胸?",
        "",
    ):
        assert answer(question, facts).text == "not stated"


def test_faulty_facts_are_refused() -> None:
    for faulty in (
        {"subject": " "},
        {"subject": "a", "probability": 1.2},
        {"subject": "a", "attribute": "count", "value": float("nan")},
        {"subject": "a", "laterality": frozenset({"west"})},
        {"subject": "a", "value": 3.0},
    ):
        with pytest.raises(InputError, match="fact 'x'"):
            Fact("x", **faulty)
    with pytest.raises(InputError, match="same id"):
        describe([TEMPERATURE, TEMPERATURE])


def test_oracle_tells_faithful_from_unfaithful_apart_from_the_check() -> None:
    assert is_faithful("The temperature of the patient is 38.4 °C.", TEMPERATURE)
    assert not is_faithful("The temperature of the patient is 38.4 °F.", TEMPERATURE)
    assert not is_faithful("pneumothorax 0.72", NO_PNEUMOTHORAX)
    assert not is_faithful("There is an effusion on the left side.", EFFUSION)
    assert is_faithful(word(EFFUSION), EFFUSION)
