"""Vital signs and laboratory values from CSV: a value a line, under headers that may be written in several ways.

| column    | also called                                                        | |
| ---       | ---                                                                | --- |
| `name`    | test, analyte, parameter, measurement, observation, vital, lab     | needed |
| `value`   | result, reading                                                    | needed |
| `unit`    | units, uom                                                         | |
| `time`    | date, datetime, timestamp, taken, observed, collected              | ISO 8601; a day alone counts from its end on |
| `low`     | reference low, ref low, lower, min, normal low                     | |
| `high`    | reference high, ref high, upper, max, normal high                  | |
| `patient` | patient id, patientid, mrn, subject                                | all lines of one patient |

Case, blanks, underscores and dashes in headers do not matter. Cells are data: a formula is words, never computed.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from zoneinfo import ZoneInfo

from core.errors import InputError
from domains.medical.record import Entry, EntryKind, Record
from domains.medical.records.analytes import analyte_of, plain_name
from domains.medical.records.cleaning import MAX_NAME_CHARACTERS, bounded, clean
from domains.medical.records.measuring import Unusable, measured
from domains.medical.records.times import birth_date_of, wall_s
from domains.medical.records.units import as_pint, converted
from domains.medical.study import Patient

MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 100_000
MAX_COLUMNS = 64
MAX_CELL_CHARACTERS = 2000

_HEADERS = MappingProxyType(
    {
        "name": "name test analyte parameter measurement observation vital lab",
        "value": "value result reading",
        "unit": "unit units uom",
        "time": "time date datetime timestamp taken observed collected",
        "low": "low referencelow reflow lower min normallow",
        "high": "high referencehigh refhigh upper max normalhigh",
        "patient": "patient patientid mrn subject",
    }
)
_MEANT = MappingProxyType({spelling: column for column, spellings in _HEADERS.items() for spelling in spellings.split()})
_NUMBER = re.compile(r"[+-]?(?:\d{1,12}(?:\.\d{1,12})?|\.\d{1,12})(?:[eE][+-]?\d{1,2})?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+")
_COMPARED = re.compile(r"(<=|>=|<|>|≤|≥)\s*(.+)")
_SEXES = MappingProxyType({"f": "F", "female": "F", "w": "F", "woman": "F", "m": "M", "male": "M", "man": "M", "o": "O", "other": "O"})


def read_csv(data: bytes, zone: ZoneInfo, file_name: str, where: str) -> Record:
    """Read a table of values.

    Args:
        data: UTF-8, UTF-16 with a byte order mark, or else Windows' western code page; delimited by comma, semicolon, tab or bar.
        zone: of times that have none.
        file_name: for the entries' ids.
        where: for errors and problems; holds no identifier.

    Raises:
        InputError: it is no such table, larger than the bounds, or of several patients. No message holds a cell.
    """
    text = _decoded(data, where)
    first_line, _, _ = text.partition("\n")
    delimiter = max(",;\t|", key=first_line.count)
    rows = _rows(text, delimiter, where)
    columns = _columns(next(rows, (1, []))[1], where)
    entries: list[Entry] = []
    problems: list[str] = []
    patients: set[str] = set()
    told: dict[str, set[str]] = {"sex": set(), "birth date": set()}
    for line, row in rows:
        cells = {column: row[place].strip() for column, place in columns.items() if place < len(row)}
        if not any(cells.values()):
            continue
        if cells.get("patient"):
            patients.add(clean(cells["patient"], MAX_NAME_CHARACTERS))
        if len(patients) > 1:
            raise InputError(f"{where} holds values of several patients; give a table of one patient")
        try:
            if (kind := plain_name(cells.get("name", ""))) in ("sex", "gender", "birth date", "date of birth", "dob"):
                told["sex" if kind in ("sex", "gender") else "birth date"].add(_of_patient(kind, cells.get("value", "")))
            else:
                entries.append(_entry(cells, zone, f"{file_name}:{line}", delimiter))
        except Unusable as error:
            problems.append(f"{where}, line {line} was left out: {error}")
    if any(len(values) > 1 for values in told.values()):
        raise InputError(f"{where} tells different sexes or birth dates; give a table of one patient")
    sex, birth_date = (next(iter(told[name]), "") for name in ("sex", "birth date"))
    return Record(Patient(id=next(iter(patients), ""), birth_date=birth_date, sex=sex), tuple(entries), bounded(problems))


def _decoded(data: bytes, where: str) -> str:
    if len(data) > MAX_BYTES:
        raise InputError(f"{where} has {len(data)} bytes; at most {MAX_BYTES} are read: split it")
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252", "latin-1")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise InputError(f"{where} is no text; give a CSV in UTF-8")


def _rows(text: str, delimiter: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    begins, count = 1, 0
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            raise InputError(f"{where}, line {begins} is no row of a CSV; check its quotes") from None
        if row is None:
            return
        if (count := count + 1) > MAX_ROWS + 1:
            raise InputError(f"{where} has more than {MAX_ROWS} lines; split it")
        if len(row) > MAX_COLUMNS or any(len(cell) > MAX_CELL_CHARACTERS for cell in row):
            raise InputError(
                f"{where}, line {begins} has more than {MAX_COLUMNS} cells or {MAX_CELL_CHARACTERS} characters in one; check its quotes"
            )
        yield begins, row
        begins = reader.line_num + 1


def _columns(header: Sequence[str], where: str) -> dict[str, int]:
    columns: dict[str, int] = {}
    for place, written in enumerate(header):
        meant = _MEANT.get(re.sub(r"[\s_\-.]+", "", written.casefold()))
        if meant is None:
            continue
        if meant in columns:
            raise InputError(f"{where} has two columns for {meant}; keep one")
        columns[meant] = place
    if missing := [name for name in ("name", "value") if name not in columns]:
        raise InputError(f"{where} has no column {' and no '.join(missing)}; its header needs name and value, and may have unit, time, ...")
    return columns


def _of_patient(kind: str, value: str) -> str:
    read = _SEXES.get(value.casefold(), "") if kind in ("sex", "gender") else birth_date_of(value)
    if not read:
        raise Unusable("sex is F, M or O, a birth date is YYYY-MM-DD")
    return read


def _entry(cells: Mapping[str, str], zone: ZoneInfo, id_: str, delimiter: str) -> Entry:
    name, written, unit = (cells.get(column, "") for column in ("name", "value", "unit"))
    if not name or not written:
        raise Unusable(f"it has no {'value' if name else 'name'}")
    at = None
    if cells.get("time") and (at := wall_s(cells["time"], zone)) is None:
        raise Unusable("its time is not as ISO 8601 has it, such as 2024-03-05T10:00+01:00")
    if plain_name(name) == "age":
        return Entry(id_, EntryKind.HISTORY, "age", _age(written, unit, delimiter), "year", at_wall_s=at)
    comparator, number = "", _number(written, delimiter)
    if number is None and (match := _COMPARED.fullmatch(written)):
        comparator, number = match[1], _number(match[2], delimiter)
    if number is None:
        return _in_words(name, written, at, id_)
    low, high = (_number(cells[end], delimiter) if cells.get(end) else None for end in ("low", "high"))
    found = measured(name, number, unit, low=low, high=high)
    if comparator:
        words = f"{comparator} {found.value:g} {found.unit}".strip()
        return Entry(id_, found.kind, found.name, words, at_wall_s=at, text=words)
    return Entry(id_, found.kind, found.name, found.value, found.unit, found.low, found.high, at_wall_s=at)


def _in_words(name: str, written: str, at: float | None, id_: str) -> Entry:
    if analyte := analyte_of(name):
        raise Unusable(f"its {analyte.name} is no clear number")
    told, called = clean(written), clean(plain_name(name), MAX_NAME_CHARACTERS)
    if not told or not called:
        raise Unusable("it has no value")
    return Entry(id_, EntryKind.LABORATORY, called, told, at_wall_s=at, text=told)


def _age(written: str, unit: str, delimiter: str) -> float:
    number = _number(written, delimiter)
    years = None if number is None else converted(number, as_pint(unit or "year") or "", "year")
    if years is None or not 0 <= years <= 130:
        raise Unusable("no age can be so: wrong value or unit")
    return years


def _number(written: str, delimiter: str) -> float | None:
    """A number; None for anything else, and for `1,234`, which may mean two things."""
    plain = written.strip().replace("−", "-")
    if "," in plain:
        if plain.count(",") > 1 or "." in plain or (delimiter != ";" and _THOUSANDS.fullmatch(plain)):
            return None
        plain = plain.replace(",", ".")
    if not _NUMBER.fullmatch(plain) or not plain.isascii():
        return None
    number = float(plain)
    return number if math.isfinite(number) else None
