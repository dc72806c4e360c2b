"""Units as laboratories and devices write them (UCUM and its everyday spellings), read and converted through pint.

What is written comes from a file: only letters, a small exponent, points and slashes ever reach pint.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

MAX_UNIT_CHARACTERS = 32
DIMENSIONLESS = ""

_SPELLINGS = {
    "degC": "cel °c ℃ c degc celsius",
    "degF": "[degf] °f ℉ f degf fahrenheit",
    "mmHg": "mm[hg] mmhg torr",
    "percent": "% percent pct",
    "1/min": "/min 1/min min-1 min^-1 bpm beats/min beats/minute breaths/min breaths/minute perminute x/min",
    "1/nL": "/nl 1/nl 10*3/ul 10^3/ul x10^3/ul x10*3/ul k/ul thou/ul 10*9/l 10^9/l x10^9/l x10*9/l ×10⁹/l ×10^9/l 10e9/l",
    "1/pL": "/pl 1/pl 10*6/ul 10^6/ul x10^6/ul m/ul 10*12/l 10^12/l x10^12/l x10*12/l ×10¹²/l ×10^12/l 10e12/l",
    "1/uL": "/ul 1/ul cells/ul /mm3 /mm^3 1/mm3 cells/mm3 /cumm",
    "U/L": "u/l [iu]/l iu/l [u]/l",
    "mU/L": "mu/l m[iu]/l miu/l u[iu]/ml uiu/ml",
    "lb": "[lb_av] lb lbs pound pounds",
    "inch": "[in_i] in inch inches",
    "foot": "[ft_i] ft foot feet",
    "kg/m**2": "kg/m2 kg/m^2 kg/m² kg/m**2",
    "meq/L": "meq/l",
    "year": "a year years yr yrs y",
    "month": "mo month months",
    "week": "wk week weeks",
    "day": "d day days",
    "hour": "h hr hrs hour hours",
    DIMENSIONLESS: "1 [ph] ph score points",
}
_AS_PINT = MappingProxyType({spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()})
_ATOM = r"[A-Za-zµμ]{1,12}(?:[1-4])?"
_PRODUCT = re.compile(rf"(?:1?/)?{_ATOM}(?:[./]{_ATOM}){{0,3}}")
_ANNOTATION = re.compile(r"\{[^{}]*\}")
_SHOWN = MappingProxyType(
    {
        "degC": "°C",
        "degF": "°F",
        "percent": "%",
        "1/min": "/min",
        "1/nL": "×10⁹/L",
        "1/pL": "×10¹²/L",
        "kg/m**2": "kg/m²",
        "umol/L": "µmol/L",
    }
)


@lru_cache(maxsize=1024)
def as_pint(written: str) -> str | None:
    """A unit as pint reads it, empty for a bare number, or None where it is not known.

    `[degF]` is `degF`, `10*3/uL` is `1/nL`, `mg/dl` stays `mg/dl`.
    """
    if len(written) > MAX_UNIT_CHARACTERS:
        return None
    plain = "".join(_ANNOTATION.sub("", written).split())
    if not plain:
        return DIMENSIONLESS if not written.strip() or "{" in written else None
    if (known := _AS_PINT.get(plain.casefold())) is not None:
        return known
    if not _PRODUCT.fullmatch(plain):
        return None
    powered = re.sub(r"([1-4])(?=$|[./])", r"**\1", plain).replace("µ", "u").replace("μ", "u").replace(".", "*")
    safe = "1" + powered if powered.startswith("/") else powered
    try:
        _registry().parse_units(safe)
    except Exception:  # pint raises a dozen kinds for what it cannot read
        return None
    return safe


def converted(number: float, unit: str, wanted: str, *, molar_g: float | None = None, valence: int | None = None) -> float | None:
    """A quantity in another unit.

    Args:
        number: in `unit`.
        unit: as `as_pint` gives it.
        wanted: likewise.
        molar_g: grams a mole, for what is told as a mass here and as an amount there.
        valence: charges of an ion, for milliequivalents.

    Returns:
        The number in `wanted`, or None where the two do not measure the same.
    """
    if unit == wanted:
        return number
    if unit == "meq/L":
        return None if not valence else converted(number / valence, "mmol/L", wanted, molar_g=molar_g)
    found = _through_pint(number, unit, wanted)
    if found is None and molar_g:
        if (grams := _through_pint(number, unit, "g/L")) is not None:
            found = _through_pint(grams / molar_g, "mol/L", wanted)
        elif (moles := _through_pint(number, unit, "mol/L")) is not None:
            found = _through_pint(moles * molar_g, "g/L", wanted)
    return None if found is None or not math.isfinite(found) else float(f"{found:.9g}")


def shown(unit: str) -> str:
    """A unit as people write it: `°C`, `/min`, `×10⁹/L`."""
    return _SHOWN.get(unit, unit)


def in_a_name(unit: str) -> str:
    """A unit as the end of a column's name: `degc`, `per_min`, `mmol_per_l`."""
    spelled = unit.replace("1/", "per_").replace("**", "").replace("/", "_per_").replace("*", "_")
    return re.sub(r"_+", "_", re.sub(r"[^a-z0-9_]", "", spelled.casefold())).strip("_")


def _through_pint(number: float, unit: str, wanted: str) -> float | None:
    try:
        return float(_registry().Quantity(number, unit or "dimensionless").to(wanted or "dimensionless").magnitude)
    except Exception:  # see above
        return None


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(cache_folder=None)
