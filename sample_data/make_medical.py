"""Make the sample study and its record again from the public set of lung ultrasound.

    TRIVIUM_DATA=/path/to/data python sample_data/make_medical.py

The picture and what is told of the patient are real and published; name, identifiers and dates are invented. NOTICE.md says more.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage, generate_uid

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("TRIVIUM_DATA", HERE.parent.parent / "shared" / "data"))
SET = DATA / "medical" / "pocus_ultrasound"
ITEM = "images/Pneu_emdocs_1.png"
PATIENT_ID, ISSUER, NAME, BIRTH_DATE = "DEMO-0219", "TRIVIUM-DEMO", ("Sample", "Person"), "19580214"
TAKEN_DATE, TAKEN_TIME = "20200301", "101500"
SEED = ("trivium", "sample", "study")
CONDITIONS = (
    ("414916001", "Obesity", "obesity"),
    ("73211009", "Diabetes mellitus", "diabetes mellitus"),
    ("38341003", "Hypertensive disorder, systemic arterial", "hypertension"),
)
SYMPTOMS = "Fever. No cough. No respiratory problems. No headache. No loss of smell. No fatigue. No sore throat."


def make_study(folder: Path) -> None:
    """The published picture as an ultrasound object, grey values as they were."""
    grey = np.asarray(Image.open(SET / ITEM).convert("L"), np.uint8)
    data = Dataset()
    data.SOPClassUID = UltrasoundImageStorage
    data.SOPInstanceUID, data.SeriesInstanceUID, data.StudyInstanceUID = (_uid(part) for part in ("instance", "series", "study"))
    data.PatientID, data.IssuerOfPatientID, data.PatientBirthDate, data.PatientSex = PATIENT_ID, ISSUER, BIRTH_DATE, "M"
    data.PatientName = "^".join(NAME)
    data.StudyDate = data.SeriesDate = data.ContentDate = TAKEN_DATE
    data.StudyTime = data.SeriesTime = data.ContentTime = TAKEN_TIME
    data.AccessionNumber, data.StudyID, data.ReferringPhysicianName = "A-0219", "1", ""
    data.Modality, data.BodyPartExamined, data.StudyDescription = "US", "LUNG", "Lung ultrasound"
    data.SeriesDescription, data.SeriesNumber, data.InstanceNumber = "convex probe", "1", "1"
    data.Manufacturer, data.ImageType, data.Laterality, data.PatientOrientation = "", ["DERIVED", "SECONDARY"], "", ""
    data.BurnedInAnnotation, data.LossyImageCompression = "NO", "00"
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = *grey.shape, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = grey.tobytes() + b"\0" * (grey.size % 2)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.save_as(folder / "lung.dcm", enforce_file_format=True)


def make_record(path: Path) -> None:
    """Age, sex and conditions of the published case as a FHIR bundle."""
    with (SET / "labels.csv").open(newline="", encoding="utf-8") as file:
        item = next(row for row in csv.DictReader(file) if row["file"] == ITEM)
    if (item["sex"], item["age"]) != ("M", "62") or "diabetes and hypertension" not in item["text_symptoms_only"]:
        raise SystemExit("the set says something else of this patient than this script writes down")
    subject = {"reference": "Patient/demo"}
    patient = {
        "resourceType": "Patient",
        "id": "demo",
        "identifier": [{"system": f"urn:trivium:{ISSUER}", "value": PATIENT_ID, "assigner": {"display": ISSUER}}],
        "name": [{"family": NAME[0], "given": [NAME[1]]}],
        "gender": "male",
        "birthDate": f"{BIRTH_DATE[:4]}-{BIRTH_DATE[4:6]}-{BIRTH_DATE[6:]}",
    }
    conditions = [
        {
            "resourceType": "Condition",
            "id": f"c{number}",
            "clinicalStatus": _coded("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
            "verificationStatus": _coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"),
            "code": {**_coded("http://snomed.info/sct", code, display), "text": text},
            "subject": subject,
            "recordedDate": "2019-11-05",
        }
        for number, (code, display, text) in enumerate(CONDITIONS, start=1)
    ]
    entries = [{"resource": resource} for resource in (patient, *conditions)]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}, indent=1) + "\n", "utf-8")


def _coded(system: str, code: str, display: str = "") -> dict[str, object]:
    return {"coding": [{"system": system, "code": code, **({"display": display} if display else {})}]}


def _uid(part: str) -> str:
    return str(generate_uid(entropy_srcs=[*SEED, part]))


def main() -> int:
    """Make everything."""
    if not SET.is_dir():
        print(f"the public set of lung ultrasound is not at {SET}; set TRIVIUM_DATA", file=sys.stderr)
        return 2
    folder = HERE / "medical"
    (folder / "study").mkdir(parents=True, exist_ok=True)
    make_study(folder / "study")
    make_record(folder / "record.json")
    (folder / "symptoms.txt").write_text(SYMPTOMS + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
