"""Words in pictures are found, and a picture without any stays as it is."""

import random

import numpy as np
import pytest

from domains.medical.benches.planted_words import plant
from domains.medical.deidentifying import WordFinder
from domains.medical.deidentifying.words import frames_to_read


@pytest.fixture(scope="module")
def finder(packaged) -> WordFinder:
    packaged("rapidocr")
    return WordFinder(threads=2)


def ground(rows: int = 240, columns: int = 320) -> np.ndarray:
    """A smooth, noisy grey, as tissue."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:rows, :columns]
    smooth = 70 + 40 * np.sin(x / 60) * np.cos(y / 45)
    return np.clip(smooth + rng.normal(0, 4, (rows, columns)), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


@pytest.mark.parametrize("seed", range(4))
def test_names_numbers_and_dates_are_covered(finder, seed) -> None:
    made, words = plant(ground(), random.Random(seed), low=0, high=255)

    covered, count = finder.covering(made)

    assert count >= len(words) > 0
    assert all(covered[word.ink].mean() > 0.9 for word in words), [w.style for w in words if covered[w.ink].mean() <= 0.9]
    assert covered.mean() < 0.5


def test_a_picture_without_words_stays(finder) -> None:
    covered, count = finder.covering(ground())

    assert count == 0
    assert not covered.any()


@pytest.mark.parametrize(("count", "frames"), [(1, (0,)), (3, (0, 1, 2)), (100, (0, 14, 28, 42, 57, 71, 85, 99))])
def test_loops_are_sampled_from_the_first_frame_to_the_last(count, frames) -> None:
    assert frames_to_read(count) == frames


def test_a_name_that_shows_in_one_frame_of_a_loop_is_found(finder) -> None:
    from pydicom import Dataset

    from domains.medical.deidentifying.masking import cover, find_words

    frames = np.stack([ground(120, 160)[..., 0]] * 20)
    frames[6], words = plant(frames[6], random.Random(3), low=0, high=255, texts=("KOWALSKI ANNA",))
    assert 6 not in frames_to_read(20)
    data = Dataset()
    data.PhotometricInterpretation, data.BitsStored = "MONOCHROME2", 8

    covered, _, _ = find_words(frames, data, "MONOCHROME2", finder)
    cover(frames, covered, data, "MONOCHROME2")

    assert covered[words[0].ink].mean() > 0.9
    assert (frames[:, covered] == frames.min()).all()
