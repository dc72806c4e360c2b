"""What is said of the patient: why the study was asked for, and the values of the record that matter to whoever reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import tzinfo

from core.language.facts import Fact
from domains.medical.record import Entry, EntryKind, Level, Record
from domains.medical.report import Measurement, Section
from domains.medical.reporting.telling import QUOTATION, Line, day, fact, plain, quoted, short

MOST_VALUES = 16
MOST_CONDITIONS = 12
MOST_SYMPTOMS = 20
MOST_QUOTATIONS = 6  # of one text
UCUM = {
    "degC": "Cel",
    "degF": "[degF]",
    "percent": "%",
    "1/min": "/min",
    "mmHg": "mm[Hg]",
    "year": "a",
    "day": "d",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "": "1",
}
_SHOWN = {"degC": "°C", "degF": "°F", "percent": "%", "1/min": "per minute", "year": "years"}
HISTORY = "history"


def indication_lines(history: Sequence[str], request: str, record: Record | None, ids: Mapping[str, str], given: str) -> list[Line]:
    """Why the study was asked for.

    Args:
        history: symptoms and history as somebody wrote them; text n rests on evidence `history-n`.
        request: what was asked for, as written.
        record: what is known, or None.
        ids: entry id -> evidence id.
        given: evidence id of what came with the study.
    """
    lines = quoted(Section.INDICATION, "Request", request, (given,))
    for number, text in enumerate(history, 1):
        lines += quoted(Section.INDICATION, "History", text, (f"{HISTORY}-{number}",), most=MOST_QUOTATIONS)
    if record is not None:
        lines += _as_written(record.of(EntryKind.HISTORY), record.of(EntryKind.SYMPTOM), ids)
        for entry in _not_within(record)[:MOST_SYMPTOMS]:
            lines += _words(entry, ids[entry.id], "reported")
        for entry in record.of(EntryKind.CONDITION)[:MOST_CONDITIONS]:
            lines += _words(entry, ids[entry.id], "recorded")
    return lines or [
        Line(Section.INDICATION, "The indication is not stated.", (fact("none", "indication", "content", "not stated"),), (given,))
    ]


def _as_written(history: Sequence[Entry], symptoms: Sequence[Entry], ids: Mapping[str, str]) -> list[Line]:
    """A text at a time, its sentences together as they were written; it rests on them and on the symptoms that were read in them."""
    texts: dict[str, list[Entry]] = {}
    for entry in history:
        texts.setdefault(_text_of(entry), []).append(entry)
    lines: list[Line] = []
    for name, sentences in list(texts.items())[:MOST_SYMPTOMS]:
        within = [symptom for symptom in symptoms if _text_of(symptom) == name]
        evidence = tuple(ids[entry.id] for entry in (*sentences, *within))
        written = " ".join(entry.text or _told(entry) for entry in sentences)
        lines += quoted(Section.INDICATION, "History", written, evidence, most=MOST_QUOTATIONS)
    return lines


def _not_within(record: Record) -> tuple[Entry, ...]:
    """Symptoms that stand on their own, not read in a text that is quoted anyway."""
    texts = {_text_of(entry) for entry in record.of(EntryKind.HISTORY)}
    return tuple(entry for entry in record.of(EntryKind.SYMPTOM) if _text_of(entry) not in texts)


def _text_of(entry: Entry) -> str:
    """What an entry was read in: `symptoms.txt:3` and `symptoms.txt:3.1` are of `symptoms.txt`."""
    return entry.id.rpartition(":")[0] or entry.id


def not_told(record: Record) -> tuple[str, ...]:
    """How much of the record no sentence has room for."""
    told = {
        "symptoms": (len(_not_within(record)), MOST_SYMPTOMS),
        "texts": (len({_text_of(entry) for entry in record.of(EntryKind.HISTORY)}), MOST_SYMPTOMS),
        "conditions": (len(record.of(EntryKind.CONDITION)), MOST_CONDITIONS),
    }
    told["values that matter"] = (len(_mattering(record)), MOST_VALUES)
    return tuple(f"{number - most} of {number} {what} of the record are not told" for what, (number, most) in told.items() if number > most)


def matters(record: Record) -> tuple[Entry, ...]:
    """The latest of each vital sign, and of laboratory values those outside of their range; as many as a report has room for."""
    return _mattering(record)[:MOST_VALUES]


def _mattering(record: Record) -> tuple[Entry, ...]:
    latest = {
        entry.name: entry for entry in record.of(EntryKind.VITAL, EntryKind.LABORATORY) if entry.value is not None and not entry.negated
    }
    is_off = {Level.LOW, Level.HIGH}
    kept = [e for e in latest.values() if e.kind is EntryKind.VITAL or e.level in is_off]
    return tuple(sorted(kept, key=lambda e: (e.level not in is_off, e.kind is not EntryKind.VITAL)))


def _is_told(entry: Entry) -> bool:
    is_number = isinstance(entry.value, float | int)
    return entry.value is not None and not entry.negated and (not is_number or math.isfinite(float(entry.value)))


def value_lines(entries: Sequence[Entry], ids: Mapping[str, str]) -> list[Line]:
    """`Temperature of the patient: 38.4 °C, high.`"""
    return [_value(entry, ids[entry.id]) for entry in entries]


def measurements(entries: Sequence[Entry], ids: Mapping[str, str]) -> tuple[Measurement, ...]:
    """The numbers among them, with UCUM codes."""
    return tuple(
        Measurement(name=short(e.name), value=float(e.value), unit=UCUM.get(e.unit, e.unit), evidence=(ids[e.id],))
        for e in entries
        if isinstance(e.value, float | int)
    )


def label(entry: Entry, zone: tzinfo) -> str:
    """An entry for people: `temperature 38.4 °C (high), 2026-03-02 14:05`."""
    told = plain(entry.text).rstrip(".") if entry.text and entry.value is None else _told(entry)
    level = f" ({entry.level})" if entry.level in (Level.LOW, Level.HIGH) else ""
    when = "time not stated" if entry.at_wall_s is None else day(entry.at_wall_s, zone, with_time=True)
    return short(f"{'no ' if entry.negated else ''}{told}{level}", 400) + f", {when}"


def _told(entry: Entry) -> str:
    name = plain(entry.name)
    if entry.value is None:
        return name
    if isinstance(entry.value, str):
        return f"{name}: {plain(entry.value)}"
    return " ".join(part for part in (name, _number(float(entry.value)), _SHOWN.get(entry.unit, entry.unit)) if part)


def _words(entry: Entry, evidence: str, verb: str) -> list[Line]:
    """A symptom or condition in words; a longer text as a quotation."""
    opening = {EntryKind.SYMPTOM: "Symptoms", EntryKind.HISTORY: "History"}.get(entry.kind, "Known")
    if entry.text and not entry.negated:
        return quoted(Section.INDICATION, opening, entry.text, (evidence,), most=MOST_QUOTATIONS)
    told = _told(entry)
    quotation = quoted(Section.INDICATION, opening, f"no {told}" if entry.negated else told, (evidence,))
    if entry.value is not None or not (name := short(entry.name)):
        return quotation
    held = Fact("entry", name, negated=entry.negated, is_patient_data=True)
    text = f"No {name} is {verb}." if entry.negated else f"{name[:1].upper()}{name[1:]} is {verb}."
    return [Line(Section.INDICATION, text, (held,), (evidence,), otherwise=next(iter(quotation), None))]


def _value(entry: Entry, evidence: str) -> Line:
    name = short(entry.name, 100) or "value"
    source = _told(entry)
    facts = [fact("quoted", "patient", "words", QUOTATION, is_patient_data=True)]
    quotation = Line(Section.FINDINGS, f"Of the patient: {QUOTATION}", tuple(facts), (evidence,), short(source, 300), source)
    opening = f"{name[:1].upper()}{name[1:]} of the patient"
    if isinstance(entry.value, str):
        words = short(entry.value)
        if not words:
            return quotation
        told = fact("value", "patient", name, words, is_patient_data=True)
        return Line(Section.FINDINGS, f"{opening}: {words}.", (told,), (evidence,), otherwise=_levelled(quotation, entry))
    number = float(entry.value or 0.0)
    unit = _SHOWN.get(entry.unit, entry.unit)
    told = fact("value", "patient", name, number, entry.unit, is_patient_data=True)
    text = f"{opening}: {_number(number)}{' ' if unit else ''}{unit}"
    return _levelled(Line(Section.FINDINGS, text, (told,), (evidence,), otherwise=_levelled(quotation, entry)), entry)


def _levelled(line: Line, entry: Entry) -> Line:
    """With `, high` or `, low` where the reference range says so."""
    if entry.level not in (Level.LOW, Level.HIGH):
        return Line(line.section, line.text + ".", line.facts, line.evidence, line.quote, line.source, line.otherwise)
    level = fact("level", "patient", "level of it", str(entry.level), is_patient_data=True)
    return Line(line.section, f"{line.text}, {entry.level}.", (*line.facts, level), line.evidence, line.quote, line.source, line.otherwise)


def _number(value: float) -> str:
    return f"{value:.6g}" if 1e-4 <= abs(value) < 1e6 or value == 0 else f"{value:.10g}"
