"""Explanation: everything that is shown of one answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.explaining.saliency import Saliency
from core.samples import ByteArray, FloatArray, Modality


@dataclass(frozen=True, slots=True)
class Heat:
    """A picture with what each cell of its grid added.

    Attributes:
        rgb: `[height, width, 3]`, the middle square that the encoder saw.
        values: `[rows, columns]`.
    """

    rgb: ByteArray
    values: FloatArray


@dataclass(frozen=True, slots=True)
class Course:
    """What each moment (or column, or stretch) of a modality added, in order.

    Attributes:
        modality: which.
        names: of each.
        values: `[moments]`.
    """

    modality: Modality
    names: tuple[str, ...]
    values: FloatArray


@dataclass(frozen=True, slots=True)
class Explanation:
    """One answer, taken apart.

    Attributes:
        sample: its id.
        answer: the label or name that is explained.
        probabilities: calibrated, the highest first; numbers where numbers are learned.
        accepted: the labels that stand; empty means 'not sure'.
        shapley, leave_one_out: share of each modality that was present, by both methods.
        saliency: of words and tokens.
        pictures: heat over each picture.
        courses: over time, columns or stretches.
        checkpoint: which model.
    """

    sample: str
    answer: str
    probabilities: Mapping[str, float]
    accepted: tuple[str, ...]
    shapley: Mapping[Modality, float]
    leave_one_out: Mapping[Modality, float]
    saliency: Saliency
    pictures: tuple[Heat, ...] = ()
    courses: tuple[Course, ...] = field(default=())
    checkpoint: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values, without the pictures' pixels."""
        return {
            "sample": self.sample,
            "answer": self.answer,
            "probabilities": dict(self.probabilities),
            "accepted": list(self.accepted),
            "contributions": {
                "shapley": {m.value: v for m, v in self.shapley.items()},
                "leave_one_out": {m.value: v for m, v in self.leave_one_out.items()},
            },
            "score": self.saliency.score,
            "baseline": self.saliency.baseline,
            "gap": self.saliency.gap,
            "words": {m.value: [{"word": p.name, "value": p.value} for p in parts] for m, parts in self.saliency.words.items()},
            "pictures": [heat.values.tolist() for heat in self.pictures],
            "courses": {
                c.modality.value: [{"at": n, "value": float(v)} for n, v in zip(c.names, c.values, strict=True)] for c in self.courses
            },
            "checkpoint": self.checkpoint,
        }
