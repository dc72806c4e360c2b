"""Predictor: a checkpoint at work. Features in, calibrated predictions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.checkpoints import Checkpoint, load_checkpoint
from core.contributions import ContributionMethod, contributions
from core.encoders.contract import Encoder
from core.features import Features
from core.featuresets import FeatureSet, encode_samples, from_batches
from core.fusion import FusionModel
from core.predictions import Prediction
from core.samples import FloatArray, Modality, Sample
from core.sequences import Segment
from core.tasks import task

BATCH = 32


class Predictor:
    """Asks a checkpoint.

    Attributes:
        checkpoint: what it asks.
        labels: its label space.
        name: the checkpoint's name, as in every prediction.
        method: how contributions are measured; None leaves them out and is the fastest.
        model: the fusion model, in evaluation mode.
    """

    def __init__(self, checkpoint: Checkpoint, *, method: ContributionMethod | None = "shapley", pull: bool = False) -> None:
        self.checkpoint = checkpoint
        self.labels = checkpoint.labels
        self.name = checkpoint.name
        self.method = method
        self.model = checkpoint.build(pull=pull)
        self._task = task(checkpoint.config.task)

    @classmethod
    def load(cls, folder: Path, *, method: ContributionMethod | None = "shapley", pull: bool = False) -> Predictor:
        """From a checkpoint's folder.

        Raises:
            ModelError: it is missing or damaged, or its backbone is not here.
        """
        return cls(load_checkpoint(folder), method=method, pull=pull)

    def predict(self, features: Mapping[Modality, Features] | FeatureSet, ids: Sequence[str] = ()) -> list[Prediction]:
        """One prediction a row.

        Args:
            features: stacked features by modality, or a set; a row without token and sentence counts as absent.
            ids: of the rows of stacked features; "0", "1" ... if not given.

        Raises:
            InputError: features of another encoder than the model was trained on.
        """
        samples = features if isinstance(features, FeatureSet) else from_batches(features, ids)
        batches = [range(start, min(start + BATCH, len(samples))) for start in range(0, len(samples), BATCH)]
        return [prediction for batch in batches for prediction in self._predict(samples, batch)]

    def predict_samples(self, samples: Sequence[Sample], encoders: Mapping[Modality, Encoder]) -> list[Prediction]:
        """Encode samples and predict; see `predict`."""
        return self.predict(encode_samples(samples, encoders))

    def _named(self, numbers: FloatArray) -> dict[str, float]:
        return {label: float(number) for label, number in zip(self.labels, numbers, strict=True)}

    def _intervals(self, values: FloatArray) -> dict[str, tuple[float, float]]:
        widths = zip(self.labels, values, self.checkpoint.calibration.thresholds, strict=True)
        return {label: (float(v) - w, float(v) + w) for label, v, w in widths if np.isfinite(w)}

    def _predict(self, samples: FeatureSet, rows: Sequence[int]) -> list[Prediction]:
        modalities = self.checkpoint.config.modalities
        stacked, present = samples.batch(rows, modalities)
        with torch.inference_mode():
            segments, found = segments_of(self.model, stacked, len(rows))
            here = found & torch.tensor(present, device=found.device)
            output = self.model.join(segments, here)
            shares = contributions(self.model, segments, here, output.logits, self.method) if self.method else None
        probabilities = self.checkpoint.calibration.probabilities(output.logits.double().cpu().numpy(), self._task)
        accepted = self.checkpoint.calibration.accepted(probabilities)
        is_value = self._task.kind == "value"
        embeddings, is_here = output.embedding.cpu().numpy(), here.cpu().numpy()
        return [
            Prediction(
                sample=samples.ids[row],
                probabilities={} if is_value else self._named(probabilities[i]),
                accepted=tuple(label for label, stands in zip(self.labels, accepted[i], strict=True) if stands),
                contributions={m: float(shares[i, c]) for c, m in enumerate(modalities) if is_here[i, c]} if shares is not None else {},
                embedding=embeddings[i],
                checkpoint=self.name,
                values=self._named(probabilities[i]) if is_value else {},
                intervals=self._intervals(probabilities[i]) if is_value else {},
            )
            for i, row in enumerate(rows)
        ]


def segments_of(model: FusionModel, features: Mapping[Modality, Features], rows: int) -> tuple[list[Segment], Tensor]:
    """Segments of a batch that may have no modality at all."""
    if features:
        return model.segments(features)
    first = model.settings.modalities[0]
    settings = model.settings.inputs[first]
    nothing = Features(np.zeros((rows, 0, settings.width), np.float32), np.zeros((rows, 0), np.bool_), ((),) * rows, settings.encoder)
    return model.segments({first: nothing})


@torch.inference_mode()
def joint_logits(model: FusionModel, samples: FeatureSet) -> FloatArray:
    """The joint logits of every sample, `[rows, outputs]`."""
    was_training = model.training
    model.eval()
    parts = [np.zeros((0, task(model.settings.task).outputs(len(model.settings.labels))))]
    for start in range(0, len(samples), BATCH):
        rows = range(start, min(start + BATCH, len(samples)))
        stacked, present = samples.batch(rows, model.settings.modalities)
        segments, found = segments_of(model, stacked, len(rows))
        parts.append(model.join(segments, found & torch.tensor(present, device=found.device)).logits.double().cpu().numpy())
    model.train(was_training)
    return np.concatenate(parts)
