"""Read the files of one patient into one record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from core.errors import InputError
from domains.medical.record import Entry, EntryKind, Record, in_time
from domains.medical.records import fhir_bundle, free_text, vitals_csv
from domains.medical.records.analytes import analyte_of
from domains.medical.records.bounded_json import MAX_BYTES
from domains.medical.records.cleaning import bounded, plain_file_name
from domains.medical.records.patients import joined
from domains.medical.records.times import age_years, zone_named
from domains.medical.study import Patient

MAX_FILES = 100
ADULT_YEARS = 18
_KINDS = {".json": "FHIR", ".csv": "CSV", ".tsv": "CSV", ".txt": "text"}


def read_record(paths: Sequence[Path | str], *, texts: Sequence[str] = (), timezone: str = "UTC") -> Record:
    """Read a patient's record.

    Args:
        paths: FHIR R4 Bundles (`.json`), tables of values (`.csv`, `.tsv`), history and symptoms in words (`.txt`); of one patient.
        texts: history and symptoms as given in words.
        timezone: of times without a zone.

    Returns:
        One record; entries in order of time. What could not be used stands in its problems: by the number of the file, the line or
        the place, never by anything of the patient. Vital signs of adults without a reference range get the usual one.

    Raises:
        InputError: a file cannot be read, is too large, or is of another patient than the others.
        ConfigError: there is no such time zone.
    """
    if len(paths) > MAX_FILES or len(texts) > MAX_FILES:
        raise InputError(f"a record of more than {MAX_FILES} files or texts is not read; join them")
    zone = zone_named(timezone)
    names = _names([Path(p) for p in paths])
    records = [_read(Path(path), name, zone, f"record file {n}") for n, (path, name) in enumerate(zip(paths, names, strict=True), 1)]
    for number, text in enumerate(texts, 1):
        records.append(Record(Patient(), *free_text.entries_of(text, f"text-{number}", f"text {number}")))
    patient = reduce(joined, (record.patient for record in records), Patient())
    entries, ranged = _with_ranges(in_time(chain.from_iterable(r.entries for r in records)), patient)
    note = (f"{ranged} vital signs came without a reference range: the usual one of adults was used",) if ranged else ()
    return Record(patient, entries, (*bounded(chain.from_iterable(r.problems for r in records)), *note))


def _read(path: Path, name: str, zone: ZoneInfo, where: str) -> Record:
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{where} is none of {', '.join(_KINDS)}; give a FHIR Bundle, a CSV or a text")
    most = {"FHIR": MAX_BYTES, "CSV": vitals_csv.MAX_BYTES, "text": free_text.MAX_BYTES}[kind]
    where = f"{where} ({kind})"
    try:
        if not path.is_file():
            raise InputError(f"{where} is not there or no file")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error.strerror}") from None
    if len(data) > most:
        raise InputError(f"{where} has more than {most} bytes; split it")
    if kind == "FHIR":
        return fhir_bundle.read_bundle(data, zone, where)
    if kind == "CSV":
        return vitals_csv.read_csv(data, zone, name, where)
    return Record(Patient(), *free_text.entries_of(free_text.decoded(data, where), name, where))


def _names(paths: Sequence[Path]) -> list[str]:
    """A name for each file's entries; files of the same name are told apart by their number."""
    names = [plain_file_name(path) for path in paths]
    return [name if names.count(name) == 1 else f"{n}-{name}" for n, name in enumerate(names, 1)]


def _with_ranges(entries: Sequence[Entry], patient: Patient) -> tuple[tuple[Entry, ...], int]:
    """Vital signs of adults with the usual range where the record gives none; and how many."""
    told = next((e.value for e in entries if e.name == "age" and isinstance(e.value, float)), None)
    made: list[Entry] = []
    ranged = 0
    for entry in entries:
        analyte = analyte_of(entry.name) if entry.kind is EntryKind.VITAL and entry.low is None and entry.high is None else None
        years = age_years(patient.birth_date, entry.at_wall_s)
        years = told if years is None and isinstance(told, float) else years
        is_child = years is not None and years < ADULT_YEARS
        if analyte is None or analyte.low is None or isinstance(entry.value, str | None) or is_child:
            made.append(entry)
            continue
        made.append(replace(entry, low=analyte.low, high=analyte.high))
        ranged += 1
    return tuple(made), ranged
