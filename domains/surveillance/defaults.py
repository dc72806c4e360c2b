"""What a camera without rules of its own is watched for."""

from __future__ import annotations

from domains.surveillance.config import CameraSettings, Rule

DEFAULT_RULES: dict[str, Rule] = {
    "person": Rule(labels=["person"], min_duration_s=1.0),
    "vehicle": Rule(labels=["car", "truck", "bus", "motorcycle"], min_duration_s=1.0),
    "person-down": Rule(labels=["person"], posture="lying", min_duration_s=2.0),
    "left-behind": Rule(labels=["backpack", "handbag", "suitcase"], is_abandoned=True),
    "distress-sound": Rule(labels=[], sounds=["crying_baby", "scream", "glass", "gunshot", "siren"], min_sound_probability=0.7),
    "dog": Rule(labels=[], sounds=["dog"], min_sound_probability=0.7),
}


def with_default_rules(settings: CameraSettings) -> CameraSettings:
    """The same camera, watched for the usual where its owner wrote no rule."""
    return settings if settings.rules else settings.model_copy(update={"rules": DEFAULT_RULES})
