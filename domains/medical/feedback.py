"""What people made of the model's findings: labels to train on, and how often they agreed.

Only signed versions count. A label is *decided* where a person said present or absent, *signed* where the signer left the model's word
as it stood: the second kind is weaker, because who reads a draft is led by it.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from domains.medical.report import DraftReport, Status
from domains.medical.sign_off import MODEL, model_status

COLUMNS = ("study_uid", "finding", "label", "how", "model", "probability")
NORMAL_QUANTILE_95 = 1.959963984540054
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class FindingLabel:
    """What a signed report says of one finding.

    Attributes:
        study_uid, finding: of what.
        label: present or absent.
        how: `decided` by a person, or `signed` as the model had it.
        model: what the model had said.
        probability: with which it said so.
    """

    study_uid: str
    finding: str
    label: Status
    how: Literal["decided", "signed"]
    model: Status
    probability: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often signed reports say of a finding what the model said; what it abstained on does not count.

    Attributes:
        finding: its name.
        count: signed reports in which the model said present or absent.
        agreed: those that say the same.
        decided: signed reports in which a person said so in as many words, what the model abstained on too.
        low, high: Wilson's 95 % interval of the share; 0 and 1 where nothing counts.
    """

    finding: str
    count: int
    agreed: int
    decided: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """Agreed of counted, or None where nothing counts."""
        return self.agreed / self.count if self.count else None


def labels_of(reports: Iterable[DraftReport]) -> list[FindingLabel]:
    """The labels of signed reports, each report given once: its newest signed version."""
    labels = []
    for report in reports:
        for finding in report.findings:
            if finding.status is not Status.ABSTAINED:
                said = model_status(finding.probability, finding.threshold, finding.absent_below)
                how: Literal["decided", "signed"] = "signed" if finding.by == MODEL else "decided"
                labels.append(FindingLabel(report.study_uid, finding.name, finding.status, how, said, finding.probability))
    return labels


def agreements(labels: Iterable[FindingLabel]) -> list[Agreement]:
    """One for each finding, by name."""
    by_finding: dict[str, list[FindingLabel]] = defaultdict(list)
    for label in labels:
        by_finding[label.finding].append(label)
    return [_agreement(name, by_finding[name]) for name in sorted(by_finding)]


def wilson_interval(successes: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share (Wilson, 1927); 0 and 1 where nothing was counted."""
    if count == 0:
        return 0.0, 1.0
    z2 = NORMAL_QUANTILE_95**2
    share = successes / count
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL_QUANTILE_95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == count else centre + half)


def as_csv(labels: Sequence[FindingLabel]) -> str:
    """The labels as a table with the columns `COLUMNS`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for label in labels:
        names = (_harmless(label.study_uid), _harmless(label.finding))
        writer.writerow((*names, label.label, label.how, label.model, f"{label.probability:.6g}"))
    return text.getvalue()


def _agreement(name: str, labels: Sequence[FindingLabel]) -> Agreement:
    counted = [label for label in labels if label.model is not Status.ABSTAINED]
    agreed = sum(label.label is label.model for label in counted)
    low, high = wilson_interval(agreed, len(counted))
    return Agreement(name, len(counted), agreed, sum(label.how == "decided" for label in labels), low, high)


def _harmless(text: str) -> str:
    """What a spreadsheet would take for a formula becomes text."""
    return f"'{text}" if text.startswith(_FORMULA) else text
