"""Studies built by hand from pydicom's real files, and a report in full."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from report_pieces import CHECKPOINT, EARLIER, FINDINGS, MADE_WALL_S, REGIONS, TAKEN_WALL_S, read_instance, shades

from domains.medical.record import Entry, EntryKind, Record
from domains.medical.report import DraftReport, Finding
from domains.medical.reporting.composing import compose
from domains.medical.study import Geometry, KeyImage, Patient, Series, Study


@pytest.fixture(scope="session")
def film() -> tuple[Study, tuple[KeyImage, ...]]:
    """A radiograph (`RG1_UNCR.dcm`, 1955 x 1841) called a chest film, and its key image."""
    held, instance = read_instance("RG1_UNCR.dcm", body_part="chest", view="PA", modality="CR")
    patient = Patient(id="PID-7731", issuer="CLINIC", name="Müller, Anna", birth_date="1960-04-02", sex="F")
    series = Series(str(held.SeriesInstanceUID), "CR", "PA", (instance,))
    study = Study(str(held.StudyInstanceUID), patient, TAKEN_WALL_S, "CHEST PA, ?effusion", "ACC-19", (series,))
    picture = np.ascontiguousarray(shades(held)[::3, ::3])
    return study, (KeyImage("image-1", "chest film, PA", picture, instance.uid),)


def _millimetres_up(distance_mm: int) -> Geometry:
    return Geometry((0.0, 0.0, float(distance_mm)), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.66, 0.66))


@pytest.fixture(scope="session")
def tomogram() -> tuple[Study, tuple[KeyImage, ...]]:
    """300 slices, each told of as `CT_small.dcm` but a millimetre further, and two key images."""
    held, first = read_instance("CT_small.dcm", body_part="chest")
    slices = tuple(replace(first, uid=f"1.2.826.0.1.3680043.8.498.{n + 1}", number=n, geometry=_millimetres_up(n)) for n in range(300))
    series = Series("1.2.826.0.1.3680043.8.498.9001", "CT", "thin", slices)
    study = Study("1.2.826.0.1.3680043.8.498.9000", Patient(id="1CT1", name="Doe, Jo", sex="M"), TAKEN_WALL_S, "", "", (series,))
    picture = shades(held)
    names = ("axial slice 142 of 300, lung window", "axial slice 142 of 300, soft-tissue window")
    return study, tuple(KeyImage(f"image-{n}", name, picture, slices[141].uid) for n, name in enumerate(names, 1))


@pytest.fixture(scope="session")
def record() -> Record:
    """Vital signs, values, symptoms and conditions."""
    entries = (
        Entry("Observation/o1", EntryKind.VITAL, "temperature", 38.4, "degC", 36.0, 37.5, at_wall_s=TAKEN_WALL_S - 3600),
        Entry("Observation/o2", EntryKind.VITAL, "oxygen saturation", 91.0, "percent", 94.0, 100.0, at_wall_s=TAKEN_WALL_S - 3600),
        Entry("vitals.csv:3", EntryKind.VITAL, "heart rate", 88.0, "1/min", 50.0, 100.0, at_wall_s=TAKEN_WALL_S - 3600),
        Entry("Observation/o3", EntryKind.LABORATORY, "c-reactive protein", 120.0, "mg/L", 0.0, 5.0, at_wall_s=TAKEN_WALL_S - 7200),
        Entry("Observation/o4", EntryKind.LABORATORY, "sodium", 140.0, "mmol/L", 135.0, 145.0, at_wall_s=TAKEN_WALL_S - 7200),
        Entry("Condition/c1", EntryKind.CONDITION, "type 2 diabetes mellitus", at_wall_s=TAKEN_WALL_S - 9e7),
        Entry("Condition/c2", EntryKind.CONDITION, "asthma", negated=True),
        Entry("note.txt:1", EntryKind.SYMPTOM, "cough", text="Cough for 5 days, <b>worse</b> at night."),
    )
    return Record(Patient(id="PID-7731"), entries)


@pytest.fixture(scope="session")
def drafted(film: tuple[Study, tuple[KeyImage, ...]], record: Record) -> DraftReport:
    """A film with a record, four findings and a marked region."""
    study, images = film
    return compose(
        study, images, record, ("Cough and fever for 5 days. Ex-smoker.",), FINDINGS, CHECKPOINT, regions=REGIONS, earlier=EARLIER,
        made_wall_s=MADE_WALL_S, report_id="0" * 31 + "7",
    )  # fmt: skip


@pytest.fixture(scope="session")
def with_findings(film: tuple[Study, tuple[KeyImage, ...]]) -> Callable[[Sequence[Finding]], DraftReport]:
    """Drafts of the film with other findings."""
    study, images = film
    return lambda findings: compose(study, images, None, (), findings, CHECKPOINT, made_wall_s=MADE_WALL_S)
