"""What is measured of a findings model: a finding at a time, with intervals over patients; calibration, and risk against coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.metrics import Estimate, auroc, bootstrap, expected_calibration_error
from core.samples import BoolArray, FloatArray
from domains.medical.findings.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Asked:
    """Answers beside the truth.

    Attributes:
        names: findings.
        answers: calibrated probabilities, `[rows, findings]`.
        truth: `[rows, findings]`.
        patients: of each row.
    """

    names: tuple[str, ...]
    answers: FloatArray
    truth: FloatArray
    patients: tuple[str, ...]


def auroc_of(asked: Asked, index: int) -> Estimate:
    """Area under the ROC curve of one finding; NaN where only one kind of study is there."""
    column = slice(index, index + 1)
    return bootstrap(auroc, asked.answers[:, column], asked.truth[:, column], asked.patients)


def f1_of(asked: Asked, index: int, *, cut: float = 0.5) -> Estimate:
    """F1 of one finding at a cut."""

    def f1(answers: FloatArray, truth: FloatArray) -> float:
        said, true = answers[:, 0] >= cut, truth[:, 0] > 0.5
        size = said.sum() + true.sum()
        return float(2 * (said & true).sum() / size) if size else float("nan")

    column = slice(index, index + 1)
    return bootstrap(f1, asked.answers[:, column], asked.truth[:, column], asked.patients)


def ece_of(asked: Asked) -> Estimate:
    """Expected calibration error over all findings."""
    return bootstrap(lambda a, t: expected_calibration_error(a, t, exclusive=False), asked.answers, asked.truth, asked.patients)


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Error among what is answered, as more is answered: the surest first (El-Yaniv and Wiener, 2010).

    Attributes:
        coverage: share of finding-study pairs answered, ascending.
        risk: share of those that is wrong at a cut of 0.5.
    """

    coverage: FloatArray
    risk: FloatArray

    @property
    def area(self) -> float:
        """Under the curve; less is better."""
        return float(np.trapezoid(self.risk, self.coverage))


def risk_coverage(asked: Asked) -> RiskCoverage:
    """Over all findings together."""
    answers, truth = asked.answers.ravel(), asked.truth.ravel() > 0.5
    order = np.argsort(-np.abs(answers - 0.5), kind="stable")
    wrong = ((answers >= 0.5) != truth)[order]
    count = np.arange(1, len(wrong) + 1)
    return RiskCoverage((count / len(wrong)).astype(np.float32), (np.cumsum(wrong) / count).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Said:
    """How one finding's thresholds fare.

    Attributes:
        sure: share of studies called present or absent.
        wrong_present, wrong_absent: share of those without it that are called present, with it that are called absent; NaN for none.
    """

    sure: float
    wrong_present: float
    wrong_absent: float


def said_of(asked: Asked, index: int, thresholds: Thresholds) -> Said:
    """On studies that the thresholds were not fitted on."""
    answers, truth = asked.answers[:, index], asked.truth[:, index] > 0.5
    present, absent = answers >= thresholds.present_from, answers < thresholds.absent_below
    return Said(float((present | absent).mean()), _share(present[~truth]), _share(absent[truth]))


def figures_of(asked: Asked, thresholds: Sequence[Thresholds]) -> dict[str, float]:
    """Everything as plain numbers, for the model's folder and for `--json`; what is not a number is left out."""
    figures: dict[str, float] = {}
    for index, (name, cut) in enumerate(zip(asked.names, thresholds, strict=True)):
        for what, found in (("auroc", auroc_of(asked, index)), ("f1", f1_of(asked, index))):
            figures |= {f"{name}: {what}": found.value, f"{name}: {what} low": found.low, f"{name}: {what} high": found.high}
        said = said_of(asked, index, cut)
        figures |= {
            f"{name}: answered": said.sure,
            f"{name}: wrongly present": said.wrong_present,
            f"{name}: wrongly absent": said.wrong_absent,
        }
        figures[f"{name}: share"] = float(asked.truth[:, index].mean())
    ece = ece_of(asked)
    figures |= {"calibration error": ece.value, "calibration error low": ece.low, "calibration error high": ece.high}
    figures["area under risk-coverage"] = risk_coverage(asked).area
    return {name: value for name, value in figures.items() if np.isfinite(value)}


def _share(of: BoolArray) -> float:
    return float(of.mean()) if len(of) else float("nan")
