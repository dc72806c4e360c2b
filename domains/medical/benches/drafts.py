"""How long a draft takes and how much memory: a two-film study with a record, warm; a CT of 300 slices in a process of its own.

The films are pydicom's chest film and its mirror image; the CT is made: pydicom's small CT, enlarged, moved and with noise, so the
time and memory are real and the findings mean nothing. The model is trained on the spot on the open chest films, to have its cost.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
from fhir.resources.R4B.bundle import Bundle

from core.benches.processes import run_measured
from core.benchmark import BenchContext, Metric
from core.errors import InputError
from core.label_learning.options import LabelOptions
from domains.medical.benches.findings import chest_films
from domains.medical.config import MedicalSettings
from domains.medical.drafting import Drafted, Drafting
from domains.medical.findings.learning import Lesson, train_findings
from domains.medical.formats import write_as
from domains.medical.sign_off import PreviousVersion, SignedState

SLICES, SIDE = 300, 512
ROUNDS, QUICK_ROUNDS = 7, 3
SEED = 0
GIB = 1 << 30
RECORD = Path(__file__).resolve().parents[3] / "sample_data" / "medical" / "record.json"
TEXT = "Cough for 5 days. Fever. No chest pain."


def run(context: BenchContext) -> list[Metric]:
    """Draft them."""
    model = context.scratch / "model"
    rows = chest_films(context.data).rows
    options = LabelOptions(preset="quick", epochs=2, seed=SEED)
    lesson = Lesson("bench", "46 open chest films, for time alone", options=options, test_fraction=0)
    train_findings(rows, model, lesson, say=context.say)
    films = context.scratch / "films"
    films.mkdir()
    make_films(films)
    metrics = _films(films, model, QUICK_ROUNDS if context.is_quick else ROUNDS, context.say)
    metrics += _documents(films, model, context.scratch)
    slices = context.scratch / "ct"
    slices.mkdir()
    make_ct(slices, SLICES)
    return metrics + _ct(slices, model, context.say)


def _films(films: Path, model: Path, rounds: int, say: Callable[[str], None]) -> list[Metric]:
    seconds: dict[str, list[float]] = {"draft": [], "with html and pdf": [], "with sr and fhir too": []}
    with Drafting(MedicalSettings(models=[model])) as drafting:
        first_s = time.monotonic()
        _draft(drafting, films)
        cold_s = time.monotonic() - first_s
        for number in range(rounds):
            say(f"two films: round {number + 1} of {rounds}")
            begun_s = time.monotonic()
            drafted = _draft(drafting, films)
            seconds["draft"].append(time.monotonic() - begun_s)
            for name in ("html", "pdf"):
                write_as(name, drafted.report, SignedState(), drafted.file, UTC)
            seconds["with html and pdf"].append(time.monotonic() - begun_s)
            for name in ("sr", "fhir"):
                write_as(name, drafted.report, SignedState(), drafted.file, UTC)
            seconds["with sr and fhir too"].append(time.monotonic() - begun_s)
    note = f"two films of 1955 x 1841, 16 bits, and a FHIR record; {rounds} rounds in one process, one before to warm up"
    metrics = []
    for what, found in seconds.items():
        median = statistics.median(found)
        metrics.append(
            Metric(
                f"two films and a record, warm: {what}",
                median,
                "s",
                "<= 3" if what == "draft" else "",
                median <= 3 if what == "draft" else None,
                interval=(min(found), max(found)),
                note=note,
            )
        )
    return [*metrics, Metric("two films and a record: the first one, models loaded on the way", cold_s, "s", note=note)]


def _documents(films: Path, model: Path, scratch: Path) -> list[Metric]:
    """What validators say of every state of a report: draft, final, amended."""
    previous = PreviousVersion(1, "draft", "trivium", 1.0)
    states = (
        SignedState(),
        SignedState("final", 2, "A. Reader", 2.0, (previous,)),
        SignedState("amended", 4, "A. Reader", 3.0, (previous,)),
    )
    with Drafting(MedicalSettings(models=[model])) as drafting:
        drafted = _draft(drafting, films)
    faults = 0
    program = shutil.which("dciodvfy")
    for number, state in enumerate(states):
        for name in ("sr", "encapsulated"):
            path = scratch / f"{number}-{name}.dcm"
            path.write_bytes(write_as(name, drafted.report, state, drafted.file, UTC))
            if program:
                told = subprocess.run([program, path], capture_output=True, text=True, timeout=60, check=False)
                faults += sum(line.startswith("Error") for line in told.stderr.splitlines())
        Bundle.model_validate_json(write_as("fhir", drafted.report, state, drafted.file, UTC))
    note = "SR (TID 1500) and encapsulated PDF of a draft, a final and an amended report; their FHIR bundles were validated, too"
    value = float(faults) if program else None
    return [
        Metric(
            "errors that dciodvfy finds",
            value,
            "",
            "0",
            None if value is None else value == 0,
            note=note if program else f"dciodvfy is not installed; {note}",
        )
    ]


def _draft(drafting: Drafting, films: Path) -> Drafted:
    (drafted,) = drafting.draft_place(films, records=[films.parent / "record.json"], texts=[TEXT])
    if not drafted.report.findings:
        raise InputError("the model was not asked: the time would mean nothing")
    return drafted


def _ct(slices: Path, model: Path, say: Callable[[str], None]) -> list[Metric]:
    say(f"CT of {SLICES} slices")
    child = run_measured([sys.executable, "-m", "domains.medical.benches.drafts", slices, model], timeout_s=600)
    told = json.loads(child.output.splitlines()[-1])
    note = f"{SLICES} slices of {SIDE} x {SIDE}, 16 bits, uncompressed; a process of its own, models loaded within it"
    peak_gib = child.peak_bytes / GIB
    return [
        Metric(f"CT of {SLICES} slices, draft", told["seconds"], "s", "<= 20", told["seconds"] <= 20, note=note),
        Metric(
            f"CT of {SLICES} slices, peak memory", peak_gib, "GiB", "<= 1.5", peak_gib <= 1.5, note=f"{note}; with its decoder's process"
        ),
    ]


def make_films(folder: Path) -> None:
    """A frontal film and its mirror image as one study, and a record of the same patient beside the folder.

    Raises:
        InputError: pydicom's test data are not installed.
    """
    from pydicom.uid import generate_uid

    source = _known("RG1_UNCR.dcm")
    study, series = generate_uid(), generate_uid()
    for number, view in enumerate(("PA", "LL"), start=1):
        data = source.copy()
        data.StudyInstanceUID, data.SeriesInstanceUID, data.SOPInstanceUID = study, series, generate_uid()
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.PatientID, data.IssuerOfPatientID, data.ViewPosition, data.InstanceNumber = "DEMO-0219", "TRIVIUM-DEMO", view, number
        data.PatientName, data.PatientBirthDate, data.PatientSex = "Sample^Person", "19580214", "M"
        data.StudyDate = data.SeriesDate = data.AcquisitionDate = "20200301"
        if number == 2:
            data.PixelData = np.ascontiguousarray(source.pixel_array[:, ::-1]).tobytes()
        data.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    (folder.parent / "record.json").write_bytes(RECORD.read_bytes())


def make_ct(folder: Path, slices: int) -> None:
    """A CT series of so many slices, 1 mm apart.

    Raises:
        InputError: pydicom's test data are not installed.
    """
    import cv2
    from pydicom.uid import generate_uid

    source = _known("CT_small.dcm")
    rng = np.random.default_rng(SEED)
    enlarged = cv2.resize(source.pixel_array.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    noise = rng.normal(0, 8, (8, SIDE, SIDE)).astype(np.float32)
    data = source.copy()
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.Rows = data.Columns = SIDE
    data.PixelSpacing = [0.7, 0.7]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    for number in range(slices):
        moved = np.roll(enlarged, number // 10, axis=1) + noise[number % len(noise)]
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.InstanceNumber, data.ImagePositionPatient = number + 1, [0.0, 0.0, float(number)]
        data.PixelData = np.clip(moved, 0, 4095).astype(np.int16).tobytes()
        data.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)


def _known(name: str) -> Any:
    import pydicom
    from pydicom.data import get_testdata_file

    found = get_testdata_file(name, download=False)
    if found is None:
        raise InputError(f"{name} is not here; install pydicom's test data: pip install pydicom-data")
    return pydicom.dcmread(str(found))


def main(slices: Path, model: Path) -> None:
    """The child: draft one study and tell what it took."""
    begun_s = time.monotonic()
    with Drafting(MedicalSettings(models=[model])) as drafting:
        (drafted,) = drafting.draft_place(slices)
        seconds = time.monotonic() - begun_s
    if not drafted.report.findings:
        raise InputError("the model was not asked: the time would mean nothing")
    print(json.dumps({"seconds": seconds, "steps": dict(drafted.seconds)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
