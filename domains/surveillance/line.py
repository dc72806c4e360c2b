"""One camera's line, from a decoded frame to a committed alert.

Two sides, so that a live watcher can run them in two threads and a film in one: the reader's side is `eyes.gate` and
`eyes.is_due`; everything here is the judge's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from core.samples import FloatArray
from domains.surveillance.classifier import is_worth_a_look
from domains.surveillance.config import CameraSettings, SurveillanceSettings
from domains.surveillance.dictation import Dictation
from domains.surveillance.evidence import EvidenceDesk
from domains.surveillance.eyes import Eyes
from domains.surveillance.health import HealthWatch
from domains.surveillance.hearing import Ear
from domains.surveillance.judgement import Judgement, Way
from domains.surveillance.look import Looker
from domains.surveillance.models import Models
from domains.surveillance.moments import Recent
from domains.surveillance.policy import AlertPolicy
from domains.surveillance.rules import RuleBook
from domains.surveillance.scene import Motion, Scene, Utterance
from domains.surveillance.stream import CameraFrame, SoundBlock, StreamChange
from domains.surveillance.usual import UsualHere, pictures_named

USUAL_EVERY_S = 1.0
REMEMBER_S = 12.0


class CameraLine:
    """The stages of one camera, in order.

    Attributes:
        camera: the camera's name.
        eyes: its seeing stages.
        classified: windows that the fusion model read.
        alerts: alerts opened.
        last_alert: kind of the newest alert, or empty.
    """

    def __init__(
        self,
        camera: str,
        eyes: Eyes,
        settings: CameraSettings,
        surveillance: SurveillanceSettings,
        models: Models,
        policy: AlertPolicy,
        desk: EvidenceDesk,
        usual_folder: Path | None,
        defers_windows: bool = False,
    ) -> None:
        """Put the stages together.

        Args:
            camera: the camera's name.
            eyes: its seeing stages, shared with the reader.
            settings: its rules, zones and privacy.
            surveillance: the rest of the settings.
            models: shared by all cameras.
            policy: its policy.
            desk: follows its alerts.
            usual_folder: where what is usual here is kept between runs, or None.
            defers_windows: windows wait for `catch_up`, so that rules on other cameras need not wait for the fusion model.
        """
        self.camera = camera
        self.eyes = eyes
        self.classified = 0
        self.alerts = 0
        self.last_alert = ""
        self._models = models
        self._window_s, self._hop_s = surveillance.classifier.window_s, surveillance.classifier.hop_s
        writes_words = models.scribe is not None and surveillance.writes_words(settings)
        self._dictation = Dictation(camera, models.scribe, waits=not defers_windows) if writes_words and models.scribe is not None else None
        self._ear = Ear(camera, models.tagger, models.speech, cuts_speech=writes_words) if settings.sound else None
        self._rules = RuleBook(camera, settings, surveillance)
        self._health = HealthWatch(camera)
        self._usual = (
            UsualHere(camera, settings.normality, usual_folder, surveillance.time_zone, settings.privacy)
            if settings.normality.enabled
            else None
        )
        self._policy = policy
        self._desk = desk
        self._defers_windows = defers_windows
        self._recent = Recent(camera, max(REMEMBER_S, self._window_s + 2.0))
        self._newest: CameraFrame | None = None
        self._scene: Scene | None = None
        self._next_usual_s = self._next_window_s = float("-inf")
        self._window_scores: dict[str, float] = {}
        self._now_s = 0.0
        self._now_wall_s: float | None = None

    def see(self, frame: CameraFrame, motion: Motion) -> None:
        """Judge a frame that was due.

        Raises:
            StoreError: an alert could not be committed.
        """
        self._newest = frame
        if self.eyes.needs_detection(motion):
            scene = self.eyes.look(frame, motion, self.eyes.find(frame, self._models.detector))
            self._recent.see(frame, scene)
        else:
            scene = self.eyes.rest(frame, motion)
            self._recent.note(scene)
        self._scene = scene
        judgements = [*self._rules.see(scene), *self._health.see(frame), *self._judge_usual(scene)]
        if not self._defers_windows:
            judgements += self._judge_window(scene)
        self._settle(judgements, frame.time_s, frame.wall_s)
        self._read_words()

    def listen(self, block: SoundBlock) -> None:
        """Judge a block of sound.

        Raises:
            StoreError: an alert could not be committed.
        """
        if self._ear is None:
            return
        self._recent.listen(block)
        for hearing in self._ear.step(block):
            self._recent.hear(hearing)
            judgements = list(self._rules.hear(hearing))
            if hearing.tags and self._scene is not None and not self._defers_windows:
                judgements += self._judge_window(self._scene)
            self._settle(judgements, hearing.end_s, hearing.wall_s)
        self._read_words()

    def catch_up(self) -> bool:
        """Read the window that is due.

        Returns:
            Whether the fusion model was asked.

        Raises:
            StoreError: an alert could not be committed.
        """
        if self._scene is None:
            return False
        asked = self.classified
        judgements = self._judge_window(self._scene)
        if judgements:
            self._settle(list(judgements), self._now_s, self._now_wall_s)
        return self.classified > asked

    def change(self, change: StreamChange) -> None:
        """The connection came, went or ended."""
        self._settle(list(self._health.change(change)), change.time_s, change.wall_s)

    def tick(self, time_s: float, wall_s: float | None) -> None:
        """Time passed and nothing came: let alerts end, notice a silent camera."""
        self._settle(list(self._health.tick(time_s, wall_s)), time_s, wall_s)
        self._read_words()

    def finish(self) -> None:
        """The source has ended: close what is open, keep what was learned."""
        if self._ear is not None and self._dictation is not None:
            self._judge_words(self._dictation.finish(self._ear.finish()))
        for alert in self._policy.finish(self._now_s, self._now_wall_s):
            self._desk.follow(alert, None, self._recent)
        if self._usual is not None:
            self._usual.save()

    @property
    def utterances(self) -> int:
        """Utterances that were written down."""
        return 0 if self._dictation is None else self._dictation.written

    @property
    def words_dropped(self) -> int:
        """Pieces of speech that were not written down, because more came than could be."""
        return 0 if self._dictation is None else self._dictation.dropped

    def _read_words(self) -> None:
        if self._ear is not None and self._dictation is not None:
            self._judge_words(self._dictation.take(self._ear.pieces()))

    def _judge_words(self, utterances: tuple[Utterance, ...]) -> None:
        for utterance in utterances:
            self._recent.say(utterance)
            now_s = max(self._now_s, utterance.end_s)
            self._settle(list(self._rules.say(utterance, now_s, self._now_wall_s)), now_s, self._now_wall_s)

    def _judge_usual(self, scene: Scene) -> tuple[Judgement, ...]:
        if self._usual is None or scene.time_s < self._next_usual_s:
            return ()
        self._next_usual_s = scene.time_s + USUAL_EVERY_S
        hearings, frame, looker = self._recent.hearings, self._newest, self._models.looker
        look = None if frame is None or looker is None else partial(_looked, looker, frame, scene)
        picture = None if frame is None else partial(self._desk.thumbnail, frame.colour)
        return (self._usual.see(scene, hearings[-1] if hearings else None, look, picture),)

    def _judge_window(self, scene: Scene) -> tuple[Judgement, ...]:
        classifier = self._models.classifier
        if classifier is None or scene.time_s < self._next_window_s:
            return ()
        self._next_window_s = scene.time_s + self._hop_s
        sample = None
        if is_worth_a_look(self._recent.scenes, self._recent.hearings[-2:]):
            sample = self._recent.sample(scene.time_s, self._window_s)
        if sample is None:
            self._window_scores.clear()
            return classifier.quiet(self.camera, scene.time_s, scene.wall_s)
        self.classified += 1
        return tuple(self._confirmed(judgement) for judgement in classifier.judge(self.camera, sample, scene))

    def _confirmed(self, judgement: Judgement) -> Judgement:
        """As sure as the less sure of this window and the one before: a single window may be fooled by a single picture."""
        before = self._window_scores.get(judgement.kind, 0.0)
        self._window_scores[judgement.kind] = judgement.score
        return replace(judgement, score=min(before, judgement.score))

    def _settle(self, judgements: list[Judgement], time_s: float, wall_s: float | None) -> None:
        self._now_s, self._now_wall_s = max(self._now_s, time_s), wall_s
        picture = None if self._newest is None else self._newest.colour
        for alert in self._policy.step(judgements, time_s, wall_s):
            if self._desk.follow(alert, picture, self._recent):
                self.alerts += 1
                self.last_alert = alert.kind
            if self._usual is not None and alert.way == Way.NORMALITY:
                self._desk.compare(alert, pictures_named(alert.details), self._usual.picture_of)


def _looked(looker: Looker, frame: CameraFrame, scene: Scene) -> FloatArray:
    return looker(frame.colour(), scene)
