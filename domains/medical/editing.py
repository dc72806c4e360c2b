"""What a person may change of a report, and that it bears their name.

Sentences can be changed, added and removed; of a finding only whether it is present. All else, what was read and by which model,
stays as it was drafted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from core.errors import InputError
from core.registry import nearest
from domains.medical.report import DraftReport, Finding, ReportSentence, Section, Status
from domains.medical.sign_off import MODEL

EDITABLE = ("sentences", "findings")
MAX_SENTENCES = 500
MAX_CHARACTERS = 2000
DECISIONS = (Status.PRESENT, Status.ABSENT)
_SECTIONS = list(Section)


@dataclass(frozen=True, slots=True)
class Edit:
    """Steps that are taken in this order.

    Attributes:
        decided: finding -> present or absent.
        removed: ids of sentences.
        changed: id of a sentence -> its new words.
        added: sections and the words of a new sentence at each one's end.
    """

    decided: Mapping[str, Status] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    changed: Mapping[str, str] = field(default_factory=dict)
    added: tuple[tuple[Section, str], ...] = ()


def edited(report: DraftReport, edit: Edit, by: str, version: int) -> DraftReport:
    """The report after a person's edit.

    Args:
        report: as it was.
        edit: what to do.
        by: the person's name.
        version: the number of the version that this makes; new sentences are named after it, so no id is used twice.

    Raises:
        InputError: a sentence or a finding is not there, or words cannot stand in a report.
    """
    findings = _decide(report, edit.decided, by)
    known = [sentence.id for sentence in report.sentences]
    for identity in (*edit.removed, *edit.changed):
        if identity not in known:
            raise InputError(f"there is no sentence {identity[:40]!r} in the report; its sentences are {', '.join(known)}")
    sentences = [
        _written(sentence.model_copy(update={"text": edit.changed[sentence.id]}), by) if sentence.id in edit.changed else sentence
        for sentence in report.sentences
        if sentence.id not in edit.removed
    ]
    for number, (section, text) in enumerate(edit.added, 1):
        sentences.append(_written(ReportSentence.model_construct(id=f"v{version}-{number}", section=section, text=text, evidence=()), by))
    return report.model_copy(update={"sentences": _in_order(sentences), "findings": findings})


def edited_by_file(report: DraftReport, edited_report: DraftReport, by: str) -> DraftReport:
    """The report as a person's file has it: only what may be edited was, and what they changed bears their name, whatever the file says.

    Raises:
        InputError: something else was changed, or a sentence cannot stand in a report.
    """
    for name in DraftReport.model_fields:
        if name not in EDITABLE and getattr(report, name) != getattr(edited_report, name):
            raise InputError(f"{name} was changed in the file; only sentences and the status of findings can be edited")
    return report.model_copy(
        update={
            "sentences": _in_order(_attributed_sentences(report, edited_report.sentences, by)),
            "findings": tuple(_attributed_findings(report, edited_report.findings, by)),
        }
    )


def _decide(report: DraftReport, decided: Mapping[str, Status], by: str) -> tuple[Finding, ...]:
    names = [finding.name for finding in report.findings]
    for name, status in decided.items():
        if name not in names:
            near = nearest(name, names)
            advice = f"did you mean {near!r}?" if near else f"its findings are {', '.join(names) or 'none'}"
            raise InputError(f"the report has no finding {name[:80]!r}; {advice}")
        if status not in DECISIONS:
            raise InputError(f"a person says of {name} that it is present or absent, not {status}")
    return tuple(
        finding.model_copy(update={"status": decided[finding.name], "by": by}) if finding.name in decided else finding
        for finding in report.findings
    )


def _attributed_sentences(report: DraftReport, sentences: Iterable[ReportSentence], by: str) -> list[ReportSentence]:
    before = {sentence.id: sentence for sentence in report.sentences}
    known = {evidence.id for evidence in report.evidence}
    attributed: dict[str, ReportSentence] = {}
    for sentence in sentences:
        if sentence.id in attributed or not sentence.id:
            raise InputError(f"the file has two sentences with the id {sentence.id[:40]!r}; give each its own")
        unknown = set(sentence.evidence) - known
        if unknown:
            raise InputError(f"sentence {sentence.id[:40]} rests on {min(unknown)[:40]!r}, which is no evidence of the report")
        was = before.get(sentence.id)
        is_same = was is not None and was.model_copy(update={"by": ""}) == sentence.model_copy(update={"by": ""})
        attributed[sentence.id] = was if is_same and was is not None else _written(sentence, by)
    return list(attributed.values())


def _attributed_findings(report: DraftReport, findings: Iterable[Finding], by: str) -> Iterable[Finding]:
    findings = tuple(findings)
    if [f.name for f in findings] != [f.name for f in report.findings]:
        raise InputError("the file adds, removes or moves findings; only their status can be edited")
    for was, now in zip(report.findings, findings, strict=True):
        if was.model_copy(update={"status": now.status, "by": now.by}) != now:
            raise InputError(f"more than the status of {was.name} was changed in the file; only that can be edited")
        is_decided = now.status is not was.status or (now.by == by != was.by)
        if is_decided and now.status not in DECISIONS:
            raise InputError(f"a person says of {was.name} that it is present or absent, not {now.status}")
        yield was.model_copy(update={"status": now.status, "by": by}) if is_decided else was


def _written(sentence: ReportSentence, by: str) -> ReportSentence:
    """A sentence that a person wrote: one line of printable characters."""
    text = " ".join(sentence.text.split())
    if not text or len(text) > MAX_CHARACTERS or not text.isprintable():
        raise InputError(f"sentence {sentence.id[:40]} must have 1 to {MAX_CHARACTERS} printable characters")
    if by == MODEL:
        raise InputError("a sentence that a person wrote must bear their name")
    try:
        return ReportSentence(id=sentence.id, section=sentence.section, text=text, evidence=sentence.evidence, by=by)
    except ValidationError:
        raise InputError(f"sentence {sentence.id[:40]} cannot stand in a report; give a section and words") from None


def _in_order(sentences: list[ReportSentence]) -> tuple[ReportSentence, ...]:
    """By section, each section's sentences as they stood."""
    if len(sentences) > MAX_SENTENCES:
        raise InputError(f"the report would have {len(sentences)} sentences; keep it to {MAX_SENTENCES}")
    return tuple(sorted(sentences, key=lambda sentence: _SECTIONS.index(sentence.section)))
