"""What is usual before one camera, and judgements of what is not: the second of the three ways to an alert.

A moment is the mean over the last `SMOOTH_S` seconds, so that one odd detection is no event. It learns all the time; for
the first `learn_for_s` of footage it only learns. A score is the probability that the moment is unusual, at
`core.normality.ON_PROBABILITY` when usual footage reaches it `false_alerts_per_hour` times an hour.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from core.errors import InputError, ModelError, StoreError
from core.normality import Example, Normality, Strangeness
from core.normality_file import load_memory, save_memory
from core.normality_pictures import forget_before
from core.samples import FloatArray
from domains.surveillance.config import NormalitySettings, PrivacySettings
from domains.surveillance.judgement import Judgement, Way, box_of
from domains.surveillance.look import Ration
from domains.surveillance.moment_features import FEATURES, LOOK, SCALES, TOPICS, VERSION, modality_shares, moment, sentence_of, topic_shares
from domains.surveillance.scene import Hearing, Scene
from domains.surveillance.schedule import hour_of_day, zone_named

log = logging.getLogger(__name__)

_PLACE = re.compile(r"\{[^}]*\}")

KIND = "unusual"
SMOOTH_S = 3.0
STALE_HEARING_S = 5.0
SAVE_EVERY_S = 600.0
PICTURES_PER_MINUTE = 20.0  # one a smoothing span: hiding faces in every look would cost too much
SHOWN_KEPT = 64
DAY_S = 86_400.0
LEAST_PROBABILITY = 0.05
"""Below this a moment is not worth words."""


class UsualHere:
    """Learns one camera's normality.

    Attributes:
        camera: the camera's name.
        normality: what was learned.
        failures: times that it could not be kept or read, each logged.
        newest: how strange the newest moment was, for those who measure.
    """

    def __init__(
        self,
        camera: str,
        settings: NormalitySettings,
        folder: Path | None,
        time_zone: str = "UTC",
        privacy: PrivacySettings | None = None,
    ) -> None:
        """Take up what was learned before, where there is some.

        Args:
            camera: the camera's name.
            settings: how long to learn, how many false alerts to allow.
            folder: where it is kept between runs, or None to keep nothing.
            time_zone: IANA name, for the hour of day.
            privacy: what is hidden in pictures; pictures taken when something else was hidden are dropped.

        Raises:
            ConfigError: the time zone does not exist.
        """
        self.camera = camera
        self.failures = 0
        self.newest: Strangeness | None = None
        self._time_zone = zone_named(time_zone)
        self._file = None if folder is None else folder / file_name(camera)
        self._recent: deque[tuple[float, FloatArray]] = deque()
        self._settings = settings
        self._features = VERSION if settings.looks_per_minute == 0 else f"{VERSION}+look"
        self._shown_as = hidden_in_pictures(privacy or PrivacySettings())
        self._looks, self._pictures = Ration(settings.looks_per_minute), Ration(PICTURES_PER_MINUTE)
        self._shown: dict[str, bytes] = {}
        self._last_look: FloatArray = np.zeros(LOOK.stop - LOOK.start, np.float32)
        self.normality = self._restored(settings)
        self._saved_s = self.normality.footage_s

    def see(
        self,
        scene: Scene,
        hearing: Hearing | None = None,
        look: Callable[[], FloatArray | None] | None = None,
        picture: Callable[[], bytes | None] | None = None,
    ) -> Judgement:
        """Judge a moment and learn it; call it about once a second.

        Args:
            scene: what is seen.
            hearing: the newest of what was heard, or None.
            look: gives the embedding `[1280]` of the picture, or None; asked only where the settings want it.
            picture: gives a small JPEG of the picture, or None; asked only where one is to be kept.
        """
        if hearing is not None and abs(scene.time_s - hearing.end_s) > STALE_HEARING_S:
            hearing = None
        is_wanted = look is not None and scene.motion.is_moving and self._looks.take(scene.time_s)
        embedding = look() if look is not None and is_wanted else None
        vector = self._smoothed(scene, moment(scene, hearing, embedding), embedding is not None)
        hour = hour_of_day(scene.wall_s, self._time_zone)
        note = sentence_of(scene, hearing)
        taken = self._rationed(picture, scene.time_s)
        self.newest = strangeness = self.normality.see(vector, scene.time_s, hour, scene.wall_s, note, taken)
        if self._file is not None and self.normality.footage_s - self._saved_s >= SAVE_EVERY_S:
            self.save()
        if strangeness.probability < LEAST_PROBABILITY:
            return Judgement(self.camera, Way.NORMALITY, KIND, scene.time_s, scene.wall_s, 0.0)
        return self._told(scene, vector, strangeness)

    def save(self) -> None:
        """Keep what was learned, where there is a folder; a failure is logged and counted, for it will be tried again."""
        self._saved_s = self.normality.footage_s
        if self._file is None:
            return
        self._forget_old_pictures()
        try:
            save_memory(self.normality.memory, self._file, self._features, self._shown_as)
        except StoreError as error:
            self.failures += 1
            log.warning("camera %s: %s", self.camera, error)

    def picture_of(self, sha256_hex: str) -> bytes | None:
        """The picture that a judgement's `nearest_usual` names; the newest `SHOWN_KEPT` are remembered."""
        return self._shown.get(sha256_hex)

    def _rationed(self, picture: Callable[[], bytes | None] | None, time_s: float) -> Callable[[], bytes | None] | None:
        if picture is None or not self._settings.keep_pictures:
            return None
        return lambda: picture() if self._pictures.take(time_s) else None

    def _forget_old_pictures(self) -> None:
        pictures = self.normality.memory.pictures
        if not self._settings.keep_pictures:
            pictures.clear()
        forget_before(pictures, time.time() - self._settings.picture_days * DAY_S)

    def _shown_example(self, example: Example) -> dict[str, object]:
        """An example as JSON values; its picture by hash."""
        values: dict[str, object] = {
            "id": example.id,
            "distance": round(example.distance, 2),
            "wall_s": example.wall_s,
            "visits": example.visits,
            "what": example.note,
        }
        if example.picture is not None:
            name = sha256(example.picture.jpeg).hexdigest()
            self._shown.pop(name, None)
            self._shown[name] = example.picture.jpeg
            while len(self._shown) > SHOWN_KEPT:
                del self._shown[next(iter(self._shown))]
            values |= {"picture": name, "picture_time_s": round(example.picture.time_s, 2), "picture_wall_s": example.picture.wall_s}
        return values

    def _restored(self, settings: NormalitySettings) -> Normality:
        memory = None
        if self._file is not None:
            try:
                memory = load_memory(self._file, self._features, self._shown_as)
                if memory is not None:
                    return Normality(SCALES, settings.false_alerts_per_hour, settings.learn_for_s, memory=memory)
            except (ModelError, InputError) as error:
                self.failures += 1
                log.warning("camera %s: what is usual is learned anew: %s", self.camera, error)
        return Normality(SCALES, settings.false_alerts_per_hour, settings.learn_for_s)

    def _smoothed(self, scene: Scene, now: FloatArray, has_look: bool) -> FloatArray:
        """Mean over the last seconds; the picture's look is the newest one given."""
        if has_look:
            self._last_look = now[LOOK].copy()
        elif not scene.motion.is_moving and not scene.actors:
            self._last_look = np.zeros_like(self._last_look)  # what went by is gone
        now[LOOK] = self._last_look
        if self._recent and not -SMOOTH_S <= scene.time_s - self._recent[-1][0] <= 2 * SMOOTH_S:
            self._recent.clear()  # the stream broke or its clock was set
        self._recent.append((scene.time_s, now))
        while scene.time_s - self._recent[0][0] >= SMOOTH_S:
            self._recent.popleft()
        return np.asarray(np.mean([v for _, v in self._recent], axis=0), np.float32)

    def _told(self, scene: Scene, vector: FloatArray, strangeness: Strangeness) -> Judgement:
        difference = (vector - strangeness.expected) / SCALES
        shares = topic_shares(difference)
        topic = max(shares, key=lambda name: shares[name])
        actors = scene.actors
        return Judgement(
            camera=self.camera,
            way=Way.NORMALITY,
            kind=KIND,
            time_s=scene.time_s,
            wall_s=scene.wall_s,
            score=strangeness.probability,
            reason=self._reason(topic, vector, difference),
            contributions=modality_shares(difference),
            boxes=tuple(box_of(a) for a in actors),
            subjects=tuple(a.track.id for a in actors),
            details={
                "still_s": min((a.still_s for a in actors), default=0.0),
                "distance": round(strangeness.distance, 2),
                "usual_events_per_hour_this_far_out": round(strangeness.rate_per_hour, 4),
                "topics": {name: round(share, 2) for name, share in sorted(shares.items(), key=lambda p: -p[1]) if share >= 0.05},
                "nearest_usual": [self._shown_example(example) for example in strangeness.nearest],
            },
        )

    def _reason(self, topic: str, vector: FloatArray, difference: FloatArray) -> str:
        where = max(TOPICS[topic], key=lambda i: abs(float(difference[i])))
        seen = f"in {_duration(self.normality.footage_s)} of footage"
        phrase = FEATURES[where].phrase
        if not phrase:
            return f"unusual {topic} here {seen}: {'more' if difference[where] > 0 else 'less'} than in the most alike usual moments"
        values, visits = self.normality.values(where)
        low, high, most = _usual_range(values, visits)
        number = _PLACE.findall(phrase)[0]
        usually = f"usually {number.format(low)}" + (f" to {number.format(high)}" if number.format(high) != number.format(low) else "")
        record = " (the most here so far)" if float(vector[where]) > most else ""
        return f"unusual {topic} here {seen}: {phrase.format(float(vector[where]))}{record}, {usually}"


def file_name(camera: str) -> str:
    """Where a camera's memory lies: its name can be anything, so the file's is made from safe letters and a hash."""
    letters = re.sub(r"[^A-Za-z0-9_-]+", "-", camera)[:40].strip("-")
    return f"usual-{letters or 'camera'}-{sha256(camera.encode()).hexdigest()[:12]}.safetensors"


def hidden_in_pictures(privacy: PrivacySettings) -> str:
    """Names what is hidden in pictures, so that those taken under other settings can be told."""
    return sha256(privacy.model_dump_json(include={"masks", "blur_faces"}).encode()).hexdigest()


def pictures_named(details: Mapping[str, object]) -> tuple[str, ...]:
    """Hashes of the pictures that an alert's details name, nearest first."""
    nearest = details.get("nearest_usual")
    if not isinstance(nearest, (list, tuple)):
        return ()
    named = (example.get("picture") for example in nearest if isinstance(example, Mapping))
    return tuple(name for name in named if isinstance(name, str))


def _usual_range(values: FloatArray, visits: Sequence[int] | np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[float, float, float]:
    """The 10th and 90th percentile by visits, of moments in which there was something at all; and the most."""
    weights = np.asarray(visits)
    is_there = np.abs(values) > 1e-3
    if not is_there.any():
        return 0.0, 0.0, 0.0
    several = is_there & (weights > 1) if (is_there & (weights > 1)).any() else is_there
    order = np.argsort(values[several])
    ordered, share = values[several][order], np.cumsum(weights[several][order]) / weights[several].sum()
    low, high = (float(ordered[min(int(np.searchsorted(share, q)), len(ordered) - 1)]) for q in (0.1, 0.9))
    return low, high, float(ordered[-1])


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.0f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"
