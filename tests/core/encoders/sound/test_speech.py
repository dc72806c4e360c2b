"""Speech: spans out of probabilities, and the network as a stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.encoders.sound.noises import coloured
from core.encoders.sound.speech import BLOCK_S, SpeechModel, SpeechSpans
from core.errors import InputError, ModelError


@pytest.fixture(scope="module")
def speech() -> SpeechModel:
    try:
        return SpeechModel()
    except ModelError as error:
        pytest.skip(f"weights: {error}")


def test_spans_have_hysteresis_join_over_short_pauses_and_drop_blips() -> None:
    probabilities = [0.1] * 10 + [0.6] * 10 + [0.4] * 10 + [0.1] * 3 + [0.9] * 10 + [0.1] * 20 + [0.9] * 3 + [0.0] * 5
    assert SpeechSpans().of(probabilities) == ((10 * BLOCK_S, 43 * BLOCK_S),)


def test_speech_at_the_end_is_closed_by_the_end() -> None:
    assert SpeechSpans().of([0.9] * 20) == ((0.0, 20 * BLOCK_S),)


@given(st.lists(st.floats(0, 1), max_size=200))
def test_spans_are_in_order_apart_and_inside(probabilities: list[float]) -> None:
    spans = SpeechSpans().of(probabilities)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(end - start >= 0.25 for start, end in spans)
    assert not edges or (edges[0] >= 0 and edges[-1] <= len(probabilities) * BLOCK_S)


def test_noise_and_silence_are_no_speech(speech: SpeechModel) -> None:
    assert speech.spans(coloured(np.random.default_rng(0), 48_000, 1.0)) == ()
    assert speech.spans(np.zeros(48_000, np.float32)) == ()


def test_a_stream_in_pieces_is_the_recording(speech: SpeechModel) -> None:
    wave = coloured(np.random.default_rng(1), 32_768, 1.5)
    stream, draw, at, pieces = speech.stream(), np.random.default_rng(2), 0, []
    while at < len(wave):
        step = int(draw.integers(1, 3_000))
        pieces.append(stream.feed(wave[at : at + step]))
        at += step
    assert np.array_equal(np.concatenate(pieces), speech.probabilities(wave))


def test_bad_sound_is_an_input_error(speech: SpeechModel) -> None:
    with pytest.raises(InputError):
        speech.probabilities(np.array([np.nan], np.float32))


def test_words_without_the_extra_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.encoders.sound import speech as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'trivium\[asr\]'"):
        module.Transcriber()
