"""FHIR resources, one by one, as entries of a record: what they say, since when it was known, and whether it is denied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from domains.medical.record import Entry, EntryKind
from domains.medical.records.analytes import LOINC, PANELS, analyte_of, plain_name
from domains.medical.records.cleaning import MAX_NAME_CHARACTERS, clean
from domains.medical.records.measuring import Unusable, measured
from domains.medical.records.times import wall_s

PAST, SUSPECTED, PLANNED = "past", "suspected", "planned"
MAX_COMPONENTS = 100
_UCUM = "http://unitsofmeasure.org"
_CATEGORIES = {
    "vital-signs": EntryKind.VITAL,
    "laboratory": EntryKind.LABORATORY,
    "imaging": EntryKind.REPORT,
    "procedure": EntryKind.REPORT,
}


@dataclass(slots=True)
class Context:
    """What resources need besides themselves.

    Attributes:
        zone: of times without one.
        medications: the Medication resources of the bundle by id.
        notes: what is to be said of the resource just read.
    """

    zone: ZoneInfo
    medications: Mapping[str, Mapping[str, Any]]
    notes: list[str] = field(default_factory=list)

    def taken_notes(self) -> list[str]:
        notes, self.notes = self.notes, []
        return notes


def _condition(one: Any, id_: str, context: Context) -> list[Entry]:
    verified, clinical = _code(one.verificationStatus), _code(one.clinicalStatus)
    _not_in_error(verified)
    known_s = _first_time(context, one.recordedDate, one.onsetDateTime, _start(one.onsetPeriod))
    ended_s = _first_time(context, one.abatementDateTime, _end(one.abatementPeriod))
    is_over = clinical in ("inactive", "remission", "resolved")
    value = SUSPECTED if verified in ("unconfirmed", "provisional", "differential") else None
    entry = _named(id_, EntryKind.CONDITION, one.code, at=known_s, negated=verified == "refuted", value=value)
    return _until(entry, is_over, ended_s)


def _medication_statement(one: Any, id_: str, context: Context) -> list[Entry]:
    _not_in_error(one.status)
    known_s = _first_time(context, one.dateAsserted, one.effectiveDateTime, _start(one.effectivePeriod))
    value = PLANNED if one.status == "intended" else None
    name = _medication(one, context)
    entry = _named(id_, EntryKind.MEDICATION, name, at=known_s, negated=one.status == "not-taken", value=value)
    return _until(entry, one.status in ("completed", "stopped"), _first_time(context, _end(one.effectivePeriod)))


def _medication_request(one: Any, id_: str, context: Context) -> list[Entry]:
    _not_in_error(one.status)
    if one.status in ("cancelled", "draft") or one.intent in ("proposal", "plan", "option"):
        raise Unusable("it was never ordered")
    entry = _named(
        id_,
        EntryKind.MEDICATION,
        _medication(one, context),
        at=_first_time(context, one.authoredOn),
        negated=bool(one.doNotPerform),
    )
    return _until(entry, one.status in ("completed", "stopped"), None)


def _allergy(one: Any, id_: str, context: Context) -> list[Entry]:
    verified = _code(one.verificationStatus)
    _not_in_error(verified)
    known_s = _first_time(context, one.recordedDate, one.onsetDateTime, _start(one.onsetPeriod))
    value = SUSPECTED if verified in ("unconfirmed", "presumed") else None
    entry = _named(id_, EntryKind.ALLERGY, one.code, at=known_s, negated=verified == "refuted", value=value)
    return _until(entry, _code(one.clinicalStatus) in ("inactive", "resolved"), None)


def _procedure(one: Any, id_: str, context: Context) -> list[Entry]:
    _not_in_error(one.status)
    done_s = _first_time(context, one.performedDateTime, _end(one.performedPeriod), _start(one.performedPeriod))
    value = PLANNED if one.status in ("preparation", "on-hold") else None
    return [_named(id_, EntryKind.PROCEDURE, one.code, at=done_s, negated=one.status == "not-done", value=value)]


def _report(one: Any, id_: str, context: Context) -> list[Entry]:
    _not_in_error(one.status)
    if one.status in ("registered", "cancelled"):
        raise Unusable("it was never written")
    if not one.conclusion:
        raise Unusable("it has no conclusion in words")
    # the time of the examination is not the time of the report: only when it was issued tells since when it was known
    entry = _named(id_, EntryKind.REPORT, one.code, at=_first_time(context, one.issued))
    if one.status in ("partial", "preliminary"):
        context.notes.append("a preliminary report was used")
    return [_with_words(entry, str(one.conclusion))]


def _observation(one: Any, id_: str, context: Context) -> list[Entry]:
    _not_in_error(one.status)
    if one.status in ("registered", "cancelled"):
        raise Unusable("nothing was observed")
    categories = [code for concept in one.category or [] for code in _codes(concept)]
    kind = next((_CATEGORIES[c] for c in categories if c in _CATEGORIES), EntryKind.HISTORY)
    taken = [
        _time(context, t) for t in (one.effectiveDateTime, one.effectiveInstant, _end(one.effectivePeriod), _start(one.effectivePeriod))
    ]
    known = [t for t in (next((t for t in taken if t is not None), None), _time(context, one.issued)) if t is not None]
    known_s = max(known, default=None)
    if kind is EntryKind.REPORT and one.issued is None:
        known_s = None
    made: list[Entry] = []
    parts = (one.component or [])[:MAX_COMPONENTS]
    for place, part in enumerate((one, *parts)):
        is_whole = place == 0
        if is_whole and parts and _value_name(part) is None:
            continue  # a panel, whose parts tell it
        try:
            made.append(_observed(part, f"{id_}:{place}" if place else id_, kind, known_s, one.code if not is_whole else None))
        except Unusable as error:
            if is_whole and not parts:
                raise
            context.notes.append(f"{'its value' if is_whole else f'component {place}'} was left out: {error}")
    if one.status == "preliminary" and made:
        context.notes.append("a preliminary value was used")
    return made


READERS: Mapping[str, Callable[[Any, str, Context], list[Entry]]] = {
    "Condition": _condition,
    "Observation": _observation,
    "MedicationStatement": _medication_statement,
    "MedicationRequest": _medication_request,
    "AllergyIntolerance": _allergy,
    "Procedure": _procedure,
    "DiagnosticReport": _report,
}


def _observed(part: Any, id_: str, kind: EntryKind, at: float | None, panel: Any) -> Entry:
    named = _named(id_, kind, part.code, at=at)
    if panel is not None and not any(c in PANELS for c in _codes(panel)) and analyte_of(named.name, named.code) is None:
        whole = _named(id_, kind, panel).name
        if whole not in named.name:
            named = replace(named, name=clean(f"{whole}: {named.name}", MAX_NAME_CHARACTERS))
    if part.valueQuantity is not None:
        return _quantity(part, named)
    if part.valueInteger is not None:
        return _number(named, float(part.valueInteger), "", *_bounds(part))
    if part.valueBoolean is not None:
        return replace(named, kind=EntryKind.SYMPTOM if kind is EntryKind.HISTORY else kind, negated=not part.valueBoolean)
    if part.valueCodeableConcept is not None:
        return _with_words(named, _words(part.valueCodeableConcept))
    if part.valueString is not None:
        return _with_words(named, str(part.valueString))
    raise Unusable("it has no value" if _value_name(part) is None else "its kind of value is not read")


def _quantity(part: Any, named: Entry) -> Entry:
    quantity = part.valueQuantity
    if quantity.value is None:
        raise Unusable("it has no value")
    unit = str((quantity.code if quantity.system == _UCUM else None) or quantity.unit or quantity.code or "")
    if quantity.comparator:
        low, high = _bounds(part)
        number = _number(named, float(quantity.value), unit, low, high)
        return replace(number, value=f"{quantity.comparator} {number.value:g} {number.unit}".strip(), unit="", low=None, high=None)
    return _number(named, float(quantity.value), unit, *_bounds(part, unit))


def _number(named: Entry, value: float, unit: str, low: float | None, high: float | None) -> Entry:
    loinc = named.code if named.system == LOINC else ""
    found = measured(named.name, value, unit, code=loinc, low=low, high=high, kind=named.kind)
    return replace(named, name=found.name, kind=found.kind, value=found.value, unit=found.unit, low=found.low, high=found.high)


def _bounds(part: Any, unit: str = "") -> tuple[float | None, float | None]:
    """The normal range, where it is in the value's own unit."""
    for given in part.referenceRange or []:
        codes = _codes(given.type)
        if codes and "normal" not in codes:
            continue
        ends = [end for end in (given.low, given.high) if end is not None and end.value is not None]
        if not ends or any((u := str(e.code or e.unit or "")) and u != unit and str(e.unit or "") != unit for e in ends):
            continue
        low, high = (None if end is None or end.value is None else float(end.value) for end in (given.low, given.high))
        return low, high
    return None, None


def _named(id_: str, kind: EntryKind, concept: Any, *, at: float | None = None, negated: bool = False, value: str | None = None) -> Entry:
    words = _words(concept)
    if not words:
        raise Unusable("its code has no words")
    coding = next((c for c in (concept.coding or []) if c.code), None)
    system, code = (clean(str(coding.system or ""), 200), clean(str(coding.code), 64)) if coding else ("", "")
    return Entry(id_, kind, clean(plain_name(words), MAX_NAME_CHARACTERS), value, system=system, code=code, at_wall_s=at, negated=negated)


def _words(concept: Any) -> str:
    """What a concept says in words: as written, else as its codes are displayed, else what the table calls them."""
    if concept is None:
        return ""
    codings = concept.coding or []
    known = next((a.name for c in codings if c.system == LOINC and c.code and (a := analyte_of(code=c.code))), "")
    displayed = next((c.display for c in codings if c.display), "")
    return clean(known or str(concept.text or "") or str(displayed or ""))


def _medication(one: Any, context: Context) -> Any:
    if one.medicationCodeableConcept is not None:
        return one.medicationCodeableConcept
    reference = str(one.medicationReference.reference or "") if one.medicationReference else ""
    found = next((c.code for c in one.contained or [] if reference == f"#{c.id}" and c.get_resource_type() == "Medication"), None)
    if found is not None:
        return found
    referred = context.medications.get(reference.rpartition("/")[2])
    if referred is None:
        raise Unusable("its medication is not in the bundle")
    from fhir.resources.R4B.codeableconcept import CodeableConcept

    try:
        return CodeableConcept.model_validate(referred.get("code") or {})
    except ValueError:  # pydantic's, which repeats what it was given
        raise Unusable("its medication is not as FHIR R4 has it") from None


def _until(entry: Entry, is_over: bool, ended_s: float | None) -> list[Entry]:
    """What is over is an entry of its own from its end on, so that before it nothing is known of the end."""
    if not is_over and ended_s is None:
        return [entry]
    over = replace(entry, value=PAST)
    if ended_s is None or (entry.at_wall_s is not None and ended_s <= entry.at_wall_s):
        return [over]
    return [entry, replace(over, id=f"{entry.id}:end", at_wall_s=ended_s)]


def _with_words(entry: Entry, words: str) -> Entry:
    if not (told := clean(words)):
        raise Unusable("it has no value")
    return replace(entry, value=told, text=told)


def _not_in_error(status: str | None) -> None:
    if status == "entered-in-error":
        raise Unusable("it was entered in error")


def _value_name(part: Any) -> str | None:
    return next(
        (n for n in type(part).model_fields if n.startswith("value") and not n.endswith("__ext") and getattr(part, n) is not None), None
    )


def _codes(concept: Any) -> list[str]:
    return [str(c.code) for c in (concept.coding or []) if c.code] if concept is not None else []


def _code(concept: Any) -> str:
    return next(iter(_codes(concept)), "")


def _start(period: Any) -> Any:
    return period.start if period is not None else None


def _end(period: Any) -> Any:
    return period.end if period is not None else None


def _first_time(context: Context, *written: Any) -> float | None:
    return next((t for t in (_time(context, w) for w in written) if t is not None), None)


def _time(context: Context, written: datetime | date | str | None) -> float | None:
    if written is None:
        return None
    return wall_s(written.isoformat() if isinstance(written, date) else str(written), context.zone)
