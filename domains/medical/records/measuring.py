"""A number as a device or a laboratory gave it, in its canonical unit; or why it cannot be used."""

from __future__ import annotations

import math
from dataclasses import dataclass

from domains.medical.record import EntryKind
from domains.medical.records.analytes import analyte_of, plain_name
from domains.medical.records.cleaning import MAX_NAME_CHARACTERS, clean
from domains.medical.records.units import as_pint, converted

CONVERTED_DIGITS = 4  # of a number that was converted; more would claim what nobody measured


class Unusable(Exception):  # noqa: N818 - it is no fault of ours and never leaves this room
    """Why one entry is left out; in words that hold nothing of the patient."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A number that can be used.

    Attributes:
        name: in plain words, canonical where it is known.
        kind: vital sign or laboratory value.
        value, low, high: in `unit`; the range is None where none was given.
        unit: as pint reads it.
    """

    name: str
    kind: EntryKind
    value: float
    unit: str
    low: float | None
    high: float | None


def measured(
    name: str,
    value: float,
    unit: str,
    *,
    code: str = "",
    low: float | None = None,
    high: float | None = None,
    kind: EntryKind = EntryKind.LABORATORY,
) -> Measured:
    """Read a number.

    Args:
        name: as written.
        value: in `unit`.
        unit: as written, UCUM or everyday spelling.
        code: LOINC, where there is one.
        low, high: reference range in `unit`, as written.
        kind: of what the table does not know.

    Raises:
        Unusable: the unit is missing, unknown or of something else, or no living person has such a value.
    """
    if not math.isfinite(value):
        raise Unusable("the value is not a finite number")
    analyte = analyte_of(name, code)
    read = as_pint(unit)
    if read is None:
        raise Unusable("the unit is not known")
    if analyte is None:
        called = clean(plain_name(name), MAX_NAME_CHARACTERS)
        if not called:
            raise Unusable("it has no name")
        return Measured(called, kind, value, read, *_range(low, high))
    if read == "" and analyte.unit != "" and not ("1" in unit and analyte.unit == "percent"):
        if analyte.bare_unit is None:
            raise Unusable(f"{analyte.name} has no unit")
        read = analyte.bare_unit

    def told(number: float) -> float | None:
        found = converted(number, read, analyte.unit, molar_g=analyte.molar_g, valence=analyte.valence)
        return found if found is None or read == analyte.unit else float(f"{found:.{CONVERTED_DIGITS}g}")

    own = told(value)
    if own is None:
        raise Unusable(f"the unit is none of {analyte.name}")
    if not analyte.least <= own <= analyte.most:
        raise Unusable(f"no {analyte.name} can be so, outside {analyte.least:g} to {analyte.most:g} {analyte.unit}: wrong value or unit")
    bounds = (None if bound is None or not math.isfinite(bound) else told(bound) for bound in (low, high))
    return Measured(analyte.name, analyte.kind, own, analyte.unit, *_range(*bounds))


def _range(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """A reference range, or none where it is upside down."""
    low, high = (None if bound is None or not math.isfinite(bound) else bound for bound in (low, high))
    return (None, None) if low is not None and high is not None and low > high else (low, high)
