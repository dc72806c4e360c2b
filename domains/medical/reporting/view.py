"""What a page shows of a report: its words in the order they are read, its evidence numbered, its pictures as data.

HTML and PDF share it. Nothing of it is markup; the template escapes it all.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from core.errors import InputError, StoreError
from domains.medical.report import DRAFT_NOTICE, DraftReport, Evidence, Finding, ReportSentence, Section, Status
from domains.medical.reporting.finding_sentences import told_percent
from domains.medical.reporting.telling import day
from domains.medical.sign_off import MODEL, SignedState

Files = Callable[[str], bytes]

SIGNED_NOTICE = "Drafted by software for research and review; reviewed and signed by the person named. The software makes no diagnosis."
MOST_SHOWN = 4000  # characters of one value; the report itself keeps them all
MOST_UNBROKEN = 64  # characters of one run: the length of the longest UID
MOST_IDENTITY = 160  # characters of a name or a number at the head of a page
SEX = {"F": "female", "M": "male", "O": "other"}
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")  # would turn the words around them, and so what they seem to say
_UNBROKEN = re.compile(rf"[^\s\u200b-]{{{MOST_UNBROKEN}}}(?=\S)")
_STATUS_WORDS = {Status.PRESENT: "present", Status.ABSENT: "absent", Status.ABSTAINED: "not sure"}


@dataclass(frozen=True, slots=True)
class ShownSentence:
    """A sentence with the numbers of its evidence."""

    text: str = field(repr=False)
    by: str
    evidence: tuple[int, ...]

    @property
    def is_of_person(self) -> bool:
        return self.by != MODEL


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """A row of the table of findings; numbers in percent."""

    name: str
    code: str
    percent: float
    threshold: float
    absent_below: float
    status: str
    by: str
    contributions: str
    evidence: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture, or None where it is not kept any more; `box` is left, top, width, height in percent."""

    number: int
    caption: str = field(repr=False)
    data: str | None = field(repr=False)
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class ShownEvidence:
    """A line of the list of evidence."""

    number: int
    kind: str
    label: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class View:
    """All that a page shows beside what it takes from the report itself."""

    title: str
    banner: str
    notice: str
    patient: tuple[tuple[str, str], ...] = field(repr=False)
    study: tuple[tuple[str, str], ...] = field(repr=False)
    sections: tuple[tuple[str, tuple[ShownSentence, ...]], ...] = field(repr=False)
    findings: tuple[ShownFinding, ...]
    not_sure: tuple[str, ...]
    pictures: tuple[ShownPicture, ...] = field(repr=False)
    evidence: tuple[ShownEvidence, ...] = field(repr=False)
    origin: tuple[tuple[str, str], ...] = field(repr=False)
    history: tuple[str, ...] = field(repr=False)


def view(report: DraftReport, version: SignedState, files: Files, zone: tzinfo = UTC) -> View:
    """What is shown of a version of a report.

    Args:
        report: the version's body.
        version: draft, or signed by whom.
        files: gives the bytes of a stored picture by its SHA-256; raises StoreError where it is not kept any more.
        zone: for dates.
    """
    rested_on = _shown_evidence(report)
    numbers = {identity: number for number, identity in enumerate(rested_on, 1)}
    return View(
        title="Imaging report",
        banner=_banner(version, zone),
        notice=SIGNED_NOTICE if version.is_signed else DRAFT_NOTICE,
        patient=_patient(report),
        study=_study(report, version, zone),
        sections=tuple((str(section), _sentences(report.in_section(section), numbers)) for section in Section),
        findings=tuple(_finding(finding, numbers) for finding in report.findings),
        not_sure=tuple(f.name for f in report.findings if f.status is Status.ABSTAINED),
        pictures=_pictures(report, numbers, files),
        evidence=tuple(ShownEvidence(number, _kind(e), e.label) for number, e in enumerate(rested_on.values(), 1)),
        origin=_origin(report, zone),
        history=tuple(_previous(version, zone)),
    )


def shown(text: str) -> str:
    """Words as a page shows them: clean, with a place to break in runs that have none, and no longer than a page takes."""
    kept = clean(text)
    kept = kept if len(kept) <= MOST_SHOWN else f"{kept[:MOST_SHOWN]} ..."
    return _UNBROKEN.sub(lambda run: f"{run[0]}\u200b", kept)


def clean(text: str) -> str:
    """Without control characters, what turns the direction of writing, and halves of surrogate pairs."""
    return "".join(c for c in _TURNING.sub("", text) if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def _banner(version: SignedState, zone: tzinfo) -> str:
    if not version.is_signed:
        amending = f" of an amendment to version {version.last_signed.number}" if version.last_signed is not None else ""
        return f"DRAFT{amending} — not signed"
    word = "Amended" if version.state == "amended" else "Final"
    when = f"{day(version.signed_wall_s, zone, with_time=True)} {_zone(zone)}"
    return f"{word} report, version {version.number}: signed by {version.signer}, {when}"


def _zone(zone: tzinfo) -> str:
    return zone.tzname(None) or str(zone)


def _patient(report: DraftReport) -> tuple[tuple[str, str], ...]:
    subject = report.subject
    number = f"{subject.patient_id} ({subject.issuer})" if subject.issuer and subject.patient_id else subject.patient_id
    shown = {"Patient": subject.name, "Patient number": number, "Born": subject.birth_date, "Sex": SEX.get(subject.sex, "")}
    return tuple((name, _head(value) or "not stated") for name, value in shown.items())


def _head(text: str) -> str:
    return text if len(text) <= MOST_IDENTITY else f"{text[:MOST_IDENTITY]} ..."


def _study(report: DraftReport, version: SignedState, zone: tzinfo) -> tuple[tuple[str, str], ...]:
    taken = "not stated" if report.study_wall_s is None else f"{day(report.study_wall_s, zone, with_time=True)} {_zone(zone)}"
    shown = {
        "Study": _head(report.study_description) or "not stated",
        "Taken": taken,
        "Modality": ", ".join(report.modalities) or "not stated",
        "Accession": _head(report.accession) or "not stated",
        "Study UID": _head(report.study_uid) or "not stated",
        "Report": f"{report.id}, version {version.number}",
    }
    return tuple(shown.items())


def _shown_evidence(report: DraftReport) -> dict[str, Evidence]:
    """What something rests on, and all pictures; in the report's order."""
    rested_on = {i for s in report.sentences for i in s.evidence} | {i for f in report.findings for i in f.evidence}
    return {e.id: e for e in report.evidence if e.id in rested_on or e.kind == "picture"}


def _kind(evidence: Evidence) -> str:
    entry = f" {evidence.entry_id}" if evidence.entry_id else ""
    place = f" {evidence.instance_uid}, frame {evidence.frame + 1}" if evidence.instance_uid else ""
    return f"{evidence.kind}{entry or place}"


def _sentences(sentences: Sequence[ReportSentence], numbers: dict[str, int]) -> tuple[ShownSentence, ...]:
    return tuple(ShownSentence(s.text, s.by, _numbers(s.evidence, numbers)) for s in sentences)


def _numbers(evidence: Sequence[str], numbers: dict[str, int]) -> tuple[int, ...]:
    return tuple(sorted({numbers[identity] for identity in evidence if identity in numbers}))


def _finding(finding: Finding, numbers: dict[str, int]) -> ShownFinding:
    shares = ", ".join(f"{name} {100 * share:.0f} %" for name, share in finding.contributions.items())
    return ShownFinding(
        name=finding.name,
        code="" if finding.code is None else f"{finding.code.scheme} {finding.code.code}",
        percent=told_percent(finding.probability),
        threshold=round(100 * finding.threshold, 1),
        absent_below=round(100 * finding.absent_below, 1),
        status=_STATUS_WORDS[finding.status],
        by=finding.by,
        contributions=shares,
        evidence=_numbers(finding.evidence, numbers),
    )


def _pictures(report: DraftReport, numbers: dict[str, int], files: Files) -> tuple[ShownPicture, ...]:
    """Each picture once, and beside it each overlay."""
    shown: list[ShownPicture] = []
    for evidence in report.evidence:
        if evidence.kind != "picture" or not (sha256 := evidence.overlay_sha256 or evidence.image_sha256):
            continue
        region = None if evidence.overlay_sha256 else evidence.region
        box = None if region is None else tuple(100 * v for v in (region.x1, region.y1, region.x2 - region.x1, region.y2 - region.y1))
        shown.append(ShownPicture(numbers[evidence.id], evidence.label, _data(files, sha256), box))  # type: ignore[arg-type]
    return tuple(shown)


def _data(files: Files, sha256: str) -> str | None:
    """A picture as a data URI, or None where it is not kept any more.

    Raises:
        InputError: the file is no PNG or JPEG picture.
    """
    try:
        content = files(sha256)
    except StoreError:
        return None
    media_type = "image/png" if content.startswith(_PNG) else "image/jpeg" if content.startswith(_JPEG) else ""
    if not media_type:
        raise InputError(f"the stored file {sha256[:12]} is no PNG or JPEG picture; draft the report again")
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"


def _origin(report: DraftReport, zone: tzinfo) -> tuple[tuple[str, str], ...]:
    checkpoint = report.checkpoint
    shown = {"Drafted": f"{day(report.made_wall_s, zone, with_time=True)} {_zone(zone)}"}
    if checkpoint is None:
        shown["Findings model"] = "none was asked"
    else:
        made_up = " (trained on synthetic data)" if checkpoint.is_synthetic else ""
        shown["Findings model"] = f"{checkpoint.name}{made_up}, SHA-256 {checkpoint.sha256[:16]}"
        shown["Trained on"] = checkpoint.trained_on or "not stated"
        shown["Limits"] = "; ".join(checkpoint.limits)
    shown["Inputs used"] = "; ".join(report.used) or "none"
    shown["Inputs missing"] = "; ".join(report.missing) or "none"
    shown["Notices"] = "; ".join(report.notices)
    shown["Sentences dropped"] = "; ".join(report.dropped) or "none"
    return tuple((name, value) for name, value in shown.items() if value)


def _previous(version: SignedState, zone: tzinfo) -> list[str]:
    return [
        f"Version {p.number} ({p.state}) by {p.by}, {day(p.at_wall_s, zone, with_time=True)}{f': {p.reason}' if p.reason else ''}"
        for p in version.previous
    ]
