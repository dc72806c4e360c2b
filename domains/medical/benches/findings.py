"""Findings on real sets: each finding's figures with intervals over patients, by part of the input, beside plain baselines.

Three public sets, tests only. Lung ultrasound (52 items in 17 groups) and chest films (46 films of 39 patients) are small and
skewed; breast ultrasound (1,064 patients, the authors' folds) is large enough for calibration and thresholds to mean something.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.baselines import logistic_regression, majority
from core.benchmark import BenchContext, Metric
from core.label_learning.options import LabelOptions, Preset
from core.metrics import auroc, paired_difference
from core.samples import ByteArray, FloatArray
from core.splits import Split, folds
from core.tasks import task
from domains.medical.findings.columns import Row
from domains.medical.findings.evaluation import Asked, auroc_of, ece_of, f1_of, risk_coverage, said_of
from domains.medical.findings.fitted import ABSENT, Fitted
from domains.medical.findings.folder import shown
from domains.medical.findings.learning import thresholds_of, truth_of
from domains.medical.findings.preparing import spoken
from domains.medical.record import EntryKind
from domains.medical.records import read_record

FRAMES = 4
SEED = 0
ALPHA = 0.1
PARTS = ("both", "image", "record")
OUTCOMES = {"Y": True, "N": False}
MEASURED = ("temperature", "leukocyte_count", "neutrophil_count", "lymphocyte_count", "offset_days")
SEXES = {"F": "female", "M": "male"}


@dataclass(frozen=True, slots=True)
class Set:
    """One set.

    Attributes:
        name: of it.
        rows: its studies.
        names: findings.
        splits: training and test ids; every test row once.
        note: what a reader must know.
        preset: of the label learner.
    """

    name: str
    rows: tuple[Row, ...]
    names: tuple[str, ...]
    splits: tuple[Split, ...]
    note: str
    preset: Preset


def run(context: BenchContext) -> list[Metric]:
    """Train on patients, test on others, for each set."""
    metrics: list[Metric] = []
    sets = (
        lung_ultrasound(context.data),
        chest_films(context.data),
        breast_ultrasound(context.data, "quick" if context.is_quick else "best"),
    )
    for one in sets:
        context.say(f"{one.name}: {len(one.rows)} studies, {len(one.splits)} test parts")
        metrics += _measure(one, context)
    return metrics


def _measure(one: Set, context: BenchContext) -> list[Metric]:
    place = {row.id: row for row in one.rows}
    options = LabelOptions(preset=one.preset, seed=SEED)
    answers: dict[str, list[FloatArray]] = {part: [] for part in (*PARTS, "majority", "logistic regression")}
    tested: list[Row] = []
    cuts = None
    for number, split in enumerate(one.splits, start=1):
        context.say(f"{one.name}: part {number} of {len(one.splits)}")
        train, test = [place[i] for i in split.train], [place[i] for i in split.test]
        with tempfile.TemporaryDirectory(dir=context.scratch) as scratch:
            fitted = Fitted.of(train, one.names, Path(scratch) / "model", options, Path(scratch), context.say)
            for part in PARTS:
                answers[part].append(fitted.ask([shown(row, part) for row in test]))
            truth = truth_of(train, one.names)
            answers["majority"].append(majority(truth, len(test)))
            answers["logistic regression"].append(_logistic(fitted, train, test, one.names))
        tested += test
    if len(one.splits) == 1:
        cuts = thresholds_of([place[i] for i in one.splits[0].train], one.names, options, ALPHA, context.say)
    truth, patients = truth_of(tested, one.names), tuple(row.patient or row.id for row in tested)
    asked = {name: Asked(one.names, np.concatenate(parts), truth, patients) for name, parts in answers.items()}
    metrics = _figures(one, asked)
    if cuts is not None:
        for index, name in enumerate(one.names):
            said = said_of(asked["both"], index, cuts[index])
            where = f"{one.name}, {name}"
            note = f"thresholds from other patients, alpha {ALPHA:g}; {one.note}"
            metrics += [
                Metric(f"{where}: studies answered, the rest 'not sure'", said.sure, "", note=note),
                Metric(
                    f"{where}: wrongly called present", said.wrong_present, "", "<= 0.1 as promised", said.wrong_present <= ALPHA, note=note
                ),
                Metric(
                    f"{where}: wrongly called absent", said.wrong_absent, "", "<= 0.1 as promised", said.wrong_absent <= ALPHA, note=note
                ),
            ]
    return metrics


def _figures(one: Set, asked: dict[str, Asked]) -> list[Metric]:
    whole, metrics = asked["both"], []
    for index, name in enumerate(one.names):
        where, share = f"{one.name}, {name}", float(whole.truth[:, index].mean())
        note = f"{len(whole.truth)} studies of {len(set(whole.patients))} patients, {share:.0%} have it; {one.note}"
        plain = auroc_of(asked["logistic regression"], index)
        found = auroc_of(whole, index)
        metrics.append(
            Metric(
                f"{where}: AUROC",
                found.value,
                "",
                "above 0.5",
                found.low > 0.5,
                "logistic regression on the same features",
                plain.value,
                (found.low, found.high),
                note,
            )
        )
        column = slice(index, index + 1)
        gain = paired_difference(
            auroc, whole.answers[:, column], asked["logistic regression"].answers[:, column], whole.truth[:, column], whole.patients
        )
        metrics.append(
            Metric(f"{where}: AUROC, difference to logistic regression", gain.value, "", interval=(gain.low, gain.high), note=note)
        )
        for part in ("image", "record"):
            alone = auroc_of(asked[part], index)
            metrics.append(Metric(f"{where}: AUROC, {part} alone", alone.value, "", interval=(alone.low, alone.high), note=note))
        f1, plain_f1 = f1_of(whole, index), f1_of(asked["logistic regression"], index)
        metrics.append(
            Metric(
                f"{where}: F1", f1.value, "", peer="logistic regression", peer_value=plain_f1.value, interval=(f1.low, f1.high), note=note
            )
        )
        metrics.append(
            Metric(f"{where}: F1 of the constant 'normal' report", 0.0, "", note=f"right on {1 - share:.0%} all the same; {one.note}")
        )
        metrics.append(Metric(f"{where}: AUROC of the majority", 0.5, "", note=one.note))
    ece, curve = ece_of(whole), risk_coverage(whole)
    plain_ece = ece_of(asked["majority"])
    metrics.append(
        Metric(
            f"{one.name}: expected calibration error",
            ece.value,
            "",
            peer="majority",
            peer_value=plain_ece.value,
            interval=(ece.low, ece.high),
            note=one.note,
        )
    )
    half = int(np.searchsorted(curve.coverage, 0.5))
    metrics.append(Metric(f"{one.name}: error among the surest half", float(curve.risk[half]), "", note=one.note))
    metrics.append(Metric(f"{one.name}: error where all is answered", float(curve.risk[-1]), "", note=one.note))
    metrics.append(Metric(f"{one.name}: area under the risk-coverage curve", curve.area, "", note=one.note))
    return metrics


def _logistic(fitted: Fitted, train: Sequence[Row], test: Sequence[Row], names: tuple[str, ...]) -> FloatArray:
    """On the same features that the model reads; one finding alone is told apart from its absence."""
    seen, asked, truth = fitted.encode(train).features, fitted.encode(test).features, truth_of(train, names)
    if len(names) > 1:
        return logistic_regression(seen, truth, asked, task("multilabel"), fitted.model.modalities)
    either = np.concatenate([1 - truth, truth], axis=1)
    return logistic_regression(seen, either, asked, task("classification"), fitted.model.modalities)[:, 1:]


def lung_ultrasound(data: Path) -> Set:
    """52 loops and stills of 17 groups: normal or not."""
    folder = data / "medical" / "pocus_ultrasound"
    rows = []
    for item in _items(folder / "labels.csv"):
        if item["label"] == "uncertain":
            continue
        rows.append(
            Row(
                id=Path(item["file"]).stem,
                images=_frames(folder / item["file"]),
                symptoms=_symptoms(item["text_symptoms_only"]),
                values=_person(item),
                patient=item["patient_or_group"],
                findings=("abnormal lung",) if item["label"] != "regular" else (),
            )
        )
    note = "31 of the 32 normal clips come from one source and machine: what is told apart may be that; five folds by group"
    return Set("lung ultrasound", tuple(rows), ("abnormal lung",), _folds(rows, 5), note, "best")


def chest_films(data: Path) -> Set:
    """46 films of 39 patients: intensive care, supine."""
    folder = data / "medical" / "covid_chestxray_open"
    rows = []
    for item in _items(folder / "labels.csv"):
        if item["went_icu"] not in OUTCOMES:
            continue
        found = {"intensive care": OUTCOMES[item["went_icu"]], "supine film": item["view"] == "AP Supine"}
        rows.append(
            Row(
                id=Path(item["file"]).stem,
                images=(_picture(folder / item["file"]),),
                study=("chest film",),
                values=_values(
                    item,
                    numbers=("age", "temperature", "leukocyte_count", "neutrophil_count", "lymphocyte_count", "offset_days"),
                    words=("sex",),
                ),
                patient=item["patientid"],
                findings=tuple(name for name, is_so in found.items() if is_so),
            )
        )
    note = "37 of 46 films are COVID-19, so the outcome is learned instead; bedside films are of sicker patients; five folds by patient"
    return Set("chest films", tuple(rows), ("intensive care", "supine film"), _folds(rows, 5), note, "best")


def breast_ultrasound(data: Path, preset: Preset) -> Set:
    """1,064 patients: malignant or not."""
    folder = data / "multimodal" / "busbra"
    numbers = ("img_w", "img_h", "box_x", "box_y", "box_w", "box_h", "box_tall", "box_area")
    rows = [
        Row(
            id=item["id"],
            images=(_picture(folder / item["image"]),),
            study=("breast ultrasound",),
            values=_values(item, numbers=numbers, words=("device", "view")),
            patient=item["group"],
            findings=("malignant",) if item["label"] == "malignant" else (),
        )
        for item in _items(folder / "items.csv")
    ]
    test = {item["id"] for item in _items(folder / "items.csv") if item["split"] == "test"}
    split = Split(tuple(row.id for row in rows if row.id not in test), (), tuple(row.id for row in rows if row.id in test))
    note = "biopsied cases of one hospital; the authors' split; the record is the lesion's box, measured by a reader, his verdict left out"
    return Set("breast ultrasound", tuple(rows), ("malignant",), (split,), note, preset)


def _folds(rows: Sequence[Row], parts: int) -> tuple[Split, ...]:
    labels = [row.findings or (ABSENT,) for row in rows]
    return tuple(folds([row.id for row in rows], labels, [row.patient for row in rows], parts=parts, seed=SEED))


def _symptoms(written: str) -> str:
    """`symptoms: fever yes, cough no` as a record would tell it: `fever; no cough`."""
    _, _, told = written.partition("symptoms:")
    answers = [part.strip().rsplit(" ", 1) for part in told.split(",") if part.strip()]
    text = " ".join(f"{'' if answer == 'yes' else 'no '}{name}." for name, answer in answers)
    return spoken(read_record((), texts=[text]), EntryKind.SYMPTOM, None) if text else ""


def _person(item: dict[str, str]) -> dict[str, float | str | None]:
    """Age and sex as a record would give them."""
    found: dict[str, float | str | None] = {"sex": SEXES[item["sex"]]} if item["sex"] in SEXES else {}
    age = _number(item["age"])
    return found if age is None else {**found, "age_years": age}


def _items(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _values(item: dict[str, str], numbers: Sequence[str], words: Sequence[str]) -> dict[str, float | str | None]:
    found: dict[str, float | str | None] = {name: item[name] for name in words if item[name]}
    for name in numbers:
        number = _number(item[name])
        if number is not None:
            found[name] = number
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _picture(path: Path) -> ByteArray:
    from PIL import Image

    with Image.open(path) as opened:
        opened.thumbnail((1024, 1024))
        return np.array(opened.convert("RGB"))


def _frames(path: Path) -> tuple[ByteArray, ...]:
    """Some frames of a loop, evenly spread; the picture itself where it is one."""
    from core.table.media import MediaBounds, open_video

    if path.suffix in (".png", ".jpg"):
        return (_picture(path),)
    return open_video(path, MediaBounds(max_frames=FRAMES)).frames
