"""What is said of each finding: present, absent or not sure, with its calibrated probability and the picture it is marked in.

A probability is told in whole percent from 1 to 99 and in tenths beyond, never as 0 or 100; the number itself stays with the finding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.errors import InputError
from core.language.facts import Fact
from domains.medical.report import Evidence, Finding, Section, Status
from domains.medical.reporting.telling import Line, fact, short

LEAST_TOLD_PERCENT = 0.1
ORDER = (Status.PRESENT, Status.ABSTAINED, Status.ABSENT)
MAKER, MODEL = "maker", "model"
NOT_SURE = "not sure about"


def told_percent(probability: float) -> float:
    """A probability in percent as it is told; that of the opposite is 100 less this."""
    percent = 100.0 * probability
    if 1.0 <= percent <= 99.0:
        return float(round(percent))
    return min(max(round(percent, 1), LEAST_TOLD_PERCENT), 100.0 - LEAST_TOLD_PERCENT)


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Present first, then what was abstained, then absent; the likelier first among each."""
    return tuple(sorted(findings, key=lambda f: (ORDER.index(f.status), -f.probability)))


def finding_lines(
    findings: Sequence[Finding], marks: Mapping[str, Evidence], pictures: Mapping[str, str], *, was_asked: bool
) -> list[Line]:
    """The sentences on findings, for two sections.

    Args:
        findings: in the order they are to be told, each with its evidence ids.
        marks: finding name -> evidence of the marked region.
        pictures: evidence id of a region -> name of its picture.
        was_asked: there was a findings model.
    """
    if not findings:
        return [_nothing(section, was_asked=was_asked) for section in (Section.FINDINGS, Section.IMPRESSION)]
    lines = [_line(Section.FINDINGS, f, marks, pictures) for f in findings]
    if all(f.status is not Status.PRESENT for f in findings):
        none = Fact("none", "finding", "answer", "reached its threshold", negated=True)
        evidence = tuple(dict.fromkeys(identity for f in findings for identity in f.evidence))
        lines.append(Line(Section.IMPRESSION, "No finding reached its threshold.", (none,), evidence))
    return lines + [_line(Section.IMPRESSION, f, {}, {}) for f in findings if f.status is not Status.ABSENT]


def review_line() -> Line:
    """Who must look at it; the last sentence of every draft, and true of a signed report as well."""
    facts = (
        fact("maker", "report", "maker", "drafted by software"),
        fact("use", "report", "use", "no diagnosis"),
        fact("reviewer", "qualified person", "task", "must review and sign it"),
    )
    text = "The report was drafted by software, it is no diagnosis; a qualified person must review and sign it."
    return Line(Section.IMPRESSION, text, facts, (MAKER,))


def _nothing(section: Section, *, was_asked: bool) -> Line:
    if was_asked:
        answer = Fact("none", "answer", "state", "given by the findings model", negated=True)
        return Line(section, "No answer was given by the findings model.", (answer,), (MODEL,))
    return Line(section, "No findings model was asked.", (Fact("none", "findings model", "state", "asked", negated=True),), (MAKER,))


def _line(section: Section, finding: Finding, marks: Mapping[str, Evidence], pictures: Mapping[str, str]) -> Line:
    name = short(finding.name)
    try:
        text, facts = _abstained(name, finding) if finding.status is Status.ABSTAINED else _decided(name, finding)
    except InputError:  # a name that no sentence can hold: without facts the line is dropped, and the table of findings still has it
        return Line(section, "A finding that has no name.", (), finding.evidence)
    evidence = finding.evidence
    mark = marks.get(finding.name)
    plainly = Line(section, text + ".", tuple(facts), evidence)
    if mark is None:
        return plainly
    picture = short(pictures[mark.id])
    facts.append(fact("mark", name, "marked in", picture))
    pronoun = "they are" if _be(name) == "are" else "it is"
    return Line(
        section, f"{text}; {pronoun} marked in {picture}.", tuple(facts), tuple(dict.fromkeys((*evidence, mark.id))), otherwise=plainly
    )


def _decided(name: str, finding: Finding) -> tuple[str, list[Fact]]:
    is_absent = finding.status is Status.ABSENT
    percent = told_percent(finding.probability)
    percent = round(100.0 - percent, 1) if is_absent else percent
    held = Fact("answer", name, negated=is_absent, probability=percent / 100.0)
    return f"{_capital(name)} {_be(name)} {finding.status}, with probability {percent:g} %", [held]


def _abstained(name: str, finding: Finding) -> tuple[str, list[Fact]]:
    percent = told_percent(finding.probability)
    facts = [fact("answer", name, "answer", NOT_SURE), fact("probability", name, "probability", percent, "percent")]
    return f"{_capital(NOT_SURE)} {name}; the probability is {percent:g} %", facts


def _be(name: str) -> str:
    return "are" if name.endswith("s") and not name.endswith(("ss", "us", "is", "ax", "x")) else "is"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
