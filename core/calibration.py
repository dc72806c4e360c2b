"""Probabilities that mean what they say, and 'not sure' where nothing can be said.

Temperature scaling (Guo et al., 2017) and a split conformal threshold, both fitted on validation rows only. `lac` keeps
every label at least as probable as the threshold (least ambiguous sets, Sadinle et al., 2019): few labels, and none when
the model is unsure. `aps` adds labels from the most probable down until the threshold's mass is reached (Romano et al.,
2020): never empty. With several right labels each label has its own threshold, so that of the rows that truly have it a
share of at least 1 - alpha is accepted.

The guarantee holds on average over samples like those of validation; the rows here also chose the temperature and the
training epoch, so it is slightly optimistic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from core.metrics import expected_calibration_error
from core.samples import BoolArray, FloatArray
from core.tasks import Logits, Task

LEAST_ROWS = 20  # below this a temperature is noise
MOST_TEMPERATURE = 20.0
Method = Literal["lac", "aps", "residual"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What validation taught of the model's confidence.

    Attributes:
        temperatures: one for all labels, or one a label where several may be right.
        thresholds: conformal scores up to which a label is accepted; one for all labels or one a label; infinite accepts all.
        method: which conformal score; `residual` where numbers are learned: thresholds are then half-widths of intervals.
        alpha: share of the right labels that may be missed.
        rows: validation rows it was fitted on.
        ece_before, ece_after: calibration error on these rows, without and with the temperature.
        notes: what a reader of the probabilities should know.
    """

    temperatures: tuple[float, ...] = (1.0,)
    thresholds: tuple[float, ...] = (math.inf,)
    method: Method = "lac"
    alpha: float = 0.1
    rows: int = 0
    ece_before: float = math.nan
    ece_after: float = math.nan
    notes: tuple[str, ...] = ()

    def probabilities(self, logits: FloatArray, task: Task) -> FloatArray:
        """Calibrated: `[rows, labels]` to the same shape."""
        return task.probabilities(logits, np.asarray(self.temperatures))

    def accepted(self, probabilities: FloatArray) -> BoolArray:
        """Which labels stand, `[rows, labels]`; a row without any is abstained on.

        A set of all labels says nothing, so that row is abstained on too.
        """
        thresholds = np.asarray(self.thresholds)
        if self.method == "residual":
            return np.asarray(np.broadcast_to(np.isfinite(thresholds), probabilities.shape))
        sets = conformal_scores(probabilities, self.method) <= thresholds + 1e-9
        if len(thresholds) == 1:
            sets &= ~sets.all(1, keepdims=True)
        else:
            sets &= np.isfinite(thresholds)
        return np.asarray(sets, np.bool_)


def calibrate(logits: FloatArray, targets: FloatArray, task: Task, *, alpha: float = 0.1, method: Method = "lac") -> Calibration:
    """Fit temperature and threshold.

    Args:
        logits: `[rows, labels]` of validation rows.
        targets: `[rows, labels]`.
        task: of the model.
        alpha: share of the right labels that may be missed.
        method: conformal score; with several right labels always `lac`.

    Returns:
        The calibration; where the rows are too few, one that changes nothing, with a note.
    """
    if task.kind == "value":
        return _calibrate_values(task.probabilities(logits), targets, alpha)
    rows, notes = len(logits), []
    temperatures = np.ones(1 if task.kind == "one" else logits.shape[1])
    if rows < LEAST_ROWS:
        notes.append(f"temperature not fitted: {rows} validation rows, {LEAST_ROWS} are needed")
    elif task.kind == "one":
        temperatures = np.array([fit_temperature(logits, targets, task)])
    else:
        for label in range(logits.shape[1]):
            both = 0 < targets[:, label].sum() < rows
            temperatures[label] = fit_temperature(logits[:, [label]], targets[:, [label]], task) if both else 1.0
    probabilities = task.probabilities(logits, temperatures)
    method = method if task.kind == "one" else "lac"
    thresholds = _thresholds(probabilities, targets, task, alpha, method) if rows else np.full(len(temperatures), math.inf)
    if np.isinf(thresholds).any():
        notes.append(f"abstains always for want of validation rows: {math.ceil(1 / alpha) - 1} a threshold are needed for alpha {alpha:g}")

    def gap(temperature: Logits | float) -> float:
        if not rows:
            return math.nan
        return expected_calibration_error(task.probabilities(logits, temperature), targets, exclusive=task.kind == "one")

    return Calibration(
        tuple(map(float, temperatures)), tuple(map(float, thresholds)), method, alpha, rows, gap(1.0), gap(temperatures), tuple(notes)
    )


def _calibrate_values(values: FloatArray, targets: FloatArray, alpha: float) -> Calibration:
    """Half-widths of intervals that hold a share of at least 1 - alpha of new numbers (split conformal, Lei et al., 2018)."""
    residuals = np.abs(values.astype(np.float64) - targets)
    widths = tuple(conformal_threshold(residuals[:, column], alpha) for column in range(values.shape[1]))
    note = f"no interval for want of validation rows: {math.ceil(1 / alpha) - 1} are needed for alpha {alpha:g}"
    return Calibration((1.0,), widths, "residual", alpha, len(values), notes=(note,) if np.isinf(widths).any() else ())


def fit_temperature(logits: FloatArray, targets: FloatArray, task: Task) -> float:
    """The temperature that makes the targets most likely, by L-BFGS over its logarithm."""
    scores, truth = torch.tensor(logits, dtype=torch.float64), torch.tensor(targets, dtype=torch.float64)
    log_temperature = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], lr=0.5, max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        loss = task.loss(scores / log_temperature.exp(), truth).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    temperature = float(log_temperature.detach().exp())
    if not math.isfinite(temperature):
        return 1.0
    return min(max(temperature, 1 / MOST_TEMPERATURE), MOST_TEMPERATURE)


def conformal_scores(probabilities: FloatArray, method: Method) -> FloatArray:
    """How little each label conforms, `[rows, labels]`: 1 - p, or the probability mass down to and with the label."""
    if method == "lac":
        return np.asarray(1 - probabilities.astype(np.float64))
    order = np.argsort(-probabilities, axis=1, kind="stable")
    mass = np.cumsum(np.take_along_axis(probabilities.astype(np.float64), order, axis=1), axis=1)
    scores = np.empty_like(mass)
    np.put_along_axis(scores, order, mass, axis=1)
    return np.asarray(scores - probabilities)  # the mass before the label: the most probable one always conforms


def conformal_threshold(scores: FloatArray, alpha: float) -> float:
    """The score that a share of at least 1 - alpha of new scores does not exceed; infinite where there are too few."""
    rank = math.ceil((len(scores) + 1) * (1 - alpha))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else math.inf


def _thresholds(probabilities: FloatArray, targets: FloatArray, task: Task, alpha: float, method: Method) -> FloatArray:
    scores = conformal_scores(probabilities, method)
    if task.kind == "one":
        return np.array([conformal_threshold(scores[targets > 0.5], alpha)])
    return np.array([conformal_threshold(scores[targets[:, label] > 0.5, label], alpha) for label in range(targets.shape[1])])
