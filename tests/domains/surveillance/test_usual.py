"""What is usual before a camera: learned, explained, kept."""

from __future__ import annotations

import numpy as np
import pytest

from domains.surveillance.config import NormalitySettings
from domains.surveillance.moment_features import FEATURES, TOPICS, moment
from domains.surveillance.scene import Actor, Hearing, Motion, Posture, Scene, Track
from domains.surveillance.usual import UsualHere, file_name

NOTHING = np.empty((0, 4), np.float32)


def person(x, speed=0.8, id=1, **more):
    return Actor(Track(id, "person", np.array([x, 0.3, x + 0.1, 0.8], np.float32), 0.9, 0, 0), speed=speed, direction_deg=0.0, **more)


def scene(time_s, *actors, area=0.02):
    return Scene(
        "yard", time_s, None, Motion(time_s, area if actors else 0.0, bool(actors), NOTHING), actors, (), len(actors), bool(actors)
    )


def live(usual, minutes, start_s=0.0, seed=0):
    """Every minute somebody walks through for 12 s; returns the time and all scores."""
    rng, time_s, scores = np.random.default_rng(seed), start_s, []
    for minute in range(minutes):
        for second in range(60):
            walk = [person(second / 15, 0.8 + rng.normal(0, 0.1), id=minute)] if second < 12 else []
            scores.append(usual.see(scene(time_s, *walk)).score)
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
