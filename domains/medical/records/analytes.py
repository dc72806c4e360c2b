"""The usual vital signs and laboratory values: their names, codes, canonical units, and what a living person can have.

Bounds are wide on purpose: what lies outside them is a wrong unit or a slip of the pen, not an illness.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from domains.medical.record import EntryKind

LOINC = "http://loinc.org"


@dataclass(frozen=True, slots=True)
class Analyte:
    """Something that is measured of a patient.

    Attributes:
        name: in plain words.
        kind: a vital sign or a laboratory value.
        unit: the canonical one, as pint reads it.
        least, most: what can be, in `unit`, both included; else the value is left out.
        names: other words for it, in lower case.
        loinc: its codes.
        molar_g: grams a mole, where laboratories tell it as a mass or as an amount.
        valence: charges, where laboratories tell it in milliequivalents.
        bare_unit: what a number without a unit is in, where there is only one possibility; None where a unit is needed.
        low, high: the reference range of adults in `unit`, or None.
    """

    name: str
    kind: EntryKind
    unit: str
    least: float
    most: float
    names: tuple[str, ...] = ()
    loinc: tuple[str, ...] = ()
    molar_g: float | None = None
    valence: int | None = None
    bare_unit: str | None = None
    low: float | None = None
    high: float | None = None


# Reference ranges of adults at rest: MedlinePlus Medical Encyclopedia, "Vital signs" (article 002341) and, for the saturation,
# MedlinePlus Medical Tests, "Pulse oximetry". Laboratory ranges differ by laboratory and are never assumed.
_VITALS = (
    Analyte(
        "temperature", EntryKind.VITAL, "degC", 25, 45, ("body temperature", "temp"), ("8310-5", "8331-1", "8329-5"), low=36.5, high=37.3
    ),
    Analyte(
        "heart rate",
        EntryKind.VITAL,
        "1/min",
        10,
        350,
        ("pulse", "pulse rate", "hr", "heartrate"),
        ("8867-4", "8889-8"),
        bare_unit="1/min",
        low=60,
        high=100,
    ),
    Analyte(
        "respiratory rate",
        EntryKind.VITAL,
        "1/min",
        2,
        120,
        ("breathing rate", "respiration rate", "resp rate", "rr", "respirations"),
        ("9279-1",),
        bare_unit="1/min",
        low=12,
        high=18,
    ),
    Analyte(
        "systolic blood pressure",
        EntryKind.VITAL,
        "mmHg",
        30,
        320,
        ("systolic", "sbp", "systolic bp", "blood pressure systolic"),
        ("8480-6",),
        low=90,
        high=120,
    ),
    Analyte(
        "diastolic blood pressure",
        EntryKind.VITAL,
        "mmHg",
        10,
        220,
        ("diastolic", "dbp", "diastolic bp", "blood pressure diastolic"),
        ("8462-4",),
        low=60,
        high=80,
    ),
    Analyte("mean arterial pressure", EntryKind.VITAL, "mmHg", 15, 250, ("map", "mean blood pressure"), ("8478-0",)),
    # a saturation of 40 % or less is nearly always a partial pressure in mmHg under the wrong name
    Analyte(
        "oxygen saturation",
        EntryKind.VITAL,
        "percent",
        40.5,
        100,
        ("spo2", "sao2", "o2 saturation", "o2 sat", "pulse oximetry", "oxygen saturation in arterial blood", "po2 saturation"),
        ("2708-6", "59408-5", "2713-6"),
        low=95,
        high=100,
    ),
    Analyte("weight", EntryKind.VITAL, "kg", 0.2, 650, ("body weight",), ("29463-7", "3141-9")),
    Analyte("height", EntryKind.VITAL, "cm", 20, 280, ("body height",), ("8302-2",)),
    Analyte("body mass index", EntryKind.VITAL, "kg/m**2", 5, 200, ("bmi",), ("39156-5",)),
)


def _lab(
    name: str,
    unit: str,
    least: float,
    most: float,
    names: str = "",
    loinc: str = "",
    *,
    molar_g: float | None = None,
    valence: int | None = None,
    bare_unit: str | None = None,
) -> Analyte:
    others = tuple(n for n in names.split("|") if n)
    return Analyte(name, EntryKind.LABORATORY, unit, least, most, others, tuple(loinc.split()), molar_g, valence, bare_unit)


_LABORATORY = (
    _lab("glucose", "mmol/L", 0.1, 150, "blood glucose|blood sugar|glu", "2345-7 2339-0 15074-8 14749-6 1558-6", molar_g=180.156),
    _lab("creatinine", "umol/L", 3, 5000, "serum creatinine|crea", "2160-0 14682-9 38483-4", molar_g=113.12),
    # urea nitrogen counts the two nitrogen atoms of a molecule of urea; urea its whole mass
    _lab("urea nitrogen", "mmol/L", 0.1, 150, "bun|blood urea nitrogen", "3094-0 6299-2", molar_g=28.014),
    _lab("urea", "mmol/L", 0.1, 150, "serum urea", "3091-6 22664-7", molar_g=60.056),
    _lab("uric acid", "umol/L", 5, 3000, "urate", "3084-1 14933-6", molar_g=168.11),
    _lab("cholesterol", "mmol/L", 0.2, 50, "total cholesterol", "2093-3 14647-2", molar_g=386.65),
    _lab("triglycerides", "mmol/L", 0.05, 150, "triglyceride", "2571-8 14927-8", molar_g=885.4),
    _lab("bilirubin", "umol/L", 0.1, 1500, "total bilirubin", "1975-2 14631-6", molar_g=584.66),
    _lab("calcium", "mmol/L", 0.2, 6, "total calcium", "17861-6 2000-8", molar_g=40.078, valence=2),
    _lab("magnesium", "mmol/L", 0.05, 10, "", "19123-9 2601-3", molar_g=24.305, valence=2),
    _lab("phosphate", "mmol/L", 0.05, 15, "phosphorus", "2777-1 14879-1", molar_g=30.974),
    _lab("sodium", "mmol/L", 80, 220, "na", "2951-2 2947-0", molar_g=22.99, valence=1),
    _lab("potassium", "mmol/L", 0.5, 15, "k", "2823-3 6298-4", molar_g=39.098, valence=1),
    _lab("chloride", "mmol/L", 40, 180, "cl", "2075-0 2069-3", molar_g=35.45, valence=1),
    _lab("bicarbonate", "mmol/L", 1, 80, "hco3|carbon dioxide", "1963-8 2028-9", valence=1),
    _lab("lactate", "mmol/L", 0.05, 50, "lactic acid", "2524-7 32693-4", molar_g=90.08),
    _lab("c-reactive protein", "mg/L", 0, 1000, "crp|c reactive protein", "1988-5 30522-7"),
    _lab("procalcitonin", "ug/L", 0, 2000, "pct", "33959-8 75241-0"),
    _lab("leukocytes", "1/nL", 0, 1000, "leukocyte count|white blood cells|white cell count|wbc", "6690-2 26464-8"),
    _lab("lymphocytes", "1/nL", 0, 1000, "lymphocyte count", "731-0 26474-7"),
    _lab("neutrophils", "1/nL", 0, 1000, "neutrophil count", "751-8 26499-4"),
    _lab("platelets", "1/nL", 0, 5000, "platelet count|thrombocytes|plt", "777-3 26515-7"),
    _lab("erythrocytes", "1/pL", 0.1, 15, "red blood cells|rbc", "789-8 26453-1"),
    _lab("hemoglobin", "g/L", 10, 300, "haemoglobin|hgb|hb", "718-7 30350-3", molar_g=16114.5),
    _lab("hematocrit", "percent", 3, 85, "haematocrit|hct", "4544-3 20570-8"),
    _lab("alanine aminotransferase", "U/L", 0, 50000, "alt|sgpt|gpt", "1742-6"),
    _lab("aspartate aminotransferase", "U/L", 0, 50000, "ast|sgot|got", "1920-8"),
    _lab("lactate dehydrogenase", "U/L", 0, 100000, "ldh", "2532-0 14804-9"),
    _lab("alkaline phosphatase", "U/L", 0, 20000, "alp", "6768-6"),
    _lab("albumin", "g/L", 3, 100, "serum albumin", "1751-7"),
    _lab("ferritin", "ug/L", 0, 200000, "", "2276-4"),
    _lab("d-dimer", "ug/L", 0, 500000, "d dimer|fibrin d-dimer", "48065-7 48058-2"),
    _lab("partial pressure of oxygen", "mmHg", 5, 700, "po2|pao2|oxygen partial pressure", "2703-7 11556-8"),
    _lab("partial pressure of carbon dioxide", "mmHg", 5, 250, "pco2|paco2", "2019-8 11557-6"),
    _lab("ph", "", 6.3, 8.0, "arterial ph|blood ph", "2744-1 11558-4", bare_unit=""),
    _lab("hemoglobin a1c", "percent", 2, 25, "hba1c", "4548-4"),
)
ANALYTES = (*_VITALS, *_LABORATORY)

# panels whose parts are told by their components
PANELS = MappingProxyType({"85354-9": "blood pressure", "55284-4": "blood pressure", "35094-2": "blood pressure"})


def plain_name(written: str) -> str:
    """A name in plain words: lower case, one blank between words, no underscores."""
    return " ".join(re.sub(r"[_\s]+", " ", written).casefold().split())


def analyte_of(name: str = "", code: str = "") -> Analyte | None:
    """What is meant by a LOINC code, else by a name in any spelling; None for what is not in the table."""
    return _by_code().get(code) or _by_name().get(plain_name(name))


@cache
def _by_name() -> MappingProxyType[str, Analyte]:
    return MappingProxyType({name: a for a in ANALYTES for name in (a.name, *a.names)})


@cache
def _by_code() -> MappingProxyType[str, Analyte]:
    return MappingProxyType({code: a for a in ANALYTES for code in a.loinc})
