"""Words in rules, sentences and settings: what fires, what does not, and what a wrong configuration is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr, ValidationError

from core.errors import ConfigError
from core.samples import Text
from domains.surveillance.config import CameraSettings, PrivacySettings, Rule, SurveillanceSettings
from domains.surveillance.moments import Recent
from domains.surveillance.rules import RuleBook
from domains.surveillance.scene import Actor, Hearing, Motion, Scene, Track, Utterance
from domains.surveillance.sentences import describe_moment
from pipelines.configuration import load_configuration


def book(**rules: Rule) -> RuleBook:
    return RuleBook("yard", CameraSettings(url=SecretStr("x"), rules=rules))


def uttered(text: str, end_s: float = 2.0) -> Utterance:
    return Utterance("yard", end_s - 1.0, end_s, None, text)


def hearing(end_s: float, **tags: float) -> Hearing:
    return Hearing("yard", end_s - 1.0, end_s, None, -30.0, tags)


def scene(time_s: float, *people: int) -> Scene:
    box = np.array([0.1, 0.1, 0.2, 0.6], np.float32)
    actors = tuple(Actor(Track(i, "person", box, 0.9, 0.0, time_s), dwell_s=time_s) for i in people)
    return Scene("yard", time_s, None, Motion(time_s, 0.1, True, np.zeros((0, 4), np.float32)), actors, crowding=len(people))


def test_a_word_raises_the_rule_and_the_reason_quotes_the_voice() -> None:
    rules = book(cry=Rule(words=["help", "fire"]))
    assert rules.hear(hearing(1.0))[0].score == 0
    assert rules.say(uttered("That was helpful."), 2.5, None)[0].score == 0

    hit = rules.say(uttered("Please HELP me!", 3.0), 4.2, None)[0]

    assert (hit.kind, hit.score, hit.time_s) == ("rule:cry", 1.0, 4.2)
    assert hit.reason == 'a voice says "Please HELP me!"'
    assert hit.contributions == {"audio": 1.0}
    assert hit.details["words"] == ["help"]
    assert (hit.details["said_from_s"], hit.details["said_until_s"]) == (2.0, 3.0)
    assert [rules.hear(hearing(t))[0].score for t in (4.5, 5.0, 6.0)] == [1, 1, 0]  # it holds for a moment, then it is over


def test_a_word_and_a_person_must_come_together_as_it_was_said_not_as_it_was_written() -> None:
    rules = book(cry=Rule(words=["help"], labels=["person"]))
    assert rules.see(scene(10.0, 1))[0].score == 0

    late = rules.say(uttered("help", 11.0), 16.0, None)[0]

    assert late.score == 1
    assert late.contributions == {"video": 0.5, "audio": 0.5}
    assert late.reason.endswith(' and a voice says "help"')
    assert rules.say(uttered("help", 30.0), 31.0, None)[0].score == 0  # whoever was there is long gone


def test_a_word_and_a_sound_are_both_asked_for() -> None:
    rules = book(alarm=Rule(words=["fire"], sounds=["siren"], min_sound_spans=1))

    assert rules.say(uttered("Fire!"), 2.0, None)[0].score == 0
    hit = rules.hear(hearing(3.0, siren=0.9))[0]

    assert hit.score == 1
    assert hit.contributions == {"audio": 1.0}


def test_a_rule_about_sound_alone_does_not_care_for_words() -> None:
    rules = book(dog=Rule(sounds=["dog"]))

    assert rules.say(uttered("dog"), 2.0, None) == ()


def test_a_rule_about_words_is_about_no_object_and_no_duration() -> None:
    assert Rule(words=["help"]).labels == []
    with pytest.raises(ValidationError, match="has no duration"):
        Rule(words=["help"], min_duration_s=2.0)
    with pytest.raises(ValidationError, match="no word that could be spoken"):
        Rule(words=["!?"])


def test_what_is_said_is_a_sentence_of_the_moment_that_the_classifier_reads() -> None:
    recent = Recent("yard", 12.0)
    recent.hear(hearing(2.0))
    recent.say(uttered("Please send help now.", 2.0))
    recent.say(uttered("Nothing to do with it.", 20.0))

    sample = recent.sample(3.0, 4.0)

    assert sample is not None
    (text,) = [o.payload for o in sample.observations if isinstance(o.payload, Text)]
    assert 'a voice says "Please send help now."' in text.sentences
    assert not any("Nothing to do" in s for s in text.sentences)
    assert describe_moment((), (), (uttered("go away"),)) == ('a voice says "go away"',)


@pytest.mark.parametrize(
    ("everywhere", "here", "record_sound", "sound", "written"),
    [
        (False, None, True, True, False),  # personal data: off unless asked for
        (True, None, True, True, True),
        (True, None, False, True, False),  # the privacy switch is stronger than a word for all cameras
        (True, True, False, True, True),  # but not than the camera's own
        (False, True, False, True, True),
        (True, False, True, True, False),
        (True, True, True, False, False),  # no microphone, no words
    ],
)
def test_who_decides_whether_words_are_written(everywhere: bool, here: bool | None, record_sound: bool, sound: bool, written: bool) -> None:
    camera = CameraSettings(url=SecretStr("x"), words=here, sound=sound, privacy=PrivacySettings(record_sound=record_sound))

    assert SurveillanceSettings(words=everywhere).writes_words(camera) is written


def written(folder: Path, head: str = "", camera: str = "") -> Path:
    file = folder / "site.yaml"
    file.write_text(
        f"surveillance:\n{head}  cameras:\n    door:\n      url: rtsp://u:secret@h/x\n{camera}      rules:\n"
        "        dog:\n          sounds: [dog]\n        cry:\n          words: [help]\n"
    )
    return file


@pytest.mark.parametrize(
    ("head", "camera", "line", "advice"),
    [
        ("", "", 9, "surveillance.cameras.door.words: true"),
        ("  words: true\n", "      privacy: {record_sound: false}\n", 11, "surveillance.cameras.door.words: true"),
        ("  words: true\n", "      sound: false\n", 11, "sound: true"),
    ],
)
def test_a_rule_about_words_that_nobody_writes_is_an_error_at_its_line(
    tmp_path: Path, head: str, camera: str, line: int, advice: str
) -> None:
    file = written(tmp_path, head, camera)

    with pytest.raises(ConfigError) as told:
        load_configuration(file, {})

    assert str(told.value).startswith(f"{file}:{line}:")
    assert "rule 'cry' is about words" in str(told.value)
    assert str(told.value).endswith(advice)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(("head", "camera"), [("  words: true\n", ""), ("", "      words: true\n")])
def test_a_rule_about_words_is_good_where_words_are_on(tmp_path: Path, head: str, camera: str) -> None:
    settings: Any = load_configuration(written(tmp_path, head, camera), {}).settings

    assert settings.surveillance.cameras["door"].rules["cry"].words == ["help"]


def test_words_without_the_extra_name_the_setting_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.encoders.sound import speech
    from core.errors import ModelError
    from domains.surveillance.models import load_scribe

    monkeypatch.setattr(speech, "find_spec", lambda name: None)

    with pytest.raises(ModelError, match=r"surveillance\.words: .*pip install 'trivium\[asr\]'"):
        load_scribe()
