"""Surveillance as a domain: what the registry finds. Light to import; the work is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pydantic import SecretStr

from core.errors import ConfigError
from domains.surveillance.config import CameraSettings, SurveillanceSettings

if TYPE_CHECKING:
    import threading

    from core.alerts import Alert
    from core.encoders.contract import Encoder
    from core.samples import Modality, Sample
    from domains.contract import Policy, Sink, Source, SourceStatus, Surroundings, Watch
    from domains.surveillance.models import Models
    from domains.surveillance.post import CameraPost


class Surveillance:
    """Cameras and microphones."""

    name = "surveillance"
    summary = "watch cameras and films: alerts with evidence"
    settings = SurveillanceSettings
    labels = ("daily", "fall")
    benches: Mapping[str, str] = {
        "surveillance.motion": "domains.surveillance.benches.motion:run",
        "surveillance.streams": "domains.surveillance.benches.streams:run",
        "surveillance.reconnect": "domains.surveillance.benches.reconnect:run",
        "surveillance.sounds": "domains.surveillance.benches.sounds:run",
        "surveillance.falls": "domains.surveillance.benches.falls:run",
        "surveillance.normality": "domains.surveillance.benches.normality:run",
        "surveillance.durability": "domains.surveillance.benches.durability:run",
    }

    def __init__(self) -> None:
        self._models: tuple[str, Models] | None = None

    def open(self, location: str, settings: SurveillanceSettings) -> Source:
        """The windows of a film as samples."""
        from core.encoders.sound.tagger import load_tagger
        from domains.surveillance.detector import load_detector
        from domains.surveillance.examples import FilmSource

        return FilmSource(Path(location), settings, load_detector(settings.detector, threads=2), load_tagger(settings.sound_tagger))

    def load(self, settings: SurveillanceSettings, threads: int) -> Models:
        """The models, loaded once for the same settings."""
        from domains.surveillance.models import asks_for_looks, asks_for_words, load_models

        asked = asks_for_words(settings), asks_for_looks(settings)
        key = f"{settings.detector}{settings.sound_tagger}{settings.classifier}{asked}{threads}"
        if self._models is None or self._models[0] != key:
            self._models = (key, load_models(settings, threads))
        return self._models[1]

    def recordings(self, location: str) -> tuple[str, ...]:
        """The film itself, or every film in a folder."""
        from domains.surveillance.sources import films_in

        place = Path(location)
        return tuple(map(str, films_in(place))) if place.is_dir() else (location,)

    def analyse(
        self,
        location: str,
        settings: SurveillanceSettings,
        sink: Sink,
        surroundings: Surroundings,
        progress: Callable[[float, float | None], None],
    ) -> Mapping[str, float]:
        """Judge a film. A camera whose configured name is the film's stem lends it its rules, zones and privacy."""
        from domains.surveillance.analyse import analyse_film

        film = Path(location)
        camera = film.stem
        own = settings.cameras.get(camera, CameraSettings(url=str(film)))  # type: ignore[arg-type]
        return analyse_film(film, camera, own, settings, self.load(settings, surroundings.threads), sink, surroundings, progress)

    def watch(self, settings: SurveillanceSettings, sink: Sink, surroundings: Surroundings) -> Watch:
        """Get ready to watch every enabled camera."""
        from domains.surveillance.monitor import SurveillanceWatch

        cameras = {name: camera for name, camera in settings.cameras.items() if camera.enabled}
        if not cameras:
            raise ConfigError("no camera to watch: name one with --camera rtsp://..., or under surveillance.cameras in the configuration")

        def open_posts(bell: threading.Condition, stop: threading.Event) -> Sequence[CameraPost]:
            from domains.surveillance.opening import open_post

            return [open_post(name, camera, settings, sink, surroundings, bell, stop) for name, camera in cameras.items()]

        return SurveillanceWatch(open_posts, lambda: self.load(settings, surroundings.threads))

    def with_sources(self, settings: SurveillanceSettings, locations: Mapping[str, str]) -> SurveillanceSettings:
        """The settings with cameras added; a configured camera of the same name keeps its rules and gets the new address."""
        cameras = dict(settings.cameras)
        for name, url in locations.items():
            known = cameras.get(name)
            secret = SecretStr(url)
            cameras[name] = CameraSettings(url=secret) if known is None else known.model_copy(update={"url": secret})
        return settings.model_copy(update={"cameras": cameras})

    def encoders(self, settings: SurveillanceSettings, threads: int) -> Mapping[Modality, Encoder]:
        """Video, audio and text."""
        from domains.surveillance.encoders import fusion_encoders

        return fusion_encoders(settings.sound_tagger, threads)

    def probe(self, settings: SurveillanceSettings) -> tuple[SourceStatus, ...]:
        """Ask every enabled camera once whether it answers."""
        from domains.surveillance.opening import probe_camera

        return tuple(probe_camera(name, camera) for name, camera in settings.cameras.items() if camera.enabled)

    def policy(self, settings: SurveillanceSettings) -> Policy:
        """A fresh policy for a camera without a name."""
        from domains.surveillance.policy import AlertPolicy

        return cast("Policy", AlertPolicy(settings, "camera"))

    def draft(self, alerts: Sequence[Alert]) -> str:
        """A DRAFT incident report."""
        from domains.surveillance.report import draft_report

        return draft_report(alerts)

    def examples(self, dataset: Path) -> Sequence[Sample]:
        """Labelled windows of a folder of films."""
        from core.encoders.sound.tagger import load_tagger
        from domains.surveillance.detector import load_detector
        from domains.surveillance.examples import labelled_windows

        settings = SurveillanceSettings()
        return tuple(labelled_windows(dataset, settings, load_detector(settings.detector, threads=2), load_tagger(settings.sound_tagger)))


SURVEILLANCE = Surveillance()
