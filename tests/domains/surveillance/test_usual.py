"""What is usual before a camera: learned, explained, kept."""

from __future__ import annotations

import numpy as np
import pytest

from core.alerts import Alert, AlertState, EvidenceKind
from core.errors import ModelError
from core.normality_pictures import PICTURE_BYTES
from domains.surveillance.clips import ClipRecorder
from domains.surveillance.config import EvidenceSettings, NormalitySettings, PrivacySettings
from domains.surveillance.evidence import USUAL_AN_ALERT, EvidenceDesk
from domains.surveillance.look import Ration
from domains.surveillance.moment_features import FEATURES, TOPICS, moment
from domains.surveillance.scene import Actor, Hearing, Motion, Posture, Scene, Track
from domains.surveillance.thumbnail import thumbnail_jpeg
from domains.surveillance.usual import UsualHere, file_name, pictures_named

NOTHING = np.empty((0, 4), np.float32)


def person(x, speed=0.8, id=1, **more):
    return Actor(Track(id, "person", np.array([x, 0.3, x + 0.1, 0.8], np.float32), 0.9, 0, 0), speed=speed, direction_deg=0.0, **more)


def scene(time_s, *actors, area=0.02):
    return Scene(
        "yard", time_s, None, Motion(time_s, area if actors else 0.0, bool(actors), NOTHING), actors, (), len(actors), bool(actors)
    )


def live(usual, minutes, start_s=0.0, seed=0, **more):
    """Every minute somebody walks through for 12 s; returns the time and all scores."""
    rng, time_s, scores = np.random.default_rng(seed), start_s, []
    for minute in range(minutes):
        for second in range(60):
            walk = [person(second / 15, 0.8 + rng.normal(0, 0.1), id=minute)] if second < 12 else []
            scores.append(usual.see(scene(time_s, *walk), **more).score)
            time_s += 1.0
    return time_s, scores


def test_running_where_people_walk_is_unusual_and_says_so():
    usual = UsualHere("yard", NormalitySettings(learn_for_s=600), None)
    now_s, scores = live(usual, 60)
    assert max(scores) < 0.6
    for second in range(4):
        judgement = usual.see(scene(now_s + second, person(0.2 + second / 10, speed=5.0, id=99)))
    assert judgement.score > 0.6
    assert judgement.kind == "unusual"
    assert "speed" in judgement.reason
    assert "5.0 heights/s (the most here so far), usually 0." in judgement.reason
    assert judgement.contributions == {"video": 1.0}
    assert judgement.subjects == (99,)
    assert judgement.details["nearest_usual"][0]["what"] == "1 person"


def test_a_person_lying_is_unusual():
    usual = UsualHere("yard", NormalitySettings(), None)
    now_s, _ = live(usual, 60)
    for second in range(4):
        judgement = usual.see(scene(now_s + second, person(0.4, 0.0, 99, posture=Posture.LYING, lying_s=second)))
    assert judgement.score > 0.6
    assert "lying" in judgement.reason


def test_a_scream_where_it_is_quiet_is_carried_by_sound():
    usual = UsualHere("yard", NormalitySettings(), None)
    now_s, _ = live(usual, 60)
    for second in range(4):
        t = now_s + second
        judgement = usual.see(scene(t), Hearing("yard", t - 1, t, None, -5.0, {"scream": 0.95}))
    assert judgement.score > 0.6
    assert judgement.contributions["audio"] > 0.9
    assert sum(judgement.contributions.values()) == pytest.approx(1.0)


def test_learns_without_a_word_for_its_time():
    usual = UsualHere("yard", NormalitySettings(learn_for_s=3600), None)
    now_s, _ = live(usual, 20)
    assert usual.see(scene(now_s, person(0.2, speed=9.0))).score == 0


def test_what_was_learned_lives_on_and_a_damaged_file_is_learned_anew(tmp_path):
    usual = UsualHere("../yard", NormalitySettings(), tmp_path)
    live(usual, 20)
    usual.save()
    (file,) = tmp_path.iterdir()
    again = UsualHere("../yard", NormalitySettings(), tmp_path)
    assert again.normality.footage_s == usual.normality.footage_s
    assert not again.normality.is_learning
    file.write_bytes(b"damaged")
    anew = UsualHere("../yard", NormalitySettings(), tmp_path)
    assert (anew.normality.footage_s, anew.failures) == (0.0, 1)


def test_a_folder_that_cannot_be_written_is_counted(tmp_path):
    (tmp_path / "file").write_text("")
    usual = UsualHere("yard", NormalitySettings(), tmp_path / "file" / "below")
    usual.save()
    assert usual.failures == 1


def test_file_names_are_safe_and_differ():
    names = {file_name(c) for c in ("../../etc/passwd", "a/b", "a b", "a-b", "", "x" * 500, "caméra")}
    assert len(names) == 7
    assert all("/" not in n and len(n) < 80 and not n.startswith(".") for n in names)


def test_every_moment_has_all_features_in_order():
    hearing = Hearing("yard", 0, 1, None, -float("inf"), {"dog": 0.9}, 0.7)
    vector = moment(scene(0, person(0.95), person(-0.2, near=(1,))), hearing, np.ones(1280, np.float32))
    assert vector.shape == (len(FEATURES),)
    assert np.all(np.isfinite(vector))
    assert vector[TOPICS["number of people"][0]] == 2
    assert vector[list(TOPICS["place of people"])].sum() == np.float32(2)
    assert vector[TOPICS["speech"][0]] == np.float32(0.7)
    assert not moment(scene(0), None, None).any()


def noise(seed=0, height=360, width=640):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (360, 640), (4320, 7680), (3, 9000)])
def test_a_thumbnail_is_small_whatever_it_shows(height, width):
    content = thumbnail_jpeg(noise(0, height, width))
    assert content.startswith(b"\xff\xd8")
    assert len(content) <= PICTURE_BYTES


class Kept:
    """A sink that remembers what it was given."""

    def __init__(self):
        self.pieces = []

    def save(self, alert):
        """Not of interest here."""

    def attach(self, alert_id, kind, content, media_type, name, start_s=None):
        self.pieces.append((alert_id, kind, content, media_type))


def desk_of(sink, tmp_path, blur=None):
    recorder = ClipRecorder(EvidenceSettings(), folder=tmp_path, masks=None, blur=blur, record_sound=True)
    return EvidenceDesk(sink, recorder, EvidenceSettings(), PrivacySettings(), blur)


def alert_of(judgement, id="ab" * 16):
    return Alert(id, "surveillance", "yard", "unusual", "normality", AlertState.OPEN, 1, 2, None, None, 0.9, "", details=judgement.details)


def test_an_unusual_moment_names_pictures_that_become_its_evidence(tmp_path):
    usual, sink = UsualHere("yard", NormalitySettings(learn_for_s=600), None), Kept()
    desk = desk_of(sink, tmp_path)
    now_s, _ = live(usual, 30, picture=lambda: desk.thumbnail(noise))
    for second in range(4):
        judgement = usual.see(scene(now_s + second, person(0.2, speed=5.0, id=99)))
    names = pictures_named(judgement.details)
    assert len(names) == 3 or len(names) == len(judgement.details["nearest_usual"])
    alert = alert_of(judgement)
    desk.compare(alert, names, usual.picture_of)
    desk.compare(alert, names, usual.picture_of)
    assert len(sink.pieces) == len(set(names)) > 0
    assert {(p[1], p[3]) for p in sink.pieces} == {(EvidenceKind.USUAL, "image/jpeg")}
    desk.compare(alert, [str(i) for i in range(100)], str.encode)
    assert len(sink.pieces) == USUAL_AN_ALERT


def test_a_kept_picture_hides_what_a_snapshot_hides(tmp_path):
    white = np.full((360, 640, 3), 255, np.uint8)
    hidden = desk_of(Kept(), tmp_path, blur=np.zeros_like).thumbnail(lambda: white)
    assert hidden == thumbnail_jpeg(np.zeros_like(white))


def test_no_picture_is_kept_where_faces_cannot_be_looked_for(tmp_path):
    def fails(bgr):
        raise ModelError("faces could not be looked for")

    desk = desk_of(Kept(), tmp_path, blur=fails)
    assert desk.thumbnail(noise) is None
    assert desk.failures == 1


def test_pictures_of_another_privacy_or_of_none_are_not_taken_up(tmp_path):
    usual = UsualHere("yard", NormalitySettings(), tmp_path)
    live(usual, 12, picture=lambda: thumbnail_jpeg(noise()))
    usual.save()
    again = UsualHere("yard", NormalitySettings(), tmp_path)
    hiding = UsualHere("yard", NormalitySettings(), tmp_path, privacy=PrivacySettings(blur_faces=True))
    assert again.normality.memory.pictures
    assert (hiding.normality.memory.pictures, hiding.normality.footage_s) == ({}, again.normality.footage_s)
    without = UsualHere("yard", NormalitySettings(keep_pictures=False), tmp_path)
    without.see(scene(0.0), picture=lambda: pytest.fail("it took a picture"))
    without.save()
    assert not UsualHere("yard", NormalitySettings(), tmp_path).normality.memory.pictures


def test_looks_are_taken_only_while_something_moves_and_only_so_many():
    usual = UsualHere("yard", NormalitySettings(looks_per_minute=6), None)
    taken = []
    for second in range(120):
        who = [person(0.2)] if second < 60 else []
        usual.see(scene(float(second), *who), look=lambda s=second: taken.append(s) or np.ones(1280, np.float32))
    assert taken == [0, 10, 20, 30, 40, 50]
    assert not usual.normality.memory.vectors[-1, -32:].any()
    plain = UsualHere("yard", NormalitySettings(), None)
    plain.see(scene(0.0, person(0.2)), look=lambda: pytest.fail("it looked"))


def test_a_ration_starts_afresh_when_the_clock_goes_back():
    ration = Ration(6)
    assert [ration.take(t) for t in (100.0, 105.0, 110.0, 3.0, 5.0)] == [True, False, True, True, False]
    assert not Ration(0).take(1.0)
