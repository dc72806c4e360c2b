"""What is kept of an alert: a snapshot when it opens, a clip from before it until after it, a picture of the sound."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from core.alerts import Alert, AlertState, EvidenceKind
from core.errors import TriviumError
from core.samples import ByteArray
from domains.contract import Sink
from domains.surveillance.clips import Clip, ClipRecorder
from domains.surveillance.config import EvidenceSettings, PrivacySettings
from domains.surveillance.hearing import spectrogram_png
from domains.surveillance.moments import Recent
from domains.surveillance.snapshot import snapshot_jpeg
from domains.surveillance.stream import SOUND_RATE_HZ
from domains.surveillance.thumbnail import thumbnail_jpeg

log = logging.getLogger(__name__)

MIN_SOUND_SHARE = 0.2  # below this share sound did not matter, and no spectrogram is kept
SPECTROGRAM_S = 10.0
USUAL_AN_ALERT = 12  # pictures to compare with, over all updates of an alert


class EvidenceDesk:
    """Follows the alerts of one camera and keeps what they rest on.

    A clip or picture that cannot be kept is logged and counted; the alert itself stands.

    Attributes:
        failures: pieces of evidence that could not be kept.
    """

    def __init__(
        self,
        sink: Sink,
        recorder: ClipRecorder,
        settings: EvidenceSettings,
        privacy: PrivacySettings,
        blur: Callable[[ByteArray], ByteArray] | None = None,
    ) -> None:
        self._sink = sink
        self._recorder = recorder
        self._settings = settings
        self._privacy = privacy
        self._blur = blur
        self._open: set[str] = set()
        self._compared: tuple[str, set[str]] = ("", set())
        self.failures = 0

    def follow(self, alert: Alert, picture: Callable[[], ByteArray] | None, recent: Recent) -> bool:
        """Commit an alert and take or finish its evidence.

        Args:
            alert: as the policy gave it.
            picture: gives the frame it is about, BGR; None when there is none (a sound, a lost camera).
            recent: the camera's recent past.

        Returns:
            Whether the alert opened just now.

        Raises:
            StoreError: the alert itself could not be committed.
        """
        self._sink.save(alert)
        is_new = alert.id not in self._open and alert.state is AlertState.OPEN
        if is_new:
            self._open.add(alert.id)
            if alert.way != "health":
                self._recorder.start(alert.id, _begin_s(alert) - self._settings.before_s)
            if picture is not None:
                self._keep_snapshot(alert, picture)
        elif alert.state is not AlertState.OPEN and alert.id in self._open:
            self._open.discard(alert.id)
            if alert.way != "health":
                self._recorder.stop(alert.id, alert.end_s + self._settings.after_s)
                self._keep_transcript(alert, recent)
            if alert.contributions.get("audio", 0.0) >= MIN_SOUND_SHARE and self._privacy.record_sound:
                self._keep_spectrogram(alert, recent)
        return is_new

    def thumbnail(self, picture: Callable[[], ByteArray]) -> bytes | None:
        """A small picture in which is hidden what is hidden in a snapshot; None, logged and counted, where it cannot be made."""
        try:
            bgr = picture()
            return thumbnail_jpeg(bgr if self._blur is None else self._blur(bgr))
        except TriviumError as error:
            self.failures += 1
            log.log(logging.WARNING if self.failures == 1 else logging.DEBUG, "a usual moment's picture could not be kept: %s", error)
            return None

    def compare(self, alert: Alert, names: Iterable[str], picture_of: Callable[[str], bytes | None]) -> None:
        """Keep the pictures of usual moments that an alert names, each once, at most `USUAL_AN_ALERT`.

        Args:
            alert: already followed.
            names: their hashes, nearest first.
            picture_of: gives a picture by its hash.
        """
        if self._compared[0] != alert.id:
            self._compared = (alert.id, set())
        kept = self._compared[1]
        for name in names:
            content = picture_of(name) if name not in kept and len(kept) < USUAL_AN_ALERT else None
            if content is not None:
                kept.add(name)
                self._attach(alert.id, EvidenceKind.USUAL, partial(bytes, content), "image/jpeg", "usual.jpg", None)

    def keep_clip(self, clip: Clip) -> None:
        """Attach a finished clip; called by the recorder."""
        self._attach(clip.key, EvidenceKind.CLIP, lambda: clip.path, clip.media_type, f"clip{clip.path.suffix}", clip.start_s)

    def _keep_snapshot(self, alert: Alert, picture: Callable[[], ByteArray]) -> None:
        def draw() -> bytes:
            bgr = picture()
            if self._blur is not None:
                bgr = self._blur(bgr)
            caption = f"{alert.source}  {alert.kind}  {alert.end_s:.1f} s  {alert.reason}"
            return snapshot_jpeg(bgr, alert.boxes, caption, self._settings.snapshot_quality)

        self._attach(alert.id, EvidenceKind.SNAPSHOT, draw, "image/jpeg", "snapshot.jpg", alert.end_s)

    def _keep_spectrogram(self, alert: Alert, recent: Recent) -> None:
        start_s = max(0.0, alert.end_s - SPECTROGRAM_S)
        waveform = recent.waveform(start_s, alert.end_s + 1.0)
        if waveform.size:
            self._attach(
                alert.id,
                EvidenceKind.SPECTROGRAM,
                lambda: spectrogram_png(waveform, SOUND_RATE_HZ),
                "image/png",
                "spectrogram.png",
                start_s,
            )

    def _keep_transcript(self, alert: Alert, recent: Recent) -> None:
        said = recent.utterances(_begin_s(alert) - self._settings.before_s, alert.end_s + self._settings.after_s)
        if said:
            text = "".join(f"{u.start_s:.1f} s to {u.end_s:.1f} s: {u.text}\n" for u in said)
            self._attach(alert.id, EvidenceKind.TRANSCRIPT, text.encode, "text/plain", "said.txt", said[0].start_s)

    def _attach(
        self, alert_id: str, kind: EvidenceKind, make: Callable[[], bytes | Path], media_type: str, name: str, start_s: float | None
    ) -> None:
        try:
            self._sink.attach(alert_id, kind, make(), media_type, name, start_s)
        except TriviumError as error:
            self.failures += 1
            log.warning("alert %s: its %s could not be kept: %s", alert_id[:8], kind.value, error)


def _begin_s(alert: Alert) -> float:
    """When what it is about began: words are known only some time after they were said."""
    said_from_s = alert.details.get("said_from_s")
    return min(alert.start_s, said_from_s) if isinstance(said_from_s, (int, float)) else alert.start_s
