"""The third way to an alert: a fine-tuned fusion model reads the last seconds of picture, sound and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.alerts import Box
from core.encoders.contract import Encoder
from core.features import Features
from core.predicting import Predictor
from core.predictions import Prediction
from core.samples import Modality, Sample
from domains.surveillance.judgement import Judgement, Way
from domains.surveillance.scene import Hearing, Scene, Track

BACKGROUND_LABELS = frozenset({"other", "daily", "normal", "none", "background"})
MODALITIES = (Modality.VIDEO, Modality.AUDIO, Modality.TEXT)


class FusionClassifier:
    """Judges samples with a checkpoint.

    Attributes:
        labels: the labels that may become alerts; the background labels are left out.
    """

    def __init__(self, predictor: Predictor, encoders: Mapping[Modality, Encoder]) -> None:
        self._predictor = predictor
        self._encoders = encoders
        self.labels = tuple(label for label in predictor.labels if label not in BACKGROUND_LABELS)

    def judge(self, camera: str, sample: Sample, scene: Scene) -> tuple[Judgement, ...]:
        """One judgement a label.

        Args:
            camera: the camera's name.
            sample: its last seconds.
            scene: what the camera shows now; its people are boxed.
        """
        features = encode(sample, self._encoders)
        self._predictor.method = None
        prediction = self._predictor.predict(features)[0]
        if any(self._is_sure(label, prediction) for label in self.labels):  # who carried it matters only where something was found
            self._predictor.method = "leave_one_out"
            prediction = self._predictor.predict(features)[0]
        return tuple(self._judgement(camera, label, prediction, scene) for label in self.labels)

    def quiet(self, camera: str, time_s: float, wall_s: float | None) -> tuple[Judgement, ...]:
        """The judgements of a moment in which there was nothing to look at."""
        return tuple(Judgement(camera, Way.CLASSIFIER, label, time_s, wall_s, 0.0) for label in self.labels)

    @staticmethod
    def _is_sure(label: str, prediction: Prediction) -> bool:
        """The label stands, and no background label beside it."""
        return label in prediction.accepted and not set(prediction.accepted) & BACKGROUND_LABELS

    def _judgement(self, camera: str, label: str, prediction: Prediction, scene: Scene) -> Judgement:
        probability = float(prediction.probabilities[label])
        is_sure = self._is_sure(label, prediction)
        shares = {modality.value: share for modality, share in prediction.contributions.items()}
        led_by = max(shares, key=lambda name: shares[name], default="nothing")
        reason = f"the classifier takes the last seconds for '{label}' ({probability:.0%}), mostly by {led_by}"
        people = [a.track for a in scene.actors if a.track.label == "person"]
        boxes = tuple(_box(track) for track in people)
        details = {
            "probabilities": {name: round(float(p), 4) for name, p in prediction.probabilities.items()},
            "abstained": not is_sure,
            "checkpoint": prediction.checkpoint,
        }
        return Judgement(
            camera=camera,
            way=Way.CLASSIFIER,
            kind=label,
            time_s=scene.time_s,
            wall_s=scene.wall_s,
            score=probability if is_sure else 0.0,
            reason=reason if is_sure else "",
            contributions=shares,
            boxes=boxes,
            subjects=tuple(t.id for t in people),
            details=details,
        )


def _box(track: Track) -> Box:
    x1, y1, x2, y2 = (float(v) for v in track.box)
    return Box(x1, y1, x2, y2, track.label, track.score, track.id)


def encode(sample: Sample, encoders: Mapping[Modality, Encoder]) -> dict[Modality, Features]:
    """The features of one sample: its modalities that there is an encoder for, each as a batch of one."""
    return {m: encoders[m].encode(sample.of(m)) for m in MODALITIES if m in encoders and sample.of(m)}


def is_worth_a_look(scenes: Iterable[Scene], hearings: Iterable[Hearing]) -> bool:
    """Whether the fusion model should read these moments: somebody was there, or something is heard."""
    return any(a.track.label == "person" for s in scenes for a in s.actors) or any(h.tags for h in hearings)
