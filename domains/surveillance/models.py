"""The models that all cameras share, loaded once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.encoders.sound.speech import SpeechModel
from core.encoders.sound.tagger import Tagger
from core.errors import ModelError
from domains.surveillance.classifier import FusionClassifier
from domains.surveillance.config import SurveillanceSettings
from domains.surveillance.detector import Detector
from domains.surveillance.look import Looker
from domains.surveillance.scribe import Scribe

SHIPPED_CHECKPOINT = Path(__file__).parent / "assets" / "falls"


@dataclass(frozen=True, slots=True)
class Models:
    """What looks, hears and judges.

    Attributes:
        detector: finds people, vehicles and things.
        tagger: names sounds.
        speech: hears whether somebody speaks.
        classifier: the fine-tuned fusion model, or None where it is switched off.
        looker: embeds pictures for learned normality, or None where no camera asks for it.
        scribe: writes down what is said, or None where no camera asks for it.
    """

    detector: Detector
    tagger: Tagger
    speech: SpeechModel | None
    classifier: FusionClassifier | None
    looker: Looker | None = None
    scribe: Scribe | None = None


def load_models(settings: SurveillanceSettings, threads: int) -> Models:
    """Load everything the settings ask for.

    Raises:
        ModelError: weights are missing or damaged; says which, and how to get them.
    """
    from core.encoders.sound.tagger import load_tagger
    from domains.surveillance.detector import load_detector

    return Models(
        load_detector(settings.detector, threads),
        load_tagger(settings.sound_tagger),
        SpeechModel(),
        load_classifier(settings, threads),
        Looker() if asks_for_looks(settings) else None,
        load_scribe() if asks_for_words(settings) else None,
    )


def asks_for_words(settings: SurveillanceSettings) -> bool:
    """Whether what is said is written down anywhere: at a camera, or in films."""
    return settings.words or any(c.enabled and settings.writes_words(c) for c in settings.cameras.values())


def load_scribe() -> Scribe:
    """What writes down what is said.

    Raises:
        ModelError: the asr extra or its weights are missing; says how to get them.
    """
    from core.encoders.sound.speech import Transcriber

    try:
        return Scribe(Transcriber())
    except ModelError as error:
        raise ModelError(f"surveillance.words: {error}; or leave words off") from error


def asks_for_looks(settings: SurveillanceSettings) -> bool:
    """Whether what the picture looks like is learned at any camera."""
    return any(c.enabled and c.normality.enabled and c.normality.looks_per_minute > 0 for c in settings.cameras.values())


def load_classifier(settings: SurveillanceSettings, threads: int) -> FusionClassifier | None:
    """The classifier of the settings, the shipped one by default, None where it is switched off.

    Raises:
        ModelError: the checkpoint is missing or damaged.
    """
    if not settings.classifier.enabled:
        return None
    import torch

    from core.predicting import Predictor
    from domains.surveillance.encoders import fusion_encoders

    torch.set_num_threads(threads)
    folder = settings.classifier.checkpoint or SHIPPED_CHECKPOINT
    if not folder.is_dir():
        raise ModelError(
            f"no checkpoint at {folder}: train one with `trivium surveillance train`, or set surveillance.classifier.enabled: false"
        )
    return FusionClassifier(Predictor.load(folder), fusion_encoders(settings.sound_tagger, threads))
