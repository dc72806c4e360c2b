"""From a camera's settings to a camera at work."""

from __future__ import annotations

import threading
from itertools import islice

from core.errors import InputError
from domains.contract import Sink, SourceStatus, Surroundings
from domains.surveillance.clips import ClipRecorder
from domains.surveillance.config import CameraSettings, SurveillanceSettings
from domains.surveillance.defaults import with_default_rules
from domains.surveillance.evidence import EvidenceDesk
from domains.surveillance.eyes import Eyes
from domains.surveillance.line import CameraLine
from domains.surveillance.live import LiveStream
from domains.surveillance.models import Models
from domains.surveillance.policy import AlertPolicy
from domains.surveillance.post import CameraPost
from domains.surveillance.privacy import face_blur, privacy_mask
from domains.surveillance.stream import CameraFrame, StreamChange, StreamState


def open_post(
    name: str,
    settings: CameraSettings,
    surveillance: SurveillanceSettings,
    sink: Sink,
    surroundings: Surroundings,
    bell: threading.Condition,
    stop: threading.Event,
) -> CameraPost:
    """Put a camera's stages together; nothing is connected until it is read."""
    watched = with_default_rules(settings)
    blur = face_blur(watched.privacy)
    recorder = ClipRecorder(
        surveillance.evidence,
        folder=surroundings.scratch_folder,
        masks=privacy_mask(watched.privacy),
        blur=blur,
        record_sound=watched.privacy.record_sound,
    )
    desk = EvidenceDesk(sink, recorder, surveillance.evidence, watched.privacy, blur)
    recorder.on_clip = desk.keep_clip
    policy = AlertPolicy(surveillance, name, mutes=surroundings.mutes)
    eyes = Eyes(name, watched, surveillance.detector)

    def make_line(models: Models) -> CameraLine:
        return CameraLine(name, eyes, watched, surveillance, models, policy, desk, surroundings.state_folder, defers_windows=True)

    return CameraPost(LiveStream(name, watched, recorder, stop), recorder, eyes, make_line, bell)


def probe_camera(name: str, settings: CameraSettings) -> SourceStatus:
    """Connect once and wait for a picture or for the reason why there is none."""
    stop = threading.Event()
    stream = LiveStream(name, settings, None, stop)
    note = "no picture came"
    try:
        for event in islice(stream, 64):
            if isinstance(event, CameraFrame):
                height, width = event.luma.shape
                return SourceStatus(name, "online", note=f"{width}x{height}")
            if isinstance(event, StreamChange) and event.state is StreamState.OFFLINE:
                note = event.reason
                break
    except InputError as error:
        note = str(error)
    finally:
        stop.set()
        stream.close()
    return SourceStatus(name, "offline", note=note)
