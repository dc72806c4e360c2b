"""From logits to calibrated answers in NumPy alone, as `core.calibration` and the tasks give them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import ModelError
from core.samples import BoolArray, FloatArray

LINKS: Mapping[str, str] = {"classification": "softmax", "multilabel": "sigmoid", "ordinal": "steps", "regression": "identity"}
LEAST = 1e-6
Array = npt.NDArray[np.float64]


def logits_of(link: str, answers: FloatArray) -> Array:
    """Logits `[rows, outputs]` that a link turns into these probabilities `[rows, labels]`; numbers stay what they are."""
    if link == "identity":
        return answers.astype(np.float64)
    sure = np.clip(answers.astype(np.float64), LEAST, 1 - LEAST)
    if link == "sigmoid":
        return np.asarray(np.log(sure) - np.log1p(-sure))
    if link == "softmax":
        return np.asarray(np.log(sure))
    above = np.clip(1 - np.cumsum(sure / sure.sum(1, keepdims=True), axis=1)[:, :-1], LEAST, 1.0)  # [rows, steps], P(y > k)
    before = np.concatenate([np.ones((len(above), 1)), above[:, :-1]], axis=1)
    given = np.clip(above / before, LEAST, 1 - LEAST)
    return np.asarray(np.log(given) - np.log1p(-given))


@dataclass(frozen=True, slots=True)
class Answer:
    """What an exported model says of a sample.

    Attributes:
        sample: its id.
        probabilities: label to calibrated probability; empty where numbers are learned.
        accepted: labels that the conformal threshold lets stand; empty means 'not sure'.
        values: name to number, where numbers are learned.
        intervals: name to the ends that hold the true number with the calibrated confidence.
    """

    sample: str
    probabilities: Mapping[str, float]
    accepted: tuple[str, ...]
    values: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """How logits become probabilities and which of them stand.

    Attributes:
        kind: softmax, sigmoid, steps (of an order) or identity.
        temperatures, thresholds: one, or one a label; an infinite threshold accepts all.
        method: the conformal score: lac, aps or residual.
    """

    kind: str
    temperatures: tuple[float, ...]
    thresholds: tuple[float, ...]
    method: str

    def probabilities(self, logits: FloatArray) -> Array:
        """`[rows, outputs]` to `[rows, labels]`."""
        if self.kind == "identity":
            return logits.astype(np.float64)
        scaled = logits.astype(np.float64) / np.asarray(self.temperatures)
        if self.kind == "softmax":
            raised = np.exp(scaled - scaled.max(1, keepdims=True))
            return np.asarray(raised / raised.sum(1, keepdims=True))
        likely = np.exp(-np.logaddexp(0, -scaled))
        if self.kind == "sigmoid":
            return np.asarray(likely)
        above = np.cumprod(likely, axis=1)
        return np.asarray(np.pad(above, ((0, 0), (1, 0)), constant_values=1.0) - np.pad(above, ((0, 0), (0, 1))))

    def accepted(self, probabilities: Array) -> BoolArray:
        """Which labels stand, `[rows, labels]`; a set of all labels says nothing and stands for none."""
        thresholds = np.asarray(self.thresholds)
        if self.method == "residual":
            return np.asarray(np.broadcast_to(np.isfinite(thresholds), probabilities.shape))
        sets = self._scores(probabilities) <= thresholds + 1e-9
        sets &= ~sets.all(1, keepdims=True) if len(thresholds) == 1 else np.isfinite(thresholds)
        return np.asarray(sets, np.bool_)

    def _scores(self, probabilities: Array) -> Array:
        if self.method == "lac":
            return 1 - probabilities
        order = np.argsort(-probabilities, axis=1, kind="stable")
        mass = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
        scores = np.empty_like(mass)
        np.put_along_axis(scores, order, mass, axis=1)
        return np.asarray(scores - probabilities)

    def answers(self, ids: tuple[str, ...], labels: tuple[str, ...], logits: FloatArray) -> list[Answer]:
        """One a row."""
        probabilities = self.probabilities(logits)
        accepted = self.accepted(probabilities)
        told = []
        for sample, row, stands in zip(ids, probabilities, accepted, strict=True):
            named = {label: float(p) for label, p in zip(labels, row, strict=True)}
            kept = tuple(label for label, stays in zip(labels, stands, strict=True) if stays)
            if self.kind == "identity":
                widths = zip(named.items(), self.thresholds * (len(labels) if len(self.thresholds) == 1 else 1), strict=True)
                told.append(Answer(sample, {}, kept, named, {n: (v - w, v + w) for (n, v), w in widths if math.isfinite(w)}))
            else:
                told.append(Answer(sample, named, kept))
        return told


def read_link(values: Mapping[str, Any], labels: int) -> Link:
    """From the JSON of an exported folder.

    Raises:
        ModelError: it does not fit.
    """
    try:
        temperatures, thresholds = (tuple(math.inf if v is None else float(v) for v in values[k]) for k in ("temperatures", "thresholds"))
        link = Link(str(values["link"]), temperatures, thresholds, str(values["method"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the exported model's calibration lacks or misstates {error}; export again") from error
    is_sound = link.kind in LINKS.values() and link.method in ("lac", "aps", "residual") and all(0 < t < math.inf for t in temperatures)
    if not is_sound or any(len(numbers) not in (1, labels) for numbers in (temperatures, thresholds)):
        raise ModelError("the exported model's calibration does not fit its labels; export again")
    return link
