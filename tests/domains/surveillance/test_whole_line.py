"""The whole line on real footage: from a film to alerts with pictures, clips that play, and reasons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from pydantic import SecretStr

from core.alerts import Alert, AlertState, EvidenceKind
from domains.contract import Surroundings
from domains.surveillance.config import CameraSettings, ClassifierSettings, PrivacySettings, SurveillanceSettings
from domains.surveillance.domain import Surveillance

SETTINGS = SurveillanceSettings(classifier=ClassifierSettings(enabled=False))


class Kept:
    """A sink that keeps everything in memory; clips as their bytes."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.evidence: list[tuple[str, EvidenceKind, bytes, str]] = []

    def save(self, alert: Alert) -> None:
        self.alerts[alert.id] = alert

    def attach(
        self, alert_id: str, kind: EvidenceKind, content: bytes | Path, media_type: str, name: str, start_s: float | None = None
    ) -> None:
        assert alert_id in self.alerts  # evidence never comes before its alert
        self.evidence.append((alert_id, kind, content if isinstance(content, bytes) else content.read_bytes(), media_type))

    def of(self, kind: str) -> list[Alert]:
        return sorted((a for a in self.alerts.values() if a.kind == kind), key=lambda a: a.start_s)


def analyse(film: Path, tmp_path: Path, settings: SurveillanceSettings = SETTINGS) -> Kept:
    kept = Kept()
    surroundings = Surroundings(tmp_path / "state", tmp_path / "scratch", threads=2)
    Surveillance().analyse(str(film), settings, kept, surroundings, lambda done_s, all_s: None)
    return kept


@pytest.fixture(scope="module")
def lobby(sample_data: Path, packaged: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Kept:
    packaged("nanodet")
    return analyse(sample_data / "surveillance" / "lobby.mp4", tmp_path_factory.mktemp("lobby"))


@pytest.mark.slow
def test_each_visit_of_a_real_film_is_covered_by_a_person_alert(lobby: Kept) -> None:
    people = lobby.of("rule:person")

    for visit_start_s, visit_end_s in ((6.1, 20.1), (22.8, 45.1)):
        middle_s = (visit_start_s + visit_end_s) / 2
        assert any(a.start_s - 0.5 <= middle_s <= a.end_s for a in people)
    assert people[0].start_s == pytest.approx(6.1, abs=2.5)
    assert all(a.state is AlertState.CLOSED and a.end_s >= a.start_s for a in lobby.alerts.values())


@pytest.mark.slow
def test_the_dog_is_heard_when_it_barks_and_the_reason_says_so(lobby: Kept) -> None:
    dogs = lobby.of("rule:dog")

    assert dogs
    assert dogs[0].start_s == pytest.approx(14.0, abs=2.0)
    assert "dog" in dogs[0].reason
    assert dogs[0].contributions.get("audio", 0) > 0.5


@pytest.mark.slow
def test_every_alert_has_a_snapshot_and_a_clip_with_sound_that_plays(lobby: Kept, tmp_path: Path) -> None:
    for alert in lobby.alerts.values():
        kinds = {kind for owner, kind, _, _ in lobby.evidence if owner == alert.id}
        assert {EvidenceKind.SNAPSHOT, EvidenceKind.CLIP} <= kinds
    snapshots = [data for _, kind, data, _ in lobby.evidence if kind is EvidenceKind.SNAPSHOT]
    assert all(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None for data in snapshots)
    for number, (alert_id, _, data, media_type) in enumerate(e for e in lobby.evidence if e[1] is EvidenceKind.CLIP):
        assert media_type == "video/mp4"
        clip = tmp_path / f"{number}.mp4"
        clip.write_bytes(data)
        with av.open(str(clip)) as container:
            assert container.streams.audio
            frames = sum(1 for _ in container.decode(video=0))
        alert = lobby.alerts[alert_id]
        assert frames / 10 >= min(alert.end_s - alert.start_s, 100.0) * 0.5


@pytest.mark.slow
def test_a_sound_alert_keeps_a_picture_of_its_sound(lobby: Kept) -> None:
    dog = lobby.of("rule:dog")[0]

    pictures = [data for owner, kind, data, _ in lobby.evidence if owner == dog.id and kind is EvidenceKind.SPECTROGRAM]

    assert pictures
    assert pictures[0].startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_hand_that_reaches_in_is_nobody_lying_down(sample_data: Path, packaged: Callable[[str], Path], tmp_path: Path) -> None:
    packaged("nanodet")

    kept = analyse(sample_data / "surveillance" / "bottles.mp4", tmp_path)

    down_s = sum(a.end_s - a.start_s for a in kept.of("rule:person-down"))
    assert down_s < 1.0  # a hand that reaches in may pass for its owner, but nobody lies there


@pytest.mark.slow
def test_what_a_mask_hides_is_in_no_evidence_and_raises_nothing(sample_data: Path, packaged: Callable[[str], Path], tmp_path: Path) -> None:
    packaged("nanodet")
    everything = PrivacySettings(masks=[[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]])
    film = sample_data / "surveillance" / "fall-forward.mp4"
    camera = CameraSettings(url=SecretStr(str(film)), privacy=everything)

    kept = analyse(film, tmp_path, SETTINGS.model_copy(update={"cameras": {"fall-forward": camera}}))

    assert not kept.of("rule:person")
