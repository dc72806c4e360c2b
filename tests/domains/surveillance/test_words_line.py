"""Words through the whole line: a film in which somebody calls for help raises an alert; a live camera counts what it cannot write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from pydantic import SecretStr

from core.alerts import Alert, EvidenceKind
from core.samples import FloatArray
from domains.contract import Surroundings
from domains.surveillance.config import CameraSettings, ClassifierSettings, PrivacySettings, Rule, SurveillanceSettings
from domains.surveillance.domain import Surveillance

RULES = {"cry": Rule(words=["help"]), "fire": Rule(words=["fire"])}


class Kept:
    """A sink that keeps everything in memory."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.evidence: list[tuple[str, EvidenceKind, bytes]] = []
        self.on_alert: Callable[[Alert], None] = lambda alert: None

    def save(self, alert: Alert) -> None:
        self.alerts[alert.id] = alert
        self.on_alert(alert)

    def attach(
        self, alert_id: str, kind: EvidenceKind, content: bytes | Path, media_type: str, name: str, start_s: float | None = None
    ) -> None:
        self.evidence.append((alert_id, kind, content if isinstance(content, bytes) else content.read_bytes()))


@pytest.fixture(scope="module")
def film(speak: Callable[..., FloatArray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """14 s of an empty room; from 4 s on somebody says 'Please send help now'."""
    call = speak("Please send help now")
    room = (np.random.default_rng(0).standard_normal(14 * 16_000) * 0.002).astype(np.float32)
    room[64_000 : 64_000 + len(call)] += call
    path = tmp_path_factory.mktemp("spoken") / "hall.mp4"
    with av.open(str(path), "w") as output:
        video: Any = output.add_stream("libx264", rate=5, options={"preset": "ultrafast", "bf": "0"})
        video.width, video.height, video.pix_fmt, video.gop_size = 160, 120, "yuv420p", 5
        audio: Any = output.add_stream("aac", rate=16_000, layout="mono")
        for number in range(14 * 5):
            frame = av.VideoFrame.from_ndarray(np.full((120, 160, 3), 90, np.uint8), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            output.mux(video.encode(frame))
            begin = number * 3_200
            piece = av.AudioFrame.from_ndarray(room[None, begin : begin + 3_200], format="fltp", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = 16_000, begin, Fraction(1, 16_000)
            output.mux(audio.encode(piece))
        output.mux(video.encode(None))
        output.mux(audio.encode(None))
    return path


def analysed(film: Path, tmp_path: Path, camera: CameraSettings, **settings: Any) -> tuple[Kept, dict[str, float]]:
    kept = Kept()
    chosen = SurveillanceSettings(classifier=ClassifierSettings(enabled=False), cameras={film.stem: camera}, **settings)
    surroundings = Surroundings(tmp_path / "state", tmp_path / "scratch", threads=2)
    counts = Surveillance().analyse(str(film), chosen, kept, surroundings, lambda done_s, all_s: None)
    return kept, dict(counts)


@pytest.fixture(scope="module")
def models(packaged: Callable[[str], Path]) -> None:
    pytest.importorskip("faster_whisper", reason="the asr extra is not installed: pip install 'trivium[asr]'")
    for name in ("nanodet", "silero-vad", "whisper-tiny"):
        packaged(name)


@pytest.mark.slow
@pytest.mark.usefixtures("models")
def test_a_call_for_help_in_a_film_raises_an_alert_that_quotes_it(film: Path, tmp_path: Path) -> None:
    camera = CameraSettings(url=SecretStr(str(film)), rules=RULES, words=True)

    kept, counts = analysed(film, tmp_path, camera)

    (alert,) = [a for a in kept.alerts.values() if a.way == "rule"]
    assert alert.kind == "rule:cry"
    assert "help" in alert.reason.lower()
    assert alert.reason.startswith('a voice says "')
    assert alert.start_s == pytest.approx(6.5, abs=1.5)
    assert alert.details["said_from_s"] == pytest.approx(4.0, abs=0.5)
    assert counts["utterances"] == 1
    evidence = {kind: content for owner, kind, content in kept.evidence if owner == alert.id}
    assert b"help" in evidence[EvidenceKind.TRANSCRIPT].lower()
    assert EvidenceKind.CLIP in evidence


@pytest.mark.slow
@pytest.mark.usefixtures("models")
def test_without_words_nothing_that_was_said_is_kept(film: Path, tmp_path: Path) -> None:
    camera = CameraSettings(
        url=SecretStr(str(film)), rules={"loud": Rule(min_level_dbfs=-40.0)}, privacy=PrivacySettings(record_sound=False)
    )

    kept, counts = analysed(film, tmp_path, camera, words=True)  # for all cameras; this one records no sound

    assert [a.kind for a in kept.alerts.values() if a.way == "rule"] == ["rule:loud"]
    assert counts["utterances"] == 0
    assert EvidenceKind.TRANSCRIPT not in {kind for _, kind, _ in kept.evidence}
    assert not any("voice" in a.reason for a in kept.alerts.values())


@pytest.mark.slow
@pytest.mark.usefixtures("models")
def test_a_live_camera_tells_of_a_call_for_help(film: Path, tmp_path: Path) -> None:
    kept, stop = Kept(), threading.Event()
    camera = CameraSettings(url=SecretStr(str(film)), rules=RULES, words=True)
    settings = SurveillanceSettings(classifier=ClassifierSettings(enabled=False), cameras={"hall": camera})
    watch = Surveillance().watch(settings, kept, Surroundings(tmp_path / "state", tmp_path / "scratch", threads=1))
    kept.on_alert = lambda alert: stop.set() if alert.kind == "rule:cry" else None
    deadline = threading.Timer(90.0, stop.set)
    deadline.start()

    watch.run(stop)

    deadline.cancel()
    told = [a.reason.lower() for a in kept.alerts.values() if a.kind == "rule:cry"]
    assert len(told) == 1
    assert "help" in told[0]
    counts = watch.status()[0].counts
    assert (counts["utterances"], counts["words_dropped"]) == (1, 0)
    assert not [thread for thread in threading.enumerate() if thread.name == "scribe"]
