"""Units as laboratories write them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.medical.records.analytes import ANALYTES
from domains.medical.records.measuring import Unusable, measured
from domains.medical.records.units import as_pint, converted


@pytest.mark.parametrize(
    ("name", "value", "unit", "expected"),
    [
        ("temperature", 101.1, "[degF]", 38.39),
        ("Body Temp", 38.4, "Cel", None),
        ("temp", 38.4, "°C", 38.4),
        ("glucose", 90, "mg/dL", 4.996),
        ("creatinine", 1.1, "mg/dL", 97.24),
        ("BUN", 14, "mg/dL", 4.998),
        ("calcium", 10, "mg/dL", 2.495),
        ("calcium", 5, "meq/L", 2.5),
        ("sodium", 140, "mEq/L", 140),
        ("hemoglobin", 13.5, "g/dL", 135),
        ("WBC", 12.5, "10*3/uL", 12.5),
        ("WBC", 12500, "/uL", 12.5),
        ("WBC", 12.5, "x10^9/L", 12.5),
        ("CRP", 1.2, "mg/dL", 12),
        ("pulse", 80, "{beats}/min", 80),
        ("pulse", 80, "", 80),
        ("SpO2", 97, "%", 97),
        ("SpO2", 0.97, "1", 97),
        ("systolic blood pressure", 16, "kPa", 120),
        ("height", 70, "[in_i]", 177.8),
        ("weight", 150, "[lb_av]", 68.04),
        ("bmi", 25, "kg/m2", 25),
        ("pH", 7.4, "", 7.4),
        ("D-dimer", 500, "ng/mL{FEU}", 500),
        ("ALT", 30, "[IU]/L", 30),
    ],
)
def test_values_come_in_canonical_units(name: str, value: float, unit: str, expected: float | None) -> None:
    if expected is None:
        with pytest.raises(Unusable):
            measured("unheard of temperature", value, "not/a/unit")
        return
    assert measured(name, value, unit).value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "unit"),
    [
        ("temperature", 384, "Cel"),
        ("temperature", 98.6, "Cel"),
        ("temperature", 38.4, ""),
        ("pulse", -5, "/min"),
        ("SpO2", 180, "%"),
        ("SpO2", 35, "%"),
        ("SpO2", 35, "mmHg"),
        ("glucose", 90, "mmHg"),
        ("glucose", 90, "banana"),
        ("crp", float("nan"), "mg/L"),
        ("crp", float("inf"), "mg/L"),
        ("potassium", 140, "mmol/L"),
    ],
)
def test_what_cannot_be_is_left_out_and_its_value_is_not_told(name: str, value: float, unit: str) -> None:
    with pytest.raises(Unusable) as raised:
        measured(name, value, unit)

    assert f"{value:g}" not in str(raised.value).replace("45", "")


@pytest.mark.parametrize(
    "unit", ["9**9**9", "1e999999999", "__import__('os')", "mg" * 40, "m^9999", "m99", "a/b/c/d/e/f/g", "mg/dL;", "\x00", "{x"]
)
def test_hostile_units_are_unknown_at_once(unit: str) -> None:
    begun_s = time.monotonic()

    assert as_pint(unit) is None
    assert time.monotonic() - begun_s < 2


@given(st.text(max_size=40))
def test_any_unit_is_read_or_refused(unit: str) -> None:
    read = as_pint(unit)

    assert read is None or converted(1.0, read, read) == 1.0


def test_the_table_holds_what_it_says() -> None:
    names = [name for a in ANALYTES for name in (a.name, *a.names)]
    codes = [code for a in ANALYTES for code in a.loinc]

    assert len(names) == len(set(names))
    assert len(codes) == len(set(codes))
    assert all(name == name.lower() for name in names)
    for analyte in ANALYTES:
        assert analyte.least < analyte.most
        assert converted(1.0, analyte.unit, analyte.unit) == 1.0
        assert as_pint(analyte.unit) is not None
