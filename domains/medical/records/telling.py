"""A record as sentences for a text encoder, as a row of a table, and as facts that a report may rest on."""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.errors import InputError
from core.language.facts import MAX_TEXT_CHARACTERS, Bound, Fact
from domains.medical.record import Entry, EntryKind, Level, Record
from domains.medical.records.cleaning import clean
from domains.medical.records.fhir_resources import PAST, PLANNED, SUSPECTED
from domains.medical.records.times import age_years
from domains.medical.records.units import in_a_name, shown

MAX_SENTENCES = 200
AGE_ID, SEX_ID = "patient#age", "patient#sex"
ADULT_YEARS = 18
_SEXES = {"F": "female", "M": "male", "O": "other"}
_PEOPLE = {"F": ("girl", "woman"), "M": ("boy", "man")}
_STATES = {
    EntryKind.CONDITION: {None: "{}", PAST: "past {}", SUSPECTED: "suspected {}"},
    EntryKind.MEDICATION: {None: "takes {}", PAST: "took {}", PLANNED: "is to take {}"},
    EntryKind.ALLERGY: {None: "allergy to {}", PAST: "past allergy to {}", SUSPECTED: "suspected allergy to {}"},
    EntryKind.PROCEDURE: {None: "{} done", PLANNED: "{} planned"},
}
_DENIED = {
    EntryKind.CONDITION: "no {}",
    EntryKind.MEDICATION: "does not take {}",
    EntryKind.ALLERGY: "no allergy to {}",
    EntryKind.PROCEDURE: "{} not done",
}


def age_at(record: Record, at: float | None) -> float | None:
    """Whole years at a time, by the birth date, else as the record tells it; None where neither is known."""
    years = age_years(record.patient.birth_date, at)
    if years is not None:
        return years
    told = [e.value for e in record.known_at(at).entries if e.name == "age" and isinstance(e.value, float | int)]
    return float(told[-1]) if told else None


def sentences(record: Record, at: float | None) -> tuple[str, ...]:
    """What was known at a time, in plain words.

    Args:
        record: of one patient.
        at: Unix time of the study, or None where it has none.

    Returns:
        Such as `65-year-old woman`, `temperature 38.4 °C (high)`, `cough for 5 days`, `no fever`, `type 2 diabetes mellitus`,
        `takes metformin`; the newest of each name, and free text as it was written. At most `MAX_SENTENCES`.
    """
    told = [_person(record, at), *(_sentence(entry) for entry in _current(record, at) if entry.name != "age")]
    return tuple(dict.fromkeys(s for s in told if s))[:MAX_SENTENCES]


def values(record: Record, at: float | None) -> dict[str, float | str | None]:
    """What was known at a time, as a row: the newest number or word of each name.

    Columns are named by what was measured and its unit (`temperature_degc`, `leukocytes_per_nl`), symptoms and conditions by
    their name (`symptom_cough`: `yes` or `no`), and there are always `age_years` and `sex`.
    """
    row: dict[str, float | str | None] = {"age_years": age_at(record, at), "sex": _SEXES.get(record.patient.sex)}
    for entry in _current(record, at):
        if entry.kind in (EntryKind.VITAL, EntryKind.LABORATORY) and entry.name != "age":
            is_number = isinstance(entry.value, float | int)
            row[column(entry.name, entry.unit) if is_number else column(entry.name, "words")] = entry.value
        elif entry.kind in (EntryKind.SYMPTOM, EntryKind.CONDITION) and entry.value not in (SUSPECTED, PAST):
            row[column(f"{entry.kind} {entry.name}", "")] = "no" if entry.negated else "yes"
    return row


def column(name: str, unit: str) -> str:
    """The name of a column: `temperature` in `degC` is `temperature_degc`."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")
    return "_".join(part for part in (plain, in_a_name(unit)) if part)


def facts(record: Record, at: float | None) -> tuple[Fact, ...]:
    """What was known at a time, as facts of a patient.

    Ids are the entries' own; what tells how long a symptom has lasted adds `#duration`, age and sex are `patient#age` and
    `patient#sex`. Free text is no fact, but the symptoms that were read in it are.
    """
    made: list[Fact] = []
    years, sex = age_at(record, at), _SEXES.get(record.patient.sex)
    if years is not None:
        made.append(Fact(AGE_ID, "patient", "age", years, "year", is_patient_data=True))
    if sex:
        made.append(Fact(SEX_ID, "patient", "sex", sex, is_patient_data=True))
    for entry in _current(record, at):
        made.extend(_facts(entry))
    return tuple(made)


def entry_id(fact_id: str) -> str:
    """The id of the entry that a fact is of."""
    return fact_id.partition("#")[0]


def _facts(entry: Entry) -> Iterable[Fact]:
    name = clean(entry.name, MAX_TEXT_CHARACTERS)
    try:
        if entry.kind in (EntryKind.VITAL, EntryKind.LABORATORY) and entry.name != "age":
            if isinstance(entry.value, str):
                yield _measured_in_words(entry, name)
            elif entry.value is not None:
                yield Fact(entry.id, "patient", name, float(entry.value), entry.unit, is_patient_data=True)
        elif entry.kind in (EntryKind.SYMPTOM, EntryKind.CONDITION) and entry.value not in (PAST, SUSPECTED):
            yield Fact(entry.id, name, negated=entry.negated, is_patient_data=True)
            if isinstance(entry.value, float | int):
                yield Fact(f"{entry.id}#duration", name, "duration", float(entry.value), f"{entry.unit}s", is_patient_data=True)
        elif entry.kind in (EntryKind.CONDITION, EntryKind.MEDICATION, EntryKind.ALLERGY, EntryKind.PROCEDURE):
            attribute = f"{entry.value} {entry.kind}" if isinstance(entry.value, str) else str(entry.kind)
            yield Fact(entry.id, "patient", attribute, name, negated=entry.negated, is_patient_data=True)
    except InputError:
        return  # what cannot be told in a sentence is in the record, but no report rests on it


def _measured_in_words(entry: Entry, name: str) -> Fact:
    """`< 5 mg/L` is a number with a bound; other words are words."""
    match = re.fullmatch(r"(<=?|>=?|≤|≥) (-?[0-9.e+-]+) ?(\S*)", str(entry.value))
    if match is None:
        return Fact(entry.id, "patient", name, clean(str(entry.value), MAX_TEXT_CHARACTERS), is_patient_data=True)
    bound = Bound.BELOW if match[1] in ("<", "<=", "≤") else Bound.ABOVE
    return Fact(entry.id, "patient", name, float(match[2]), match[3], bound=bound, is_patient_data=True)


def _current(record: Record, at: float | None) -> list[Entry]:
    """The newest entry of each name and every free text, in the order in which a person would tell them."""
    newest: dict[tuple[str, str], Entry] = {}
    for entry in record.known_at(at).entries:  # in order of time, those without one last: they came with the study
        is_text = entry.kind in (EntryKind.HISTORY, EntryKind.REPORT)
        key = (str(entry.kind), entry.id if is_text else entry.name)
        if is_text or key not in newest or _is_newer(entry, newest[key]):
            newest[key] = entry
    order = list(EntryKind)
    return sorted(newest.values(), key=lambda e: (_PLACE.get(e.kind, len(order)), order.index(e.kind)))


_PLACE = {kind: place for place, kind in enumerate((EntryKind.SYMPTOM, EntryKind.VITAL, EntryKind.LABORATORY, EntryKind.CONDITION))}


def _is_newer(one: Entry, other: Entry) -> bool:
    """By time; without one, whichever tells more."""
    if one.at_wall_s is None and other.at_wall_s is None:
        return one.negated == other.negated and other.value is None
    return one.at_wall_s is None or other.at_wall_s is None or one.at_wall_s >= other.at_wall_s


def _person(record: Record, at: float | None) -> str:
    years, sex = age_at(record, at), record.patient.sex
    if years is None:
        return {"F": "female patient", "M": "male patient"}.get(sex, "")
    noun = _PEOPLE.get(sex, ("child", "patient"))[years >= ADULT_YEARS]
    return f"{years:.0f}-year-old {noun}"


def _rounded(value: float) -> str:
    """As many digits as a person reads out."""
    return f"{round(value, 1 if abs(value) >= 10 else 2):.7g}" if abs(value) >= 0.1 else f"{value:.3g}"


def _sentence(entry: Entry) -> str:
    name = entry.name
    if entry.kind in _STATES:
        if entry.negated:
            return _DENIED[entry.kind].format(name)
        return _STATES[entry.kind].get(entry.value if isinstance(entry.value, str) else None, "{}").format(name)
    if entry.kind is EntryKind.SYMPTOM:
        if entry.negated:
            return f"no {name}"
        if isinstance(entry.value, float | int):
            return f"{name} for {entry.value:g} {entry.unit}{'' if entry.value == 1 else 's'}"
        return name
    if isinstance(entry.value, float | int):
        level = entry.level
        said = f" ({level})" if level in (Level.LOW, Level.HIGH) else ""
        unit = shown(entry.unit)
        return f"{name} {_rounded(entry.value)}{' ' if unit else ''}{unit}{said}"
    if entry.value is None:
        return f"no {name}" if entry.negated else name
    return str(entry.value) if entry.kind is EntryKind.HISTORY and name == "history" else f"{name}: {entry.value}"
