"""The audio encoder: the contract, what it says, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from core.encoders.audio import AudioEncoder, band_statistics
from core.encoders.contract import Encoder
from core.encoders.sound.esc10 import decode_mono
from core.encoders.sound.sentences import describe_sound, heard_spans
from core.encoders.sound.tagger import SoundTags
from core.errors import InputError
from core.samples import Audio, FloatArray, Modality, Observation, Text


@pytest.fixture(scope="module")
def encoder() -> AudioEncoder:
    return AudioEncoder()


def observed(waveform: FloatArray, rate_hz: int = 16_000) -> Observation:
    return Observation(Audio(waveform, rate_hz), "yard", 0.0, len(waveform) / rate_hz)


def pink(seconds: float, rate_hz: int = 16_000, seed: int = 0) -> FloatArray:
    return (0.05 * np.random.default_rng(seed).standard_normal(round(seconds * rate_hz))).astype(np.float32)


def tags_of(rows: list[list[float]]) -> SoundTags:
    times = np.arange(len(rows), dtype=np.float32) * np.float32(0.5)
    return SoundTags(
        ("dog", "rain", "background"),
        times,
        np.array(rows, np.float32),
        np.zeros((len(rows), 1), np.float32),
        0.5,
        frozenset({"background"}),
    )


def test_it_is_an_encoder_and_pads_what_is_shorter(encoder: AudioEncoder) -> None:
    assert isinstance(encoder, Encoder)
    assert encoder.modality is Modality.AUDIO
    features = encoder.encode([observed(pink(4.0)), observed(pink(0.3)), observed(pink(2.0))])
    assert features.tokens.shape == (3, 7, encoder.width)
    assert features.mask.sum(1).tolist() == [7, 1, 3]
    assert features.encoder == encoder.name
    assert np.isfinite(features.tokens).all()
    assert np.abs(features.tokens[:, :, 128:]).max() < 12, "tokens of about unit size"


def test_a_batch_is_its_rows(encoder: AudioEncoder) -> None:
    sounds = [observed(pink(2.0, seed=1)), observed(pink(3.0, seed=2))]
    together = encoder.encode(sounds)
    alone = encoder.encode(sounds[:1])
    assert np.array_equal(together.row(0).tokens, alone.tokens)
    assert together.sentences[0] == alone.sentences[0] == (encoder.describe(sounds[0]),)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_other_rates_are_heard_alike(encoder: AudioEncoder, rate_hz: int) -> None:
    from core.encoders.sound.frontend import resample

    sound = pink(3.0)
    other = encoder.encode([observed(resample(sound, 16_000, rate_hz), rate_hz)])
    base = encoder.encode([observed(sound)])
    assert other.tokens.shape == base.tokens.shape
    cosine = (other.tokens * base.tokens).sum() / (np.linalg.norm(other.tokens) * np.linalg.norm(base.tokens))
    assert cosine > 0.9


@pytest.mark.parametrize("bad", [np.zeros(0, np.float32), np.array([0.0, np.nan], np.float32), np.array([np.inf], np.float32)])
def test_bad_sound_is_an_input_error(encoder: AudioEncoder, bad: FloatArray) -> None:
    with pytest.raises(InputError, match="yard"):
        encoder.encode([observed(bad)])


def test_another_modality_and_nothing_at_all_are_refused(encoder: AudioEncoder) -> None:
    with pytest.raises(InputError, match="not text"):
        encoder.encode([Observation(Text(("a",)), "note")])
    with pytest.raises(InputError, match="nothing to encode"):
        encoder.encode([])


def test_silence_and_quiet_are_said(encoder: AudioEncoder) -> None:
    assert encoder.describe(observed(np.zeros(32_000, np.float32))) == "digital silence"
    assert np.isfinite(encoder.encode([observed(np.zeros(32_000, np.float32))]).tokens).all()
    quiet = encoder.describe(observed(pink(3.0) * np.float32(0.02)))
    assert re.fullmatch(r"nothing that stands out is heard; level -60 dBFS", quiet)


def test_the_sentence_says_what_how_sure_and_when() -> None:
    tags = tags_of([[0.1, 0.1, 0.8], [0.9, 0.05, 0.05], [0.921, 0.03, 0.049], [0.2, 0.6, 0.2]])
    assert describe_sound(tags, -23.4) == (
        "a dog barks (92 %), from 0.5 s to 2.0 s; rain falls (60 %), from 1.5 s to 2.5 s; level -23 dBFS"
    )
    assert heard_spans(tags)[0][0] == "dog"


def test_the_sentence_says_that_somebody_speaks_and_what() -> None:
    tags = tags_of([[0.1, 0.1, 0.8]])
    assert describe_sound(tags, -30.0, np.array([0.9], np.float32)) == "somebody speaks; level -30 dBFS"
    assert describe_sound(tags, -30.0, np.array([0.9], np.float32), "Help!") == "somebody speaks: 'Help!'; level -30 dBFS"


def test_band_statistics_of_known_patches() -> None:
    patch = np.full((1, 96, 64), -5.0, np.float32)
    patch[0, ::2, :8] = -3.0
    found = band_statistics(patch)[0].reshape(4, 8)
    assert found[:, 0] == pytest.approx([0.2, 0.5, 0.4, 2.0])
    assert found[:, 1:] == pytest.approx(0.0)


def test_words_need_speech() -> None:
    with pytest.raises(InputError, match="speech model"):
        AudioEncoder(transcriber=object())  # type: ignore[arg-type]


def test_a_real_dog_barks(encoder: AudioEncoder, shared_data: Path) -> None:
    wave = decode_mono(shared_data / "audio" / "esc10" / "audio" / "1-100032-A.ogg")
    assert encoder.describe(observed(wave)).startswith("a dog barks (")
