"""The surveillance part of the configuration: cameras, rules, and how alerts are raised.

All points are fractions of the frame, `[x, y]` from the top left, so that a zone drawn on a still holds at any size.
"""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, WithJsonSchema, model_validator
from pydantic_core import InitErrorDetails

from domains.surveillance.phrases import plain_words


def _within_frame(coordinate: float) -> float:
    if not 0.0 <= coordinate <= 1.0:
        raise ValueError(f"{coordinate:g} is outside the frame; points are fractions of its width and height, 0 to 1")
    return coordinate


def _with_words(phrase: str) -> str:
    if not plain_words(phrase):
        raise ValueError(f"{phrase!r} holds no word that could be spoken")
    return phrase


Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Coordinate = Annotated[float, AfterValidator(_within_frame), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})]
Point = tuple[Coordinate, Coordinate]
Polygon = Annotated[list[Point], Field(min_length=3)]
Seconds = Annotated[float, Field(ge=0.0)]
Phrase = Annotated[str, AfterValidator(_with_words)]
BAGS = ("backpack", "handbag", "suitcase")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Schedule(Settings):
    """When something holds; a span past midnight is written with `until` before `since`."""

    since: time = time(0, 0)
    until: time = time(23, 59, 59, 999_999)
    days: list[Day] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Zone(Settings):
    """A named part of the picture."""

    polygon: Polygon = Field(examples=[[[0.1, 0.5], [0.9, 0.5], [0.9, 1.0], [0.1, 1.0]]])


class Line(Settings):
    """A named line that may be crossed."""

    start: Point = Field(examples=[[0.0, 0.5]])
    end: Point = Field(examples=[[1.0, 0.5]])

    @model_validator(mode="after")
    def _has_length(self) -> Line:
        if self.start == self.end:
            raise ValueError("a line needs two different points")
        return self


class Rule(Settings):
    """What an operator wants to be told.

    A rule holds while all of its conditions hold; `min_duration_s` is how long before it counts.
    """

    labels: list[str] = Field(
        default=["person"],
        description="objects it is about, COCO's words; left out, a rule about sound alone is about no object, and one about things left"
        " behind is about bags",
    )
    zone: str | None = Field(default=None, description="inside this zone")
    line: str | None = Field(default=None, description="crosses this line")
    direction: Literal["in", "out", "both"] = "both"
    posture: Literal["upright", "bent", "lying"] | None = None
    is_abandoned: bool = Field(default=False, description="a thing left behind")
    min_count: int = Field(default=1, ge=1, description="at least this many at once (crowding)")
    near_s: Seconds | None = Field(default=None, description="two of them stay close for this long")
    min_speed: float | None = Field(default=None, ge=0, description="moves at least this fast, own heights a second")
    sounds: list[str] = Field(default=[], description="any of these sounds is heard")
    min_sound_probability: Fraction = 0.5
    min_sound_spans: int = Field(
        default=2,
        ge=1,
        description="the same sound in at least this many spans in a row, one every half second: a sound that the tagger does not know is"
        " seldom named wrongly twice; 1 for what is over at once, such as a shot",
    )
    min_level_dbfs: float | None = Field(default=None, le=0, description="at least this loud")
    words: list[Phrase] = Field(
        default=[],
        description="any of these is said: whole words, upper and lower case alike; needs words to be written down (`words: true`)",
        examples=[["help", "fire", "call the police"]],
    )
    min_duration_s: Seconds = 0.0
    schedule: Schedule = Schedule()

    @model_validator(mode="before")
    @classmethod
    def _labels_that_were_meant(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "labels" in given:
            return given
        if given.get("is_abandoned"):
            return {**given, "labels": list(BAGS)}
        about_objects = given.keys() & {"zone", "line", "posture", "min_count", "near_s", "min_speed"}
        if (given.get("sounds") or given.get("words") or given.get("min_level_dbfs") is not None) and not about_objects:
            return {**given, "labels": []}
        return given

    @model_validator(mode="after")
    def _says_something(self) -> Rule:
        is_about_sound = bool(self.sounds) or self.min_level_dbfs is not None
        if not self.labels and not self.words and not is_about_sound:
            raise ValueError("a rule needs labels, sounds, words or min_level_dbfs")
        if self.words and self.min_duration_s > 0 and not self.labels and not is_about_sound:
            raise ValueError("a rule about words alone has no duration: leave min_duration_s out")
        return self


class GateSettings(Settings):
    """The luma motion gate."""

    min_area: Fraction = Field(default=0.002, description="fraction of the picture that must move")
    hold_s: Seconds = Field(default=1.0, description="motion ends when nothing moved for this long")


class DetectorSettings(Settings):
    """The object detector and the tracker."""

    name: str = "nanodet"
    max_fps: float = Field(default=5.0, gt=0, le=60, description="at most this many looks a second and camera")
    min_score: Fraction = 0.4
    labels: list[str] = Field(
        default=["person", "bicycle", "car", "motorcycle", "bus", "truck", "dog", "cat", "backpack", "handbag", "suitcase", "knife"],
        description="what to keep",
    )
    max_occlusion_s: Seconds = Field(default=3.0, description="a track lives on unseen for this long")


class NormalitySettings(Settings):
    """Learned normality: what is usual here."""

    enabled: bool = True
    learn_for_s: Seconds = Field(default=600.0, description="no alert before this much has been seen")
    false_alerts_per_hour: float = Field(default=0.2, gt=0, description="how many alerts an hour of usual footage may raise")
    keep_pictures: bool = Field(
        default=True,
        description="keep small pictures of usual moments, masked and blurred like other evidence, to be shown beside unusual ones",
    )
    picture_days: float = Field(default=30.0, gt=0, description="a picture of a usual moment is kept this long after it was taken")
    looks_per_minute: float = Field(
        default=0.0,
        ge=0,
        le=60,
        description="what the picture looks like joins what is learned: at most this many looks a minute, only while something moves;"
        " 0 leaves it out; changing between 0 and more learns anew",
    )


class PolicySettings(Settings):
    """From judgements to alerts."""

    on: Fraction = Field(default=0.6, description="a score at or above this opens an alert")
    off: Fraction = Field(default=0.4, description="a score below this lets it end")
    min_duration_s: Seconds = Field(default=0.0, description="above `on` for this long before it opens")
    clear_s: Seconds = Field(default=3.0, description="below `off` for this long before it closes")
    cooldown_s: Seconds = Field(default=10.0, description="the same kind within this time continues the old alert")

    @model_validator(mode="after")
    def _hysteresis(self) -> PolicySettings:
        if self.off > self.on:
            raise ValueError(f"off ({self.off}) must not be above on ({self.on})")
        return self


class Profile(PolicySettings):
    """Policy for a part of the day, such as night."""

    schedule: Schedule


class PrivacySettings(Settings):
    """What must not be seen or kept."""

    masks: list[Polygon] = Field(default=[], description="blacked out before anything else sees the frame")
    blur_faces: bool = Field(default=False, description="faces are blurred in stored evidence")
    record_sound: bool = Field(
        default=True,
        description="off: clips carry no sound and no spectrogram is kept; tags stay on, words only if the camera says `words: true`",
    )


class ClassifierSettings(Settings):
    """The fine-tuned fusion classifier."""

    enabled: bool = True
    checkpoint: Path | None = Field(default=None, description="a folder; none means the one that comes with Trivium")
    window_s: float = Field(default=4.0, gt=0, le=60)
    hop_s: float = Field(default=1.0, gt=0, le=60)


class CameraSettings(Settings):
    """One camera."""

    url: SecretStr = Field(
        description="rtsp://, http:// or rtmp:// address, file or device (/dev/video0); ${NAME} is taken from the environment"
    )
    enabled: bool = True
    transport: Literal["tcp", "udp"] = "tcp"
    open_timeout_s: float = Field(default=5.0, gt=0)
    read_timeout_s: float = Field(default=3.0, gt=0, description="a camera that sends nothing for this long is offline")
    sound: bool = Field(default=True, description="listen to its microphone")
    words: bool | None = Field(
        default=None, description="write down what is said here; left out: as surveillance.words says, unless privacy.record_sound is off"
    )
    zones: dict[str, Zone] = {}
    lines: dict[str, Line] = {}
    rules: dict[str, Rule] = {}
    gate: GateSettings = GateSettings()
    privacy: PrivacySettings = PrivacySettings()
    normality: NormalitySettings = NormalitySettings()

    @model_validator(mode="after")
    def _rules_name_what_exists(self) -> CameraSettings:
        for name, rule in self.rules.items():
            if rule.zone is not None and rule.zone not in self.zones:
                raise ValueError(f"rule {name!r} names zone {rule.zone!r}; this camera has {sorted(self.zones) or 'none'}")
            if rule.line is not None and rule.line not in self.lines:
                raise ValueError(f"rule {name!r} names line {rule.line!r}; this camera has {sorted(self.lines) or 'none'}")
        return self


class EvidenceSettings(Settings):
    """What is kept of an alert."""

    before_s: Seconds = 5.0
    after_s: Seconds = 5.0
    max_clip_s: float = Field(default=120.0, gt=0)
    snapshot_quality: int = Field(default=85, ge=1, le=100)


class SurveillanceSettings(Settings):
    """Everything about surveillance."""

    cameras: dict[str, CameraSettings] = {}
    detector: DetectorSettings = DetectorSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    policy: PolicySettings = PolicySettings()
    profiles: dict[str, Profile] = {}
    evidence: EvidenceSettings = EvidenceSettings()
    sound_tagger: Literal["trivium", "yamnet"] = Field(default="trivium", description="yamnet is opt-in: its package states no licence")
    time_zone: str = Field(default="UTC", description="IANA name, for schedules and hours of day")
    words: bool = Field(
        default=False,
        description="spoken words (English) are written down and become part of sentences, reasons and evidence; off by default, they are"
        " personal data; needs pip install 'trivium[asr]' and: trivium models pull whisper-tiny",
    )

    @model_validator(mode="after")
    def _rules_about_words_have_words(self) -> SurveillanceSettings:
        problems: list[InitErrorDetails] = []
        for camera, settings in self.cameras.items():
            if self.writes_words(settings):
                continue
            advice = "sound: true" if not settings.sound else f"surveillance.cameras.{camera}.words: true"
            for name, rule in settings.rules.items():
                if rule.words:
                    error = ValueError(f"rule {name!r} is about words, but none are written down at camera {camera!r}; set {advice}")
                    place = ("cameras", camera, "rules", name, "words")
                    problems.append(InitErrorDetails(type="value_error", loc=place, input=rule.words, ctx={"error": error}))
        if problems:
            raise ValidationError.from_exception_data("SurveillanceSettings", problems)
        return self

    def writes_words(self, camera: CameraSettings) -> bool:
        """Whether what is said at a camera is written down."""
        if not camera.sound:
            return False
        return camera.words if camera.words is not None else self.words and camera.privacy.record_sound
