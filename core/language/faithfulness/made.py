"""Made fact sets, faithful sentences about them in several wordings, and the same sentences spoilt in one known way.

The wordings are this room's own, not the product's templates; the label of a spoilt sentence comes from how it was made.
"""
# ruff: noqa: ARG001, S311  every way of spoiling takes the same arguments; nothing here is a secret

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.language.facts import PRESENCE, Bound, Fact, TimeSpan

FINDINGS = ("pneumothorax", "pleural effusion", "consolidation", "rib fracture", "nodule", "lung opacity")
OBJECTS = ("person", "car", "bicycle", "dog", "backpack", "pedestrian")
NAMES = ("Anna Berg", "John Smith", "Maria Silva", "Li Wei", "Hamburg", "Door 3")
DRUGS = ("metformin", "aspirin", "warfarin", "insulin")
MEASURES = (
    ("patient", "temperature", "degC", 35.0, 41.0, 1),
    ("patient", "oxygen saturation", "percent", 80, 100, 0),
    ("patient", "heart rate", "1/min", 45, 140, 0),
    ("patient", "age", "year", 18, 95, 0),
    ("nodule", "diameter", "mm", 3, 30, 0),
    ("car", "speed", "km/h", 5, 130, 1),
    ("lead vehicle", "distance", "m", 4, 90, 1),
    ("room", "humidity", "percent", 20, 70, 0),
)
_UNITS = {"degC": "°C", "percent": "%", "1/min": "beats per minute", "year": "years", "mm": "mm", "km/h": "km/h", "m": "m"}
_WRONG_UNITS = {"degC": "°F", "percent": "mm", "1/min": "mmHg", "year": "months", "mm": "cm", "km/h": "m/s", "m": "km"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A sentence whose truth is known.

    Attributes:
        text: the sentence.
        is_faithful: whether the facts carry it.
        kind: the wording, or how it was spoilt.
        fact: the fact it was made from.
    """

    text: str
    is_faithful: bool
    kind: str
    fact: Fact


def made_facts(seed: int) -> tuple[Fact, ...]:
    """Two to five facts about different things."""
    draw = random.Random(seed)
    kinds = draw.sample([_finding, _finding, _seen, _measure, _measure, _count, _named], draw.randint(2, 5))
    facts: list[Fact] = []
    for number, kind in enumerate(kinds):
        fact = kind(draw, f"f{number}")
        if not any((f.subject, f.attribute) == (fact.subject, fact.attribute) for f in facts):
            facts.append(fact)
    return tuple(facts)


def _finding(draw: random.Random, identity: str) -> Fact:
    side = draw.choice([[], ["left"], ["right"], ["bilateral"], ["left", "lower"], ["right", "upper"]])
    probability = round(draw.uniform(0.06, 0.98), 2) if draw.random() < 0.3 else None
    return Fact(
        identity,
        draw.choice(FINDINGS),
        laterality=frozenset(side),
        negated=draw.random() < 0.4,
        probability=probability,
        is_patient_data=True,
    )


def _seen(draw: random.Random, identity: str) -> Fact:
    start = round(draw.uniform(1, 60), 1)
    return Fact(identity, draw.choice(OBJECTS), time=TimeSpan(start, round(start + draw.uniform(1, 20), 1)), negated=draw.random() < 0.2)


def _measure(draw: random.Random, identity: str) -> Fact:
    subject, attribute, unit, low, high, decimals = draw.choice(MEASURES)
    value = round(draw.uniform(low, high), decimals)
    return Fact(identity, subject, attribute, float(value), unit, bound=draw.choice([Bound.EXACT] * 8 + [Bound.ABOVE, Bound.BELOW]))


def _count(draw: random.Random, identity: str) -> Fact:
    return Fact(identity, draw.choice(OBJECTS), "count", draw.randint(2, 12))


def _named(draw: random.Random, identity: str) -> Fact:
    attribute, values = draw.choice([("name", NAMES[:4]), ("location", NAMES[4:]), ("medication", DRUGS)])
    return Fact(identity, "patient" if attribute != "location" else "camera", attribute, draw.choice(values), negated=draw.random() < 0.15)


def faithful(fact: Fact, draw: random.Random) -> Labelled:
    """The fact in one of several wordings."""
    wordings = _wordings(fact)
    number = draw.randrange(len(wordings))
    return Labelled(wordings[number], True, f"wording {number}", fact)


def _wordings(fact: Fact) -> list[str]:
    if fact.attribute == PRESENCE:
        return _presence_wordings(fact)
    no = "not " if fact.negated else ""
    if isinstance(fact.value, str):
        return [
            f"The {fact.subject}'s {fact.attribute} is {no}{fact.value}.",
            f"The {fact.attribute} of the {fact.subject} is {no}{fact.value}.",
        ]
    number = f"{fact.value:g}"
    if fact.attribute == "count":
        return [
            f"{number} {fact.subject}s are visible.",
            f"There are {_in_words(int(number))} {fact.subject}s.",
            f"{number} {fact.subject}s were detected.",
        ]
    bound = {Bound.EXACT: "", Bound.ABOVE: "above ", Bound.BELOW: "below "}[fact.bound]
    told = f"{bound}{number} {_UNITS[fact.unit]}"
    said = [
        f"The {fact.subject}'s {fact.attribute} is {told}.",
        f"The {fact.subject} has a {fact.attribute} of {told}.",
        f"The measured {fact.attribute} of the {fact.subject} was {told}.",
    ]
    if fact.unit == "degC":
        said.append(f"The {fact.subject}'s {fact.attribute} is {bound}{float(number) * 9 / 5 + 32:.1f} °F.")
    return said


def _presence_wordings(fact: Fact) -> list[str]:
    sides = [s for s in ("left", "right") if s in fact.laterality]
    zones = [z for z in ("upper", "lower") if z in fact.laterality]
    place = f" on the {' '.join([*sides, *zones])} side" if sides or zones else ""
    before = f"{'-'.join(sides)}-sided " if sides and not zones else ""
    if "bilateral" in fact.laterality:
        place, before = " on both sides", "bilateral "
    when = "" if fact.time is None else f" from {fact.time.start_s:g} s to {fact.time.end_s:g} s"
    sure = "" if fact.probability is None else f" with a probability of {fact.probability * 100:.0f} %"
    s = fact.subject
    if fact.negated:
        said = [
            f"No {s} is seen{place}{when}{sure}.",
            f"There is no evidence of a {s}{place}{when}{sure}.",
            f"A {s}{place} is absent{when}{sure}.",
        ]
    else:
        said = [f"A {s} is visible{place}{when}{sure}.", f"There is a {s}{place}{when}{sure}.", f"A {s} was detected{place}{when}{sure}."]
        if before:
            said.append(f"There is a {before}{s}{sure}.")
        if fact.probability is not None and fact.probability > 0.55:
            said.append(f"A {s} is probably present{place}.")
    return said


def _in_words(number: int) -> str:
    said = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
    return said[number] if number < len(said) else str(number)


Spoil = Callable[[Fact, Sequence[Fact], random.Random], str | None]


def spoilt(facts: Sequence[Fact], fact: Fact, draw: random.Random) -> list[Labelled]:
    """The fact told wrongly, once in every way that fits it."""
    found = []
    for kind, spoil in SPOILS.items():
        text = spoil(fact, facts, draw)
        if text is not None:
            found.append(Labelled(text, False, kind, fact))
    return found


def _told(fact: Fact, draw: random.Random) -> str:
    return faithful(fact, draw).text


def _flip(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.number is not None:
        return None
    return _told(replace(fact, negated=not fact.negated), draw)


def _label_and_score(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    return f"{fact.subject} {draw.uniform(0.5, 0.99):.2f}" if fact.attribute == PRESENCE and fact.negated else None


def _other_number(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.number is None:
        return None
    step = draw.choice([1, 2, 3, 10]) if fact.is_count or fact.number > 20 else draw.choice([0.6, 1.5])
    return _told(replace(fact, value=round(fact.number + step, 1)), draw)


def _other_unit(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.number is None or not fact.unit:
        return None
    return f"The {fact.subject}'s {fact.attribute} is {fact.number:g} {_WRONG_UNITS[fact.unit]}."


def _fraction(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.probability is None or fact.negated:
        return None
    return f"There is a {fact.subject} with a probability of {fact.probability:g} %."


def _other_side(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    other = {"left": "right", "right": "left", "bilateral": "left", "upper": "lower", "lower": "upper"}
    if fact.attribute != PRESENCE or not fact.laterality:
        return None
    if "bilateral" in fact.laterality and not fact.negated:
        return None  # 'on the left' follows from 'on both sides'
    changed = draw.choice(sorted(fact.laterality))
    return _told(replace(fact, laterality=(fact.laterality - {changed}) | {other[changed]}, probability=fact.probability), draw)


def _added_side(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.attribute != PRESENCE or fact.laterality or fact.time is not None:
        return None
    return f"There is {'no' if fact.negated else 'a'} {draw.choice(['left-sided', 'right-sided', 'bilateral'])} {fact.subject}."


def _other_time(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.time is None:
        return None
    moved = draw.choice([1.0, 5.0, 30.0])
    return _told(replace(fact, time=TimeSpan(fact.time.start_s, fact.time.end_s + moved)), draw)


def _other_duration(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.time is None or fact.negated:
        return None
    return f"A {fact.subject} is visible for {fact.time.duration_s + draw.choice([2, 10]):.1f} s."


def _other_name(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if not isinstance(fact.value, str):
        return None
    pool = [n for n in (*NAMES, *DRUGS) if n != fact.value]
    return _told(replace(fact, value=draw.choice(pool), negated=False), draw)


def _other_subject(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.attribute != PRESENCE:
        return None
    there = {f.subject for f in facts}
    return _told(replace(fact, subject=draw.choice([s for s in (*FINDINGS, *OBJECTS) if s not in there])), draw)


def _added_entity(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    return _told(fact, draw).rstrip(".") + draw.choice(
        [" and a suitcase.", " near the main entrance.", ", consistent with pneumonia.", " of Dr. Weber."]
    )


def _too_sure(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    return _told(replace(fact, probability=None), draw) if fact.probability is not None else None


def _added_doubt(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.attribute != PRESENCE or fact.probability is not None or fact.negated:
        return None
    return f"There {draw.choice(['may', 'might', 'could'])} be a {fact.subject}."


def _comparative(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.number is None or fact.is_count:
        return None
    return f"The {fact.subject}'s {fact.attribute} is {draw.choice(['elevated', 'increased', 'higher than normal', 'reduced', 'rising'])}."


def _bound(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.number is None or not fact.unit or fact.bound is not Bound.EXACT:
        return None
    return _told(replace(fact, bound=draw.choice([Bound.ABOVE, Bound.BELOW])), draw)


def _quantifier(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    if fact.attribute != "count":
        return None
    return draw.choice(["All {}s are visible.", "Several {}s are visible.", "No {} is visible.", "At least 20 {}s are visible."]).format(
        fact.subject
    )


def _swapped(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    """Another fact's number with this one's name."""
    others = [f for f in facts if f.number is not None and f.number != fact.number]
    if fact.number is None or not fact.unit or not others:
        return None
    other = draw.choice(others)
    return f"The {fact.subject}'s {fact.attribute} is {other.number:g} {_UNITS.get(other.unit, '')}".rstrip() + "."


def _shared_negation(fact: Fact, facts: Sequence[Fact], draw: random.Random) -> str | None:
    """Two findings of unlike sign told as one."""
    others = [f for f in facts if f.attribute == PRESENCE and f.negated != fact.negated]
    if fact.attribute != PRESENCE or not others:
        return None
    other = draw.choice(others)
    return draw.choice(["{} and {} are absent.", "There is no {} or {}.", "{} and {} are present."]).format(fact.subject, other.subject)


SPOILS: dict[str, Spoil] = {
    "negation flipped": _flip,
    "label and score for a negated finding": _label_and_score,
    "another number": _other_number,
    "another unit": _other_unit,
    "fraction told as percent": _fraction,
    "another side": _other_side,
    "a side added": _added_side,
    "another time": _other_time,
    "another duration": _other_duration,
    "another name": _other_name,
    "another subject": _other_subject,
    "something added": _added_entity,
    "told as certain": _too_sure,
    "doubt added": _added_doubt,
    "comparison added": _comparative,
    "a bound for a value": _bound,
    "quantifier": _quantifier,
    "numbers exchanged": _swapped,
    "negation shared": _shared_negation,
}
