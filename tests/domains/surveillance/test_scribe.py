"""The scribe: bounded, counted, never in the way; and what it writes down of real speech, noise and silence."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.encoders.sound.noises import coloured
from core.encoders.sound.speech import SpeechModel, Transcriber, Words
from core.samples import FloatArray
from domains.surveillance.dictation import Dictation
from domains.surveillance.hearing import Ear
from domains.surveillance.scene import Utterance
from domains.surveillance.scribe import MAX_TEXT, Scribe, _one_line
from domains.surveillance.stream import SoundBlock
from domains.surveillance.utterances import SpeechPiece

Speak = Callable[..., FloatArray]
TIMEOUT_S = 20.0


class Held:
    """Writes a piece's first sample down, when it is let."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def transcribe(self, waveform: FloatArray, spans: Sequence[tuple[float, float]]) -> tuple[Words, ...]:
        self.begun.set()
        assert self.go.wait(TIMEOUT_S)
        if waveform[0] < 0:
            raise RuntimeError("cannot")
        return (Words(0.0, 1.0, f"word {waveform[0]:.0f}", -0.1),) if waveform[0] else ()


def piece(number: float, camera: str = "hall") -> SpeechPiece:
    return SpeechPiece(camera, 0.0, 1.0, None, np.full(1_600, number, np.float32))


def taken(scribe: Scribe, camera: str, count: int) -> list[Utterance]:
    """Ask until there are so many."""
    found: list[Utterance] = []
    deadline_s = time.monotonic() + TIMEOUT_S
    while len(found) < count and time.monotonic() < deadline_s:
        found += scribe.take(camera)
    return found


def test_the_queue_is_bounded_the_oldest_makes_room_and_every_loss_is_counted() -> None:
    writer = Held()
    scribe = Scribe(writer, max_waiting=3)
    scribe.put(piece(1))
    assert writer.begun.wait(TIMEOUT_S)  # the first is being written; the others wait

    for number in range(2, 8):
        scribe.put(piece(number, "hall" if number % 2 else "door"))

    assert (scribe.dropped_of("hall"), scribe.dropped_of("door")) == (1, 2)  # 3; 2 and 4
    writer.go.set()
    assert [u.text for u in taken(scribe, "hall", 3)] == ["word 1", "word 5", "word 7"]
    assert [u.text for u in taken(scribe, "door", 1)] == ["word 6"]
    scribe.close()


def test_a_line_never_waits_for_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domains.surveillance.scribe.JOIN_S", 0.05)
    writer = Held()
    scribe = Scribe(writer, max_waiting=2)
    dictation = Dictation("hall", scribe, waits=False)

    for number in range(50):
        assert dictation.take([piece(number + 1)]) == ()  # returns though nothing can be written

    assert 47 <= dictation.dropped <= 48
    scribe.close()
    assert dictation.dropped >= 49  # what still waited is lost at the end, and counted
    writer.go.set()


def test_a_film_waits_and_loses_nothing() -> None:
    writer = Held()
    writer.go.set()
    dictation = Dictation("hall", Scribe(writer, max_waiting=1), waits=True)

    said = dictation.take([piece(n) for n in (1, 2, 0, 3)])

    assert [u.text for u in said] == ["word 1", "word 2", "word 3"]
    assert (dictation.written, dictation.dropped) == (3, 0)


def test_a_fault_is_counted_and_the_next_piece_is_written(caplog: pytest.LogCaptureFixture) -> None:
    writer = Held()
    writer.go.set()
    scribe = Scribe(writer)
    with caplog.at_level(logging.INFO):
        scribe.put(piece(-1))
        scribe.put(piece(4))
        assert [u.text for u in taken(scribe, "hall", 1)] == ["word 4"]

    assert scribe.failures == 1
    assert "hall" in caplog.text
    assert "word" not in caplog.text.replace("words", "")  # what is said is never logged
    scribe.close()


def test_it_works_again_after_it_was_closed() -> None:
    writer = Held()
    writer.go.set()
    scribe = Scribe(writer)
    for number in (1, 2):
        scribe.put(piece(number))
        assert [u.text for u in taken(scribe, "hall", 1)] == [f"word {number}"]
        scribe.close()


@given(st.text(max_size=2_000))
def test_what_is_written_is_one_short_printable_line(text: str) -> None:
    line = _one_line(text)

    assert len(line) <= MAX_TEXT
    assert line.isprintable()
    assert '"' not in line


class NoTags:
    """A tagger that knows no sound."""

    labels = ()
    width = 1
    name = "none"

    def tag(self, waveform: FloatArray) -> NoTags:
        return self

    def standing(self, index: int) -> dict[str, float]:
        return {}


@pytest.fixture(scope="module")
def transcriber(packaged: Callable[[str], object]) -> Transcriber:
    pytest.importorskip("faster_whisper", reason="the asr extra is not installed: pip install 'trivium[asr]'")
    packaged("whisper-tiny")
    return Transcriber()


@pytest.fixture(scope="module")
def speech(packaged: Callable[[str], object]) -> SpeechModel:
    packaged("silero-vad")
    return SpeechModel()


def heard(waveform: FloatArray, speech: SpeechModel, transcriber: Transcriber) -> list[Utterance]:
    """What a camera that films it would write down, block by block."""
    ear = Ear("hall", NoTags(), speech, cuts_speech=True)  # type: ignore[arg-type]
    dictation = Dictation("hall", Scribe(transcriber), waits=True)
    said: list[Utterance] = []
    for first in range(0, len(waveform), 1_024):
        ear.step(SoundBlock("hall", 10.0 + first / 16_000, None, waveform[first : first + 1_024]))
        said += dictation.take(ear.pieces())
    return [*said, *dictation.finish(ear.finish())]


def test_real_speech_is_written_down_with_its_times(speak: Speak, speech: SpeechModel, transcriber: Transcriber) -> None:
    call = speak("Please send help now")
    room = coloured(np.random.default_rng(0), 48_000 + len(call) + 32_000, 1.0) * np.float32(0.003)
    room[48_000 : 48_000 + len(call)] += call

    said = heard(room, speech, transcriber)

    assert [u.text.lower().rstrip(".!") for u in said] == ["please send help now"]
    assert said[0].start_s == pytest.approx(13.0, abs=0.5)
    assert said[0].end_s == pytest.approx(13.0 + len(call) / 16_000, abs=1.0)


def test_silence_noise_and_tones_have_no_words(speech: SpeechModel, transcriber: Transcriber) -> None:
    draw = np.random.default_rng(1)
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(96_000) / 16_000)).astype(np.float32)
    sounds = [np.zeros(96_000, np.float32), *(coloured(draw, 96_000, e) * np.float32(0.2) for e in (0.0, 1.0, 2.0)), tone]

    assert [heard(sound, speech, transcriber) for sound in sounds] == [[]] * len(sounds)


def test_real_sounds_that_are_no_speech_have_no_words(sample_data: object, speech: SpeechModel, transcriber: Transcriber) -> None:
    from core.encoders.sound.esc10 import decode_mono

    folder = sample_data / "sounds"  # type: ignore[operator]
    said = {name: heard(decode_mono(folder / f"{name}.ogg"), speech, transcriber) for name in ("rain", "dog", "chainsaw", "clock-tick")}

    assert {name: [u.text for u in us] for name, us in said.items() if us} == {}
