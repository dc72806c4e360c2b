"""Numbers and units: reading a unit, and whether two quantities say the same (units by pint)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from core.language.lexicon import listed

RELATIVE_TOLERANCE = 0.005  # what rounding may take away
ABOUT_TOLERANCE = 0.05  # and what it may take away after 'about'
TIME_TOLERANCE_S = 0.05

# as written, in pieces, longest first; the right side is what pint reads
_WRITTEN: MappingProxyType[tuple[str, ...], str] = MappingProxyType(
    {
        ("°", "c"): "degC",
        ("°", "f"): "degF",
        ("degrees", "celsius"): "degC",
        ("degrees", "fahrenheit"): "degF",
        ("degree", "celsius"): "degC",
        ("celsius",): "degC",
        ("fahrenheit",): "degF",
        ("°",): "degree",
        ("degrees",): "degree",
        ("%",): "percent",
        ("percent",): "percent",
        ("per", "cent"): "percent",
        ("beats", "per", "minute"): "1/min",
        ("breaths", "per", "minute"): "1/min",
        ("bpm",): "1/min",
        ("per", "minute"): "1/min",
        ("kilometers", "per", "hour"): "km/h",
        ("kilometres", "per", "hour"): "km/h",
        ("km", "/", "h"): "km/h",
        ("kmh",): "km/h",
        ("kph",): "km/h",
        ("miles", "per", "hour"): "mile/h",
        ("mph",): "mile/h",
        ("m", "/", "s"): "m/s",
        ("meters", "per", "second"): "m/s",
        ("metres", "per", "second"): "m/s",
        ("mg", "/", "dl"): "mg/dl",
        ("mmol", "/", "l"): "mmol/l",
        ("g", "/", "l"): "g/l",
        ("mg", "/", "l"): "mg/l",
        ("ng", "/", "ml"): "ng/ml",
        ("umol", "/", "l"): "umol/l",
        ("μmol", "/", "l"): "umol/l",
        ("ug", "/", "l"): "ug/l",
        ("u", "/", "l"): "U/l",
        ("per", "nl"): "1/nl",
        ("per", "pl"): "1/pl",
    }
)
_PLAIN = listed(
    "mm cm m km inch inches foot feet mile miles meter meters metre metres millimeter millimeters centimeter centimeters kilometer "
    "kilometers s second seconds ms millisecond milliseconds min minute minutes h hour hours day days week weeks month months year "
    "years mmhg kpa pa kg g mg lb l ml hz khz db w kw wh kwh lux ppm"
)
_AS_PINT = MappingProxyType({"mmhg": "mmHg", "kpa": "kPa", "pa": "Pa", "hz": "Hz", "khz": "kHz", "w": "W", "kw": "kW", "wh": "Wh"})


def unit_at(pieces: Sequence[str]) -> tuple[str, int]:
    """The unit that begins here, and how many pieces it takes; an empty unit takes none."""
    for length in (3, 2, 1):
        if (unit := _WRITTEN.get(tuple(pieces[:length]))) and len(pieces) >= length:
            return unit, length
    if pieces and pieces[0] in _PLAIN:
        return _AS_PINT.get(pieces[0], pieces[0]), 1
    return "", 0


@lru_cache(maxsize=1024)
def known(unit: str) -> bool:
    """Whether pint can read this unit."""
    try:
        _registry().parse_units(unit)
    except Exception:  # pint raises a dozen kinds for what it cannot read
        return False
    return True


@lru_cache(maxsize=4096)
def converted(number: float, unit: str, wanted: str) -> float | None:
    """A quantity in another unit, or None where the two do not measure the same."""
    if unit == wanted:
        return number
    try:
        return float(_registry().Quantity(number, unit or "dimensionless").to(wanted or "dimensionless").magnitude)
    except Exception:  # see above
        return None


def same_number(stated: float, decimals: int, true: float, *, exactly: bool = False, roughly: bool = False) -> bool:
    """Whether a number as written is the true one, rounded.

    It is when the true one rounds to it at the decimals that were written, and rounding took away no more than half a percent
    (five percent after 'about').
    """
    if exactly:
        return stated == true
    if roughly:
        return abs(stated - true) <= ABOUT_TOLERANCE * abs(true)
    is_rounding = abs(stated - true) <= 0.5 * 10.0**-decimals + 1e-9 * max(1.0, abs(true))
    return is_rounding and abs(stated - true) <= RELATIVE_TOLERANCE * abs(true) + 1e-12


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(cache_folder=None)
