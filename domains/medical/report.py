"""A draft report as a value: sections of sentences, each with the evidence it rests on; findings with their probabilities.

Plain JSON by pydantic, because every version is kept as it was and shown again. A draft says that it is one, by which
checkpoint it was made, what that was trained on, what was read and what was missing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DRAFT_NOTICE = "DRAFT for review by a qualified person. Not a diagnosis. Made by software for research and review."
FORMAT: Literal["trivium.report/1"] = "trivium.report/1"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Section(StrEnum):
    """The parts of a report, in their order."""

    INDICATION = "indication"
    TECHNIQUE = "technique"
    COMPARISON = "comparison"
    FINDINGS = "findings"
    IMPRESSION = "impression"


class Status(StrEnum):
    """What is said of a finding: its probability against two thresholds, with room for 'not sure' between them."""

    PRESENT = "present"
    ABSENT = "absent"
    ABSTAINED = "abstained"


class Coded(_Value):
    """A term of a terminology (`scheme` as in DICOM PS3.16: SCT, DCM, LN, 99TRIVIUM)."""

    scheme: str
    code: str
    meaning: str


class Region(_Value):
    """Part of a picture, x1 y1 x2 y2 in 0 to 1."""

    x1: float = Field(ge=0, le=1)
    y1: float = Field(ge=0, le=1)
    x2: float = Field(ge=0, le=1)
    y2: float = Field(ge=0, le=1)


class Evidence(_Value):
    """What a sentence rests on.

    Attributes:
        id: within the report.
        kind: a picture, an entry of the record, what the model said, or what the study says of itself.
        label: for people: `chest film, PA`, `temperature 38.4 °C`, `probability 0.82`.
        instance_uid, frame, region: of a picture.
        rows, columns: pixels of the object that the picture was made of; 0 where it is not known.
        entry_id: of the record.
        image_sha256: of the stored PNG that shows it, where there is one.
        overlay_sha256: of the stored PNG with what the model looked at drawn over it.
    """

    id: str
    kind: Literal["picture", "record", "model", "study"]
    label: str
    instance_uid: str = ""
    frame: int = 0
    region: Region | None = None
    rows: int = 0
    columns: int = 0
    entry_id: str = ""
    image_sha256: str = ""
    overlay_sha256: str = ""


class ReportSentence(_Value):
    """One sentence.

    Attributes:
        id: within the report; kept when the sentence is edited.
        section: where it stands.
        text: as it reads.
        evidence: ids of what it rests on; empty only for sentences that a person wrote.
        by: `model`, or the person who wrote or changed it.
    """

    id: str
    section: Section
    text: str = Field(min_length=1, max_length=2000)
    evidence: tuple[str, ...] = ()
    by: str = "model"


class Finding(_Value):
    """One finding that the model was asked about.

    Attributes:
        name: the label, in plain words.
        code: of a terminology.
        probability: calibrated.
        threshold: from which on it is called present.
        absent_below: below which it is called absent; between the two the model abstains.
        status: present, absent, or abstained.
        contributions: share of each modality.
        evidence: ids.
        by: whose status it is: `model`, or the person who decided.
    """

    name: str
    code: Coded | None = None
    probability: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)
    absent_below: float = Field(ge=0, le=1)
    status: Status
    contributions: dict[str, float] = Field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    by: str = "model"


class Checkpoint(_Value):
    """Which model said so, and what it was trained on."""

    name: str
    sha256: str
    trained_on: str
    is_synthetic: bool = False
    limits: tuple[str, ...] = ()


class Subject(_Value):
    """Whom the report is of, as the study says. Shown on the report, never in a log."""

    patient_id: str = Field(default="", repr=False)
    issuer: str = Field(default="", repr=False)
    name: str = Field(default="", repr=False)
    birth_date: str = Field(default="", repr=False)
    sex: str = Field(default="", repr=False)


class Measurement(_Value):
    """A number with its unit and what it rests on (UCUM code in `unit`)."""

    name: str
    value: float
    unit: str
    evidence: tuple[str, ...] = ()


class DraftReport(_Value):
    """A report, from its first draft to its signed and amended versions.

    Attributes:
        format: of this value.
        id: of the report; the same in every version.
        study_uid, accession: what it is about.
        study_description, modalities: as the study says.
        study_wall_s: when the study was taken, or None.
        series: series uid to its instance uids, for those that were read.
        class_uids: instance uid to SOP class uid.
        subject: whom.
        made_wall_s: when it was drafted.
        sentences: in order of section, then as they are to be read.
        findings: all that the model was asked, abstained ones too.
        measurements: numbers that are told.
        evidence: what sentences and findings rest on.
        used, missing: inputs in plain words: `chest film, PA`; `no record was given`.
        dropped: sentences that did not pass the grounding check, with the reasons.
        notices: what a reader must know of the input.
        checkpoint: which model.
    """

    format: Literal["trivium.report/1"] = FORMAT
    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    study_uid: str
    accession: str = Field(default="", repr=False)
    study_description: str = ""
    modalities: tuple[str, ...] = ()
    study_wall_s: float | None = None
    series: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    class_uids: dict[str, str] = Field(default_factory=dict)
    subject: Subject = Subject()
    made_wall_s: float
    sentences: tuple[ReportSentence, ...] = ()
    findings: tuple[Finding, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    used: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    checkpoint: Checkpoint | None = None

    def in_section(self, section: Section) -> tuple[ReportSentence, ...]:
        """The sentences of one section."""
        return tuple(s for s in self.sentences if s.section is section)
