"""What the tests of reports share: an instance of a real file, judged findings, versions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pydicom
from pydicom.data import get_testdata_file

from core.samples import ByteArray
from domains.medical.report import Checkpoint, Coded, Finding, Status
from domains.medical.reporting.study_sentences import Earlier
from domains.medical.sign_off import PreviousVersion, SignedState
from domains.medical.study import Instance

MADE_WALL_S = 1_767_300_000.0
TAKEN_WALL_S = 1_767_225_600.0


def read_instance(name: str, **changes: object) -> tuple[pydicom.Dataset, Instance]:
    """One of pydicom's files, as the reader would tell of it."""
    path = Path(str(get_testdata_file(name)))
    held = pydicom.dcmread(path)
    values: dict[str, object] = {
        "uid": str(held.SOPInstanceUID),
        "class_uid": str(held.SOPClassUID),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "path": path,
        "number": 1,
        "rows": int(held.Rows),
        "columns": int(held.Columns),
        "frames": int(held.get("NumberOfFrames", 1)),
        "modality": str(held.Modality),
    }
    return held, Instance(**(values | changes))  # type: ignore[arg-type]


def shades(held: pydicom.Dataset) -> ByteArray:
    """Its pixels between black and white, `[rows, columns, 3]`."""
    pixels = held.pixel_array.astype(np.float64)
    low, high = pixels.min(), pixels.max()
    return np.repeat(((pixels - low) / max(high - low, 1.0) * 255).astype(np.uint8)[..., None], 3, axis=2)


CHECKPOINT = Checkpoint(name="chest-findings", sha256="ab" * 32, trained_on="6,469 studies of IU X-Ray", limits=("adults only",))


def finding(name: str, probability: float, *, threshold: float = 0.6, absent_below: float = 0.2, code: Coded | None = None) -> Finding:
    """Judged by its thresholds."""
    between = Status.ABSENT if probability < absent_below else Status.ABSTAINED
    status = Status.PRESENT if probability >= threshold else between
    return Finding(
        name=name, probability=probability, threshold=threshold, absent_below=absent_below, status=status, code=code,
        contributions={"image": 0.7, "record": 0.3}, evidence=("image-1",),
    )  # fmt: skip


FINDINGS = (
    finding("pneumothorax", 0.034, code=Coded(scheme="SCT", code="36118008", meaning="Pneumothorax")),
    finding("pleural effusion", 0.823, code=Coded(scheme="SCT", code="60046008", meaning="Pleural effusion")),
    finding("consolidation", 0.41),
    finding("rib fractures", 0.0002),
)
REGIONS = {"pleural effusion": ("image-1", (0.1, 0.55, 0.45, 0.95))}
EARLIER = (Earlier("CT", TAKEN_WALL_S - 86_400 * 60, "chest", "DiagnosticReport/d1"), Earlier("DX"))

DRAFT = SignedState()
FINAL = SignedState("final", 2, "Pryce, Ada", MADE_WALL_S + 900, (PreviousVersion(1, "draft", "software", MADE_WALL_S, "drafted"),))
AMENDED = SignedState(
    "amended",
    4,
    "Pryce, Ada",
    MADE_WALL_S + 9000,
    (
        *FINAL.previous,
        PreviousVersion(2, "final", "Pryce, Ada", MADE_WALL_S + 900),
        PreviousVersion(3, "amended-draft", "Pryce, Ada", MADE_WALL_S + 8000),
    ),
)
VERSIONS = (DRAFT, FINAL, AMENDED)


def no_files(sha256: str) -> bytes:
    """A store without pictures."""
    raise AssertionError(f"asked for {sha256}")
