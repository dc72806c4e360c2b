"""The ear: a stream heard in pieces is heard as a whole, and gaps, silence and damage do no harm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.encoders.sound import frontend
from core.encoders.sound.tagger import SoundTags
from core.errors import InputError
from core.samples import FloatArray
from domains.surveillance.hearing import Ear, spectrogram_png
from domains.surveillance.scene import Hearing
from domains.surveillance.stream import SoundBlock


class LoudBands:
    """A tagger without weights: says which third of the bands is loudest."""

    name = "loud-bands"
    labels = ("low", "middle", "high")
    width = 1
    threshold = 0.0

    def __init__(self) -> None:
        self.calls = 0

    def tag(self, waveform: FloatArray) -> SoundTags:
        self.calls += 1
        cut = frontend.patches(frontend.log_mel(frontend.checked(waveform)))
        thirds = np.stack([cut[:, :, i : i + 21].mean((1, 2)) for i in (0, 21, 42)], axis=1)
        powers = np.exp(thirds - thirds.max(1, keepdims=True))
        shares = (powers / powers.sum(1, keepdims=True)).astype(np.float32)
        return SoundTags(self.labels, frontend.patch_times_s(len(cut)), shares, np.zeros((len(cut), 1), np.float32), 0.0)


def sound(seconds: float, seed: int = 0) -> FloatArray:
    draw = np.random.default_rng(seed)
    return (
        (0.1 * np.cumsum(draw.standard_normal(round(seconds * 16_000))) / 20 + 0.05 * draw.standard_normal(round(seconds * 16_000)))
        .clip(-1, 1)
        .astype(np.float32)
    )


def fed(ear: Ear, waveform: FloatArray, sizes: list[int], begin_s: float = 0.0, wall_s: float | None = None) -> list[Hearing]:
    found: list[Hearing] = []
    at = turn = 0
    while at < len(waveform):
        piece = waveform[at : at + sizes[turn % len(sizes)]]
        wall = None if wall_s is None else wall_s + at / 16_000
        found += ear.step(SoundBlock("yard", begin_s + at / 16_000, wall, piece))
        at += len(piece)
        turn += 1
    return found


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=6), st.integers(0, 5))
def test_a_stream_in_pieces_is_heard_as_the_whole_recording(sizes: list[int], seed: int) -> None:
    waveform = sound(4.3, seed)
    sizes = [max(64, s) for s in sizes]
    heard = fed(Ear("yard", LoudBands()), waveform, sizes)
    whole = LoudBands().tag(waveform)
    assert [h.start_s for h in heard] == pytest.approx(list(whole.times_s))
    for i, hearing in enumerate(heard):
        assert hearing.tags == pytest.approx(whole.standing(i), abs=1e-6)


def test_times_follow_the_cameras_clock_and_the_wall() -> None:
    heard = fed(Ear("yard", LoudBands()), sound(2.0), [1_600], begin_s=100.0, wall_s=1_700_000_000.0)
    assert [h.start_s for h in heard] == pytest.approx([100.0, 100.5, 101.0])
    assert [h.wall_s for h in heard] == pytest.approx([1_700_000_000.0, 1_700_000_000.5, 1_700_000_001.0], abs=1e-3, rel=0)
    assert heard[0].end_s == pytest.approx(100.975)


@pytest.mark.parametrize("jump_s", [5.0, -3.0])
def test_no_span_reaches_across_a_jump(jump_s: float) -> None:
    ear = Ear("yard", LoudBands())
    before = fed(ear, sound(1.9), [1_600])
    after = fed(ear, sound(1.9, 1), [1_600], begin_s=1.9 + jump_s)
    assert ear.restarts == 1
    assert after[0].start_s == pytest.approx(1.9 + jump_s)
    assert before[-1].end_s <= 1.9


def test_small_wavering_of_time_stamps_is_no_gap() -> None:
    ear = Ear("yard", LoudBands())
    waveform, draw = sound(3.0), np.random.default_rng(0)
    for at in range(0, len(waveform), 1_600):
        ear.step(SoundBlock("yard", at / 16_000 + draw.uniform(-0.02, 0.02), None, waveform[at : at + 1_600]))
    assert ear.restarts == 0
    assert ear.heard == 5


def test_silence_and_what_is_under_the_gate_is_never_tagged() -> None:
    tagger = LoudBands()
    ear = Ear("yard", tagger)
    silent = fed(ear, np.zeros(32_000, np.float32), [1_600])
    hushed = fed(ear, (sound(2.0) * 0.0005).astype(np.float32), [1_600], begin_s=2.0)
    assert tagger.calls == 0
    assert silent[0].level_dbfs == -np.inf
    assert not any(h.tags for h in silent + hushed)
    assert ear.gated == ear.heard == len(silent + hushed)


def test_what_is_held_does_not_grow() -> None:
    ear = Ear("yard", LoudBands())
    for at in range(0, 16_000 * 120, 1_024):
        ear.step(SoundBlock("yard", at / 16_000, None, np.zeros(1_024, np.float32)))
        assert len(ear._waiting) < frontend.PATCH_SAMPLES + 1_024
        assert len(ear._voices) <= 40


def test_a_monstrous_block_is_cut_and_counted() -> None:
    ear = Ear("yard", LoudBands())
    ear.step(SoundBlock("yard", 0.0, None, np.zeros(16_000 * 90, np.float32)))
    assert ear.cut_s == pytest.approx(30.0)


def test_a_damaged_block_is_silence_and_counted_and_the_stream_goes_on() -> None:
    ear = Ear("yard", LoudBands())
    waveform = sound(3.0)
    waveform[20_000] = np.nan
    heard = fed(ear, waveform, [1_600])
    assert ear.damaged == 1
    assert len(heard) == 5
    assert all(np.isfinite(h.level_dbfs) for h in heard)


def test_empty_blocks_are_nothing() -> None:
    assert Ear("yard", LoudBands()).step(SoundBlock("yard", 0.0, None, np.zeros(0, np.float32))) == ()


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_a_spectrogram_shows_a_tone_at_its_place(rate_hz: int) -> None:
    import cv2

    time_s = np.arange(round(3 * rate_hz)) / rate_hz
    picture = cv2.imdecode(
        np.frombuffer(spectrogram_png((0.5 * np.sin(2 * np.pi * 2_000 * time_s)).astype(np.float32), rate_hz), np.uint8), cv2.IMREAD_COLOR
    )
    assert picture.shape == (386, 1036, 3)
    column = picture[20:340, 500].astype(int).sum(1)
    place = 1 - column.argmax() / 320  # from the bottom
    assert place == pytest.approx((2595 * np.log10(1 + 2_000 / 700) - 92.6) / (2595 * np.log10(1 + 7_800 / 700) - 92.6), abs=0.03)


def test_spectrograms_of_nothing_much() -> None:
    assert spectrogram_png(np.zeros(5, np.float32), 16_000).startswith(b"\x89PNG")
    for bad in (np.zeros(0, np.float32), np.array([np.nan], np.float32)):
        with pytest.raises(InputError):
            spectrogram_png(bad, 16_000)
