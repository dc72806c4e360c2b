"""One row explained: contributions by modality, and saliency over words, patches and moments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.checkpoints import Checkpoint
from core.encoders.image import CELLS, SIDE_PX
from core.encoders.pictures import centre_square
from core.errors import InputError
from core.explaining.saliency import STEPS, Saliency, saliency
from core.explaining.values import Course, Explanation, Heat
from core.featuresets import FeatureSet
from core.predicting import Predictor
from core.samples import Audio, FloatArray, Image, Modality, Observation, Sample, Series, Video
from core.tasks import task

GRID = 7


def explain(
    checkpoint: Checkpoint, row: FeatureSet, sample: Sample | None = None, *, label: str | None = None, steps: int = STEPS
) -> Explanation:
    """Explain one answer.

    Args:
        checkpoint: the model.
        row: one sample, encoded.
        sample: the same, raw: shows its pictures, and gives moments their seconds.
        label: which label is explained; the most probable if None.
        steps: of the integration.

    Raises:
        InputError: no such label, or nothing in the row that the model reads.
    """
    learned, labels = task(checkpoint.config.task), checkpoint.labels
    if label is not None and label not in labels:
        raise InputError(f"the model has no label {label!r}; it has {', '.join(labels)[:300]}")
    by_shapley = Predictor(checkpoint, method="shapley")
    (told,) = by_shapley.predict(row)
    by_shapley.method = "leave_one_out"
    (left_out,) = by_shapley.predict(row)
    numbers = dict(told.probabilities or told.values)
    answer = label or max(numbers, key=lambda name: numbers[name])
    output = min(labels.index(answer), learned.outputs(len(labels)) - 1)
    found = saliency(by_shapley.model, row, output, steps=steps)
    return Explanation(
        told.sample,
        answer,
        dict(sorted(numbers.items(), key=lambda pair: -pair[1])),
        told.accepted,
        told.contributions,
        left_out.contributions,
        found,
        heats(found, sample),
        courses(found, sample),
        told.checkpoint,
    )


def heats(found: Saliency, sample: Sample | None) -> tuple[Heat, ...]:
    """Each picture with its 7 x 7 cells."""
    values = found.tokens.get(Modality.IMAGE)
    pictures = [o.payload for o in sample.of(Modality.IMAGE) if isinstance(o.payload, Image)] if sample else []
    if values is None or len(values) != CELLS * len(pictures):
        return ()
    return tuple(
        Heat(centre_square(image.rgb, SIDE_PX), values[i * CELLS : (i + 1) * CELLS].reshape(GRID, GRID)) for i, image in enumerate(pictures)
    )


def courses(found: Saliency, sample: Sample | None) -> tuple[Course, ...]:
    """Tokens of modalities other than pictures and words, in order."""
    made = []
    for modality, values in found.tokens.items():
        if modality in (Modality.IMAGE, Modality.TEXT):
            continue
        made.append(Course(modality, _names(modality, len(values), sample.of(modality) if sample else ()), values))
    return tuple(made)


def _names(modality: Modality, count: int, observations: Sequence[Observation]) -> tuple[str, ...]:
    payload = observations[0].payload if len(observations) == 1 else None
    if isinstance(payload, Audio):
        times: FloatArray | None = np.linspace(0, payload.duration_s, count, endpoint=False, dtype=np.float32)
    elif isinstance(payload, Video):
        times = payload.times_s[np.linspace(0, len(payload.times_s) - 1, count).round().astype(int)]
    elif isinstance(payload, Series) and len(payload.channels) == 1:
        times = np.linspace(0, len(payload.values) / payload.rate_hz, count, endpoint=False, dtype=np.float32)
    else:
        times = None
    if times is not None:
        return tuple(f"{float(t):.1f} s" for t in times)
    if isinstance(payload, Series) and count % len(payload.channels) == 0:
        each = count // len(payload.channels)
        return tuple(f"{payload.channels[i // each]} {i % each + 1}/{each}" for i in range(count))
    return tuple(f"{'column' if modality is Modality.TABULAR else 'part'} {i + 1}" for i in range(count))
