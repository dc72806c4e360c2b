"""What the state of a report is when it is shown or written out: draft, or signed by whom and when; and what hinders a signature.

The store keeps the versions; this says in plain values what a page, a PDF or an SR must print about them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from core.errors import InputError
from domains.medical.report import DraftReport, Section, Status

if TYPE_CHECKING:
    from core.store import ReportVersion

VersionState = Literal["draft", "final", "amended-draft", "amended"]
MODEL = "model"
UNSIGNED = "it cannot be exported as final unsigned"
_PLACEHOLDER = re.compile(r"\[\s*(?:\.{2,}|…|\?+|_*)\s*\]|_{3,}|\?{3,}|\bTODO\b|\bTBD\b|\bXXX\b")


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """One earlier version, as a line of the history.

    Attributes:
        number: from 1 up.
        state: of that version.
        by: who made it: a person's display name, or what software said.
        at_wall_s: Unix time.
        reason: why, in that person's words.
    """

    number: int
    state: VersionState
    by: str
    at_wall_s: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SignedState:
    """The state that an exported report must show.

    Attributes:
        state: `draft` and `amended-draft` are DRAFT wherever they are shown; `final` and `amended` are signed.
        number: the version.
        signer: the display name of who signed this version; empty where nobody has.
        signed_wall_s: Unix time of the signature, or None.
        previous: the versions before this one, the first at the front.
    """

    state: VersionState = "draft"
    number: int = 1
    signer: str = ""
    signed_wall_s: float | None = None
    previous: tuple[PreviousVersion, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a signature without a signer, and a signer of what is not signed."""
        if self.is_signed != bool(self.signer and self.signed_wall_s is not None):
            raise ValueError(f"a report in state {self.state} {'must' if self.is_signed else 'cannot'} name who signed it and when")

    @property
    def is_signed(self) -> bool:
        """Whether a person has signed this version; if not, it says DRAFT."""
        return self.state in ("final", "amended")

    @property
    def last_signed(self) -> PreviousVersion | None:
        """The signed version that this one follows (an amendment names what it amends), or None."""
        return next((version for version in reversed(self.previous) if version.state in ("final", "amended")), None)


def signed_state(versions: Sequence[ReportVersion], number: int, display_names: Mapping[str, str]) -> SignedState:
    """What a version of a report must show.

    Args:
        versions: all of the report's, the first at the front, as the store keeps them.
        number: the one that is shown.
        display_names: name -> how reports show that person; whoever is not there is shown as the store names them.

    Raises:
        InputError: there is no such version.
    """
    chosen = next((version for version in versions if version.number == number), None)
    if chosen is None:
        raise InputError(f"the report has no version {number}; its versions go from 1 to {len(versions)}")
    previous = tuple(
        PreviousVersion(version.number, version.state.value, display_names.get(version.by, version.by), version.at_wall_s, version.reason)
        for version in versions
        if version.number < number
    )
    if not chosen.state.is_signed:
        return SignedState(chosen.state.value, number, previous=previous)
    return SignedState(chosen.state.value, number, display_names.get(chosen.by, chosen.by), chosen.at_wall_s, previous)


def stored_report(body: Mapping[str, object]) -> DraftReport:
    """A version's body as a report.

    Raises:
        InputError: it is no medical report; nothing of it is repeated.
    """
    try:
        return DraftReport.model_validate_json(json.dumps(body))
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        raise InputError(f"this is no medical report: {place or 'its form'} is wrong; take what `reports show --json` prints") from None


def model_status(probability: float, threshold: float, absent_below: float) -> Status:
    """What the model said of a finding, whatever a person made of it later."""
    if probability >= threshold:
        return Status.PRESENT
    return Status.ABSENT if probability < absent_below else Status.ABSTAINED


def undecided(report: DraftReport) -> tuple[str, ...]:
    """Names of the findings that neither the model nor a person has decided."""
    return tuple(finding.name for finding in report.findings if finding.status is Status.ABSTAINED)


def unresolved(report: DraftReport, *, may_stay_undecided: bool = False) -> tuple[str, ...]:
    """What must be mended before a person can sign, in plain words without anything of the patient.

    Args:
        report: what is to be signed.
        may_stay_undecided: the signer leaves findings open that the model abstained on.
    """
    return tuple(_unresolved(report, may_stay_undecided))


def _unresolved(report: DraftReport, may_stay_undecided: bool) -> Iterator[str]:
    if not report.in_section(Section.FINDINGS) and not report.in_section(Section.IMPRESSION):
        yield "there is no sentence under findings or impression"
    for sentence in report.sentences:
        if _PLACEHOLDER.search(sentence.text):
            yield f"sentence {sentence.id} has a gap to fill in"
        if sentence.by == MODEL and not sentence.evidence:
            yield f"sentence {sentence.id} of the model rests on nothing"
    yield from _stale(report)
    if not may_stay_undecided and (names := undecided(report)):
        yield f"undecided: {', '.join(names)}; say present or absent, or sign with these left undecided"


def _stale(report: DraftReport) -> Iterator[str]:
    """Sentences of the model on a finding that a person has decided otherwise."""
    for finding in report.findings:
        if finding.by == MODEL or finding.status is model_status(finding.probability, finding.threshold, finding.absent_below):
            continue
        others = {evidence for other in report.findings if other is not finding for evidence in other.evidence}
        its_own = set(finding.evidence) - others  # a picture is shared by many findings, a probability is not
        for sentence in report.sentences:
            rests_on = set(sentence.evidence)
            is_on_it_alone = bool(its_own & rests_on) and not (others - set(finding.evidence)) & rests_on
            if sentence.by == MODEL and (is_on_it_alone or finding.name.lower() in sentence.text.lower()):
                yield f"{finding.name} is now {finding.status}, but sentence {sentence.id} is still the model's; change or remove it"
