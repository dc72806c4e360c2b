"""A stream of speech, cut into utterances."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.encoders.sound.speech import BLOCK_S, BLOCK_SAMPLES, SpeechSpans
from domains.surveillance.utterances import LONGEST_S, MARGIN_S, SpeechCutter, SpeechPiece

RATE_HZ = 16_000


def fed(cutter: SpeechCutter, probabilities: list[float], a_time: int = 4) -> list[SpeechPiece]:
    """Feed blocks whose samples count up, so that a piece says where it was cut, then end."""
    pieces: list[SpeechPiece] = []
    for first in range(0, len(probabilities), a_time):
        some = probabilities[first : first + a_time]
        at = first * BLOCK_SAMPLES + np.arange(len(some) * BLOCK_SAMPLES)
        pieces += cutter.feed((1.0 + at).astype(np.float32), some)
    return [*pieces, *cutter.restart(0.0, None)]


@given(st.lists(st.sampled_from([0.0, 0.3, 0.45, 0.6, 0.9]), max_size=250), st.integers(1, 9))
def test_the_stream_is_cut_where_the_recording_would_be(probabilities: list[float], a_time: int) -> None:
    how = SpeechSpans(gap_s=0.2)
    pieces = fed(SpeechCutter("hall", how), probabilities, a_time)

    wanted = how.of(probabilities)

    assert len(pieces) == len(wanted)
    for piece, (start_s, end_s) in zip(pieces, wanted, strict=True):
        assert piece.start_s == pytest.approx(max(0.0, start_s - MARGIN_S), abs=1e-6)
        assert piece.end_s <= end_s + MARGIN_S + 1e-6
        assert piece.end_s >= end_s - 1e-6
        assert piece.waveform[0] == pytest.approx(1 + piece.start_s * RATE_HZ, abs=0.6)  # the samples are those of that time


def test_times_are_those_of_the_camera() -> None:
    cutter = SpeechCutter("hall")
    cutter.restart(100.0, 1_700_000_000.0)

    piece = fed(cutter, [0.0] * 50 + [0.9] * 30 + [0.0] * 30)[0]

    begun_s = 50 * BLOCK_S - MARGIN_S
    assert piece.start_s == pytest.approx(100.0 + begun_s)
    assert piece.wall_s == pytest.approx(1_700_000_000.0 + begun_s)
    assert piece.end_s - piece.start_s == pytest.approx(len(piece.waveform) / RATE_HZ)


def test_a_speech_without_end_is_cut_at_its_pauses_and_nothing_is_lost() -> None:
    probabilities = [0.9] * 1_500
    for pause in (250, 251, 500, 501, 760, 761, 1_010, 1_250):
        probabilities[pause] = 0.4

    cutter = SpeechCutter("hall")
    pieces = fed(cutter, probabilities)

    assert len(pieces) >= 5
    assert all(p.end_s - p.start_s <= LONGEST_S + 2 * MARGIN_S + 1e-6 for p in pieces)
    assert pieces[0].end_s == pytest.approx(252 * BLOCK_S, abs=MARGIN_S + 2 * BLOCK_S)
    assert all(later.start_s <= sooner.end_s for sooner, later in pairwise(pieces))
    assert pieces[-1].end_s == pytest.approx(1_500 * BLOCK_S)


@given(st.lists(st.sampled_from([0.0, 0.4, 0.9]), min_size=1, max_size=1_200))
def test_what_is_held_is_bounded(probabilities: list[float]) -> None:
    cutter = SpeechCutter("hall")
    for probability in probabilities:
        cutter.feed(np.ones(BLOCK_SAMPLES, np.float32), [probability])
        assert len(cutter._held) <= (LONGEST_S + 2 * MARGIN_S) * RATE_HZ + BLOCK_SAMPLES


def test_a_jump_in_time_ends_what_was_being_said() -> None:
    cutter = SpeechCutter("hall")
    cutter.feed(np.ones(20 * BLOCK_SAMPLES, np.float32), [0.9] * 20)

    (piece,) = cutter.restart(50.0, None)

    assert piece.end_s == pytest.approx(20 * BLOCK_S)
    assert cutter.restart(60.0, None) == ()


def test_what_is_too_quiet_is_nobody() -> None:
    cutter = SpeechCutter("hall")
    cutter.feed(np.full(30 * BLOCK_SAMPLES, 1e-4, np.float32), [0.9] * 30)

    assert cutter.restart(0.0, None) == ()
