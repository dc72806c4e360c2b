"""Facts of real data: chest films, lung ultrasound, cameras, a drive. Rows become facts as they stand; nothing is invented."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from core.language.facts import Fact, TimeSpan

SETS = 100


def real_facts(data: Path, most: int = SETS) -> list[tuple[Fact, ...]]:
    """Up to `most` fact sets, taken in turn from each data set that is there.

    Args:
        data: the folder of public data sets.
    """
    readers = [list(read(data)) for read in (_films, _ultrasound, _segments, _presence, _boxes)]
    found: list[tuple[Fact, ...]] = []
    for turn in range(max((len(r) for r in readers), default=0)):
        found.extend(r[turn] for r in readers if turn < len(r))
    return found[:most]


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _films(data: Path) -> Iterator[tuple[Fact, ...]]:
    for row in _rows(data / "medical/covid_chestxray_open/labels.csv"):
        facts = [Fact("view", "film", "view", row["view"], is_patient_data=True)]
        if row["finding"] not in ("", "todo", "No Finding"):
            facts.append(Fact("finding", "film", "finding", row["finding"], is_patient_data=True))
        if row["sex"]:
            facts.append(Fact("sex", "patient", "sex", {"M": "male", "F": "female"}[row["sex"]], is_patient_data=True))
        for column, attribute, unit in (("age", "age", "year"), ("temperature", "temperature", "degC"), ("offset_days", "offset", "day")):
            if number := _number(row[column]):
                facts.append(Fact(column, "patient", attribute, number, unit, is_patient_data=True))
        if number := _number(row["pO2_saturation"]):  # the set mixes per cent with mmHg: see its SOURCE.txt
            name, unit = ("oxygen saturation", "percent") if number > 60 else ("oxygen pressure", "mmHg")
            facts.append(Fact("oxygen", "patient", name, number, unit, is_patient_data=True))
        facts.extend(
            Fact(column, said, negated=row[column] == "N", is_patient_data=True)
            for column, said in (("intubated", "intubation"), ("went_icu", "intensive care"))
            if row[column]
        )
        yield tuple(facts)


def _ultrasound(data: Path) -> Iterator[tuple[Fact, ...]]:
    for row in _rows(data / "medical/pocus_ultrasound/labels.csv"):
        facts = [Fact("probe", "ultrasound", "probe", row["probe"], is_patient_data=True)] if row["probe"] else []
        if number := _number(row["age"]):
            facts.append(Fact("age", "patient", "age", number, "year", is_patient_data=True))
        symptoms = row["text_symptoms_only"].lower()
        for symptom in ("fever", "cough", "respiratory problems", "headache"):
            if f"{symptom} no" in symptoms:
                facts.append(Fact(symptom, symptom, negated=True, is_patient_data=True))
            elif f"{symptom} yes" in symptoms:
                facts.append(Fact(symptom, symptom, is_patient_data=True))
        signs = {"sign_effusion": "effusion", "sign_consolidations": "consolidation", "sign_b_lines": "B-line"}
        facts.extend(Fact(column, sign, is_patient_data=True) for column, sign in signs.items() if row[column] == "1")
        if facts:
            yield tuple(facts)


def _segments(data: Path) -> Iterator[tuple[Fact, ...]]:
    clips: dict[str, list[Fact]] = {}
    for row in _rows(data / "surveillance/gmdcsa24_fall/segments.csv"):
        facts = clips.setdefault(row["path"], [])
        time = TimeSpan(float(row["start_s"]), float(row["end_s"]))
        facts.append(Fact(f"s{len(facts)}", "person", "activity", row["label"].replace("_", " "), time=time))
    yield from (tuple(facts) for facts in clips.values())


def _presence(data: Path) -> Iterator[tuple[Fact, ...]]:
    for row in _rows(data / "surveillance/intel_sample_videos/presence.csv"):
        yield (Fact("count", row["label"], "count", int(row["count"])), Fact("first", row["label"], "first frame", int(row["first_frame"])))


def _boxes(data: Path) -> Iterator[tuple[Fact, ...]]:
    """Speed and distance ahead, from one real minute of driving."""
    folder = data / "driving/gopro_gpmf"
    for row in _rows(folder / "max-heromode.GPS5.csv")[::6]:
        speed = next((_number(v) for k, v in row.items() if k and "speed" in k.lower() and "2d" in k.lower()), None)
        if speed:
            yield (Fact("speed", "car", "speed", round(speed, 2), "m/s"),)


def _number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
