"""Whether two descriptions are of the same patient, and one made of several. Identifiers are compared and never told."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from enum import Enum

from core.errors import InputError
from domains.medical.record import Record
from domains.medical.study import Patient, Study


class Likeness(Enum):
    """What comparing two patients gave."""

    SAME = "same"
    OTHER = "other"
    UNTOLD = "untold"  # nothing that both have tells


def compared(one: Patient, other: Patient) -> Likeness:
    """By id where both have one of the same issuer, else by name, birth date and sex.

    An id without an issuer is compared with any; where it is equal, nothing else may speak against it.
    """
    has_ids = bool(one.id.strip() and other.id.strip())
    is_equal = _plain(one.id) == _plain(other.id)
    issuers = {_plain(p.issuer) for p in (one, other)}
    if has_ids and len(issuers) == 1:
        if not is_equal:
            return Likeness.OTHER
        return Likeness.SAME if issuers != {""} or not _speaks_against(one, other) else Likeness.OTHER
    if _speaks_against(one, other):
        return Likeness.OTHER
    if has_ids and is_equal and "" in issuers:
        return Likeness.SAME
    is_told = all(getattr(p, part).strip() for p in (one, other) for part in ("name", "birth_date"))
    return Likeness.SAME if is_told else Likeness.UNTOLD


def belongs(record: Record, study: Study) -> tuple[str, ...]:
    """Make sure that a record is of the patient whom a study shows.

    Returns:
        What a reader must know: empty where it is the same patient for certain, one line where nothing could be compared.

    Raises:
        InputError: it is another patient. The message holds no identifier.
    """
    match compared(record.patient, study.patient):
        case Likeness.OTHER:
            raise InputError("the record and the study are of different patients; give the record of the patient whom the study shows")
        case Likeness.UNTOLD:
            return ("the record and the study have nothing in common that tells whether they are of the same patient",)
        case Likeness.SAME if _speaks_against(record.patient, study.patient):
            return ("the record and the study bear the same patient id, but name, birth date or sex differ",)
        case Likeness.SAME:
            return ()


def joined(one: Patient, other: Patient) -> Patient:
    """Two descriptions of one patient as one, the first's word before the second's.

    Raises:
        InputError: they are of different patients.
    """
    if compared(one, other) is Likeness.OTHER:
        raise InputError("the record's files are of different patients; give the files of one patient")
    has_id = bool(one.id)
    return replace(
        one,
        id=one.id or other.id,
        issuer=one.issuer if has_id and (one.issuer or other.id != one.id) else other.issuer,
        name=one.name or other.name,
        birth_date=one.birth_date or other.birth_date,
        sex=one.sex or other.sex,
    )


def _speaks_against(one: Patient, other: Patient) -> bool:
    return _names_differ(one.name, other.name) or any(
        bool(a and b and a != b) for a, b in ((one.birth_date, other.birth_date), (one.sex.replace("O", ""), other.sex.replace("O", "")))
    )


def _names_differ(one: str, other: str) -> bool:
    """Whether neither name is the other with something left out or cut to its initial (`Doe, J.` and `Doe, Jane Mary`)."""
    first, second = sorted((_parts(one), _parts(other)), key=len)
    return bool(first) and any(all(not _same_part(part, each) for each in second) for part in first)


def _same_part(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def _parts(name: str) -> frozenset[str]:
    return frozenset(part for part in re.split(r"[\s,^=.\-]+", _plain(name)) if part)


def _plain(text: str) -> str:
    """Without case, accents and blanks around."""
    decomposed = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
