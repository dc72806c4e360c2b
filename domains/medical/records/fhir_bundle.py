"""A FHIR R4 Bundle of one patient, as a patient and entries.

Every resource is checked by the models of `fhir.resources` and against the value sets that those do not check. A wrong one is
left out, with one line that says which by its place in the bundle; the rest is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import InputError
from domains.medical.record import Entry, Record
from domains.medical.records import value_sets
from domains.medical.records.bounded_json import loaded
from domains.medical.records.cleaning import MAX_NAME_CHARACTERS, bounded, clean
from domains.medical.records.fhir_resources import READERS, Context
from domains.medical.records.measuring import Unusable
from domains.medical.records.patients import Likeness, compared, joined
from domains.medical.records.times import birth_date_of
from domains.medical.study import Patient

MAX_ENTRIES = 20_000
_SEXES = {"female": "F", "male": "M", "other": "O"}
_PATIENT = re.compile(r"(?:^|/)Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?$")
_ZONELESS = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?")
_TIMES = (
    "effectiveDateTime",
    "issued",
    "onsetDateTime",
    "abatementDateTime",
    "recordedDate",
    "dateAsserted",
    "authoredOn",
    "performedDateTime",
)
_PERIODS = ("effectivePeriod", "onsetPeriod", "abatementPeriod", "performedPeriod")


def read_bundle(data: bytes, zone: ZoneInfo, where: str) -> Record:
    """Read a bundle.

    Args:
        data: JSON.
        zone: of times that have none.
        where: for errors and problems; holds no identifier.

    Raises:
        InputError: it is no bundle, too large, or of several patients. No message holds anything of a patient.
    """
    bundle = loaded(data, where)
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise InputError(f"{where} is no FHIR Bundle; export the patient's record as one")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or bundle.get("type") not in value_sets.BUNDLE_TYPE:
        raise InputError(f"{where} is no FHIR R4 Bundle: its entries or its type are wrong")
    if len(entries) > MAX_ENTRIES:
        raise InputError(f"{where} has {len(entries)} entries; at most {MAX_ENTRIES} are read: split it")
    problems: list[str] = []
    placed = [(place, resource) for place, entry in enumerate(entries, 1) if (resource := _resource(entry, place, where, problems))]
    patient, own = _patient(placed, entries, problems, where)
    found: dict[str, Entry] = {}
    context = Context(zone, {str(r.get("id")): r for _, r in placed if r["resourceType"] == "Medication" and r.get("id")})
    for place, resource in placed:
        kind = resource["resourceType"]
        if kind not in READERS:
            continue
        try:
            made = READERS[kind](_validated(kind, resource, zone, own), f"{kind}/{resource.get('id') or f'entry-{place}'}", context)
        except Unusable as error:
            problems.append(f"{where}, entry {place} ({kind}) was left out: {error}")
            continue
        for one in made:
            if one.id in found and found[one.id] != one:
                problems.append(f"{where}, entry {place} ({kind}): an entry of the same id came before; the newer was kept")
                if (found[one.id].at_wall_s or 0.0) > (one.at_wall_s or 0.0):
                    continue
            found[one.id] = one
        problems.extend(f"{where}, entry {place} ({kind}): {note}" for note in context.taken_notes())
    return Record(patient, tuple(found.values()), bounded(problems))


def _resource(entry: Any, place: int, where: str, problems: list[str]) -> dict[str, Any] | None:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
        return resource
    problems.append(f"{where}, entry {place} was left out: it has no resource")
    return None


def _validated(kind: str, resource: dict[str, Any], zone: ZoneInfo, own: frozenset[str]) -> Any:
    """The resource as a model, after it was held against the value sets.

    Raises:
        Unusable: it is wrong.
        InputError: it is of another patient.
    """
    subject = resource.get("patient" if kind == "AllergyIntolerance" else "subject")
    if isinstance(subject, Mapping) and isinstance(subject.get("reference"), str):
        if not _is_patient(subject["reference"]):
            raise Unusable("it is not about a patient")
        if not own & _names(subject["reference"]):
            raise InputError("the bundle holds entries of different patients; give a record of one patient")
    value_sets.check(resource)
    return _model(kind, _zoned(resource, zone))


def _model(kind: str, resource: dict[str, Any]) -> Any:
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        return get_fhir_model_class(kind).model_validate(resource)
    except ValueError as error:  # pydantic's, which repeats what it was given: never told
        errors = error.errors() if isinstance(error, ValidationError) else []
        element = ".".join(str(p) for p in errors[0]["loc"] if isinstance(p, str) and p.isidentifier())[:60] if errors else ""
        raise Unusable(f"FHIR R4 does not allow it{f' ({element})' if _is_known(kind, element) else ''}") from None
    except RecursionError:
        raise Unusable("it is nested too deep") from None


def _is_known(kind: str, element: str) -> bool:
    """Whether an element's name is FHIR's, not something that the file made up."""
    from fhir.resources.R4B import get_fhir_model_class

    return element.partition(".")[0] in get_fhir_model_class(kind).model_fields


def _zoned(resource: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """Times that lack their zone, which FHIR does not allow but many systems write, get the configured one."""
    from datetime import datetime

    def with_zone(value: Any) -> Any:
        if not isinstance(value, str) or not _ZONELESS.fullmatch(value):
            return value
        try:
            return datetime.fromisoformat(value[:26]).replace(tzinfo=zone).isoformat()
        except ValueError:
            return value

    changed = {name: with_zone(resource[name]) for name in _TIMES if name in resource}
    for name in _PERIODS:
        if isinstance(period := resource.get(name), dict):
            changed[name] = {**period, **{end: with_zone(period[end]) for end in ("start", "end") if end in period}}
    return {**resource, **changed}


def _patient(
    placed: Sequence[tuple[int, dict[str, Any]]], entries: Sequence[Any], problems: list[str], where: str
) -> tuple[Patient, frozenset[str]]:
    """The one patient, and the names by which references may call them."""
    patient, names, has_one = Patient(), set[str](), False
    for place, resource in placed:
        if resource["resourceType"] != "Patient":
            continue
        try:
            one = _described(resource, problems, f"{where}, entry {place} (Patient)")
        except Unusable as error:
            problems.append(f"{where}, entry {place} (Patient) was left out: {error}")
            one = Patient()
        own = _names_of(resource, entries[place - 1])
        if has_one and not (names & own) and (compared(patient, one) is not Likeness.SAME):
            raise InputError(f"{where} holds several patients; give a record of one patient")
        patient = joined(patient, one) if has_one else one
        names |= own
        has_one = True
    if not has_one:
        references = {n for _, r in placed for n in _subject_names(r)}
        if len(references) > 1:
            raise InputError(f"{where} holds entries of different patients; give a record of one patient")
        problems.append(f"{where} has no Patient: whose record it is cannot be told")
        names |= references
    return patient, frozenset(names)


def _described(resource: dict[str, Any], problems: list[str], where: str) -> Patient:
    plain = {k: v for k, v in resource.items() if k in ("resourceType", "id", "identifier", "name", "gender", "birthDate")}
    if "gender" in plain and plain["gender"] not in value_sets.GENDER:
        problems.append(f"{where}: gender is none of its codes and was not used")
        del plain["gender"]
    model = _model("Patient", plain)
    id_, issuer = _identifier(model.identifier or [])
    return Patient(id_, issuer, _name(model.name or []), birth_date_of(str(model.birthDate or "")), _SEXES.get(model.gender or "", ""))


def _identifier(identifiers: Sequence[Any]) -> tuple[str, str]:
    """The hospital's number (type MR) before others, what is in use before what is old."""

    def rank(one: Any) -> tuple[bool, bool]:
        codes = {c.code for c in ((one.type.coding if one.type else None) or [])}
        return ("MR" not in codes, one.use == "old")

    usable = sorted((i for i in identifiers if i.value and i.use != "old"), key=rank)
    if not usable:
        return "", ""
    assigner = usable[0].assigner.display if usable[0].assigner else ""  # what DICOM calls the issuer; a system is a URI
    issuer = assigner or usable[0].system or ""
    return clean(str(usable[0].value), MAX_NAME_CHARACTERS), clean(str(issuer), MAX_NAME_CHARACTERS)


def _name(names: Sequence[Any]) -> str:
    current = sorted((n for n in names if n.use != "old"), key=lambda n: n.use not in ("official", "usual", None))
    if not current:
        return ""
    given = " ".join(g for g in (current[0].given or []) if g)
    return clean(", ".join(part for part in (current[0].family or "", given) if part) or current[0].text or "", MAX_NAME_CHARACTERS)


def _names_of(resource: Mapping[str, Any], entry: Mapping[str, Any]) -> set[str]:
    url = entry.get("fullUrl")
    own = {url} if isinstance(url, str) else set()
    return own | ({f"Patient/{resource['id']}"} if isinstance(resource.get("id"), str) else set())


def _names(reference: str) -> set[str]:
    match = _PATIENT.search(reference)
    return {reference, f"Patient/{match[1]}"} if match else {reference}


def _is_patient(reference: str) -> bool:
    return bool(_PATIENT.search(reference)) or reference.startswith(("urn:uuid:", "urn:oid:"))


def _subject_names(resource: Mapping[str, Any]) -> set[str]:
    subject = resource.get("patient" if resource["resourceType"] == "AllergyIntolerance" else "subject")
    reference = subject.get("reference") if isinstance(subject, Mapping) and resource["resourceType"] in READERS else None
    if not isinstance(reference, str) or not _is_patient(reference):
        return set()
    match = _PATIENT.search(reference)
    return {f"Patient/{match[1]}" if match else reference}
