"""Judge a recording from its begin to its end, in one thread, as fast as it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from domains.contract import Sink, Surroundings
from domains.surveillance.clips import ClipRecorder
from domains.surveillance.config import CameraSettings, SurveillanceSettings
from domains.surveillance.defaults import with_default_rules
from domains.surveillance.evidence import EvidenceDesk
from domains.surveillance.eyes import Eyes
from domains.surveillance.line import CameraLine
from domains.surveillance.models import Models
from domains.surveillance.policy import AlertPolicy
from domains.surveillance.privacy import face_blur, privacy_mask
from domains.surveillance.sources import film_duration_s, open_film
from domains.surveillance.stream import CameraFrame, SoundBlock


def analyse_film(
    film: Path,
    camera: str,
    camera_settings: CameraSettings,
    settings: SurveillanceSettings,
    models: Models,
    sink: Sink,
    surroundings: Surroundings,
    progress: Callable[[float, float | None], None],
) -> dict[str, float]:
    """Run one film through a camera's whole line.

    Args:
        film: the file.
        camera: the name its alerts carry.
        camera_settings: its rules, zones and privacy; the default rules where it has none.
        settings: the rest of the surveillance settings.
        models: loaded once for all films.
        sink: takes alerts and evidence.
        surroundings: lent by the pipeline.
        progress: told seconds done and in all.

    Returns:
        What was counted.

    Raises:
        InputError: the film cannot be read.
        StoreError: an alert could not be kept.
    """
    watched = with_default_rules(camera_settings)
    recorder = ClipRecorder(
        settings.evidence,
        folder=surroundings.scratch_folder,
        masks=privacy_mask(watched.privacy),
        blur=face_blur(watched.privacy),
        record_sound=watched.privacy.record_sound,
    )
    desk = EvidenceDesk(sink, recorder, settings.evidence, watched.privacy, face_blur(watched.privacy))
    recorder.on_clip = desk.keep_clip
    eyes = Eyes(camera, watched, settings.detector)
    line = CameraLine(camera, eyes, watched, settings, models, AlertPolicy(settings, camera), desk, usual_folder=None)
    stream = open_film(film, camera, masks=privacy_mask(watched.privacy), sound=watched.sound, recorder=recorder)
    duration_s = film_duration_s(film)
    seen_s = 0.0
    try:
        for event in stream:
            if isinstance(event, CameraFrame):
                seen_s = event.time_s
                motion = eyes.gate(event)
                if eyes.is_due(event, motion):
                    line.see(event, motion)
                    progress(seen_s, duration_s)
            elif isinstance(event, SoundBlock):
                line.listen(event)
                seen_s = max(seen_s, event.time_s)
            else:
                line.change(event)
        line.finish()
    finally:
        stream.close()
        recorder.close()
    counts = stream.counts
    return {
        "seconds": seen_s,
        "frames": counts.frames,
        "frames_damaged": counts.frames_damaged,
        "sound_damaged": counts.sound_damaged,
        "time_jumps": counts.time_jumps,
        "moving": eyes.moving,
        "inspected": eyes.inspected,
        "classified": line.classified,
        "utterances": line.utterances,
        "alerts": line.alerts,
        "evidence_failures": desk.failures,
    }
