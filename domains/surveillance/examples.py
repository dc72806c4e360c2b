"""Samples cut from films, by the same stages that watch live: what the fusion classifier learns from and is asked about."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from core.encoders.sound.tagger import Tagger
from core.samples import Sample
from domains.surveillance.config import CameraSettings, SurveillanceSettings
from domains.surveillance.detector import Detector
from domains.surveillance.eyes import Eyes
from domains.surveillance.hearing import Ear
from domains.surveillance.labels import label_at, read_labels
from domains.surveillance.moments import Recent
from domains.surveillance.sources import open_film
from domains.surveillance.stream import CameraFrame, SoundBlock

LEAST_EVENT_S = 0.8  # a window holds an event when it holds at least this much of it


def film_windows(
    film: Path, camera: CameraSettings, settings: SurveillanceSettings, detector: Detector, tagger: Tagger, hop_s: float
) -> Generator[tuple[float, float, Sample]]:
    """The windows of one film in order.

    Args:
        film: the file.
        camera: zones and privacy.
        settings: window length, detector rate.
        detector: finds people.
        tagger: names sounds.
        hop_s: a window every so often.

    Yields:
        Start and end in seconds of the film's own clock, and the sample.

    Raises:
        InputError: the film cannot be read.
    """
    name = film.stem
    eyes, ear = Eyes(name, camera, settings.detector), Ear(name, tagger)
    window_s = settings.classifier.window_s
    recent = Recent(name, window_s + 2.0)
    next_s = hop_s
    stream = open_film(film, name, sound=camera.sound)
    try:
        for event in stream:
            if isinstance(event, SoundBlock):
                recent.listen(event)
                for hearing in ear.step(event):
                    recent.hear(hearing)
            elif isinstance(event, CameraFrame):
                motion = eyes.gate(event)
                if eyes.is_due(event, motion):
                    if eyes.needs_detection(motion):
                        recent.see(event, eyes.look(event, motion, eyes.find(event, detector)))
                    else:
                        recent.note(eyes.rest(event, motion))
                if event.time_s >= next_s:
                    next_s += hop_s
                    sample = recent.sample(event.time_s, window_s)
                    if sample is not None:
                        yield max(0.0, event.time_s - window_s), event.time_s, sample
    finally:
        stream.close()


class FilmSource:
    """The windows of one film as a source of samples."""

    def __init__(self, film: Path, settings: SurveillanceSettings, detector: Detector, tagger: Tagger) -> None:
        camera = CameraSettings(url=SecretStr(str(film)))
        self._windows = film_windows(film, camera, settings, detector, tagger, settings.classifier.hop_s)

    def __iter__(self) -> Iterator[Sample]:
        return (sample for _, _, sample in self._windows)

    def close(self) -> None:
        """Stop reading."""
        self._windows.close()


def labelled_windows(
    dataset: Path, settings: SurveillanceSettings, detector: Detector, tagger: Tagger, hop_s: float = 0.5
) -> Iterator[Sample]:
    """The labelled windows of a dataset folder; a window that holds too little of an event to tell is left out.

    Raises:
        InputError: the labels or a film cannot be read.
    """
    for film in read_labels(dataset):
        camera = CameraSettings(url=SecretStr(str(film.path)))
        for start_s, end_s, sample in film_windows(film.path, camera, settings, detector, tagger, hop_s):
            label = label_at(film.spans, start_s, end_s, LEAST_EVENT_S)
            if label is not None:
                name = f"{film.path.relative_to(dataset.resolve()).with_suffix('')}@{end_s:.2f}"
                yield replace(sample, id=name, labels=(label,), group=film.group)
