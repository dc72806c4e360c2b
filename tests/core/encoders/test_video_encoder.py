"""A film becomes a token a frame: its look and its motion, with the watched region cut out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from core.encoders.motion import COLUMNS
from core.encoders.video import WIDTH, VideoEncoder
from core.samples import Observation, Video


class CountingImage:
    """The real image encoder, with a count of the pictures that reach it."""

    def __init__(self, image) -> None:
        self.image, self.look, self.looked_at = image, image.look, 0

    def glance(self, squares):
        self.looked_at += len(squares)
        return self.image.glance(squares)

    def scored_classes(self, scores):
        return self.image.scored_classes(scores)


@pytest.fixture(scope="module")
def image(packaged):
    packaged("efficientnet-lite0")
    from core.encoders.image import ImageEncoder

    return ImageEncoder(threads=1)


@pytest.fixture
def counting(image) -> CountingImage:
    return CountingImage(image)


@pytest.fixture
def encoder(counting) -> VideoEncoder:
    return VideoEncoder(counting)


def frames(begin: int, count: int) -> tuple[np.ndarray, ...]:
    wide = load_sample_image("china.jpg")
    return tuple(wide[100:340, 10 * i : 10 * i + 320].copy() for i in range(begin, begin + count))


def film(begin: int = 0, count: int = 4, motion=None, regions=None) -> Observation:
    times_s = np.arange(begin, begin + count, dtype=np.float32) / 2
    given = {
        "motion": np.asarray(motion, np.float32) if motion is not None else np.empty(0, np.float32),
        "regions": np.asarray(regions, np.float32) if regions is not None else np.empty((0, 4), np.float32),
    }
    return Observation(Video(frames(begin, count), times_s, **given), "camera")


def column(features, name: str, row: int = 0) -> np.ndarray:
    return features.row(row).tokens[0, :, WIDTH + COLUMNS.index(name)]


def test_overlapping_windows_are_looked_at_once(encoder, counting):
    encoder.encode([film(0, 4)])
    encoder.encode([film(2, 4), film(1, 4)])

    assert counting.looked_at == 6


def test_region_is_what_is_looked_at(encoder):
    left = [[0.0, 0.0, 0.3, 1.0]] * 4
    whole, region, again = (encoder.encode([film(regions=r)]).tokens[0, :, :WIDTH] for r in (None, left, left))

    assert np.abs(whole - region).max() > 0.1
    np.testing.assert_array_equal(region, again)


def test_a_region_without_area_means_the_whole_frame(encoder):
    whole, empty = (encoder.encode([film(regions=r)]) for r in (None, np.zeros((4, 4))))

    np.testing.assert_array_equal(whole.tokens, empty.tokens)


def test_motion_numbers_are_exact(encoder):
    upright, flat = [0.4, 0.2, 0.6, 0.9], [0.3, 0.7, 0.8, 0.9]

    features = encoder.encode([film(count=2, motion=[0.1, 0.3], regions=[upright, flat])])

    assert column(features, "motion_area") == pytest.approx([0.1, 0.3])
    assert column(features, "motion_area_change_per_s") == pytest.approx([0.0, 0.4])
    assert column(features, "region_centre_y") == pytest.approx([0.55, 0.8])
    assert column(features, "region_velocity_y_per_s") == pytest.approx([0.0, 0.5])
    assert column(features, "region_height_change_per_s") == pytest.approx([0.0, -1.0])
    assert column(features, "region_aspect_log2") == pytest.approx(
        [np.log2(0.2 * 320 / (0.7 * 240)) / 3, np.log2(0.5 * 320 / (0.2 * 240)) / 3]
    )
    assert column(features, "time_since_begin") == pytest.approx([0.0, 0.05])


def test_what_was_not_measured_is_marked(encoder):
    features = encoder.encode([film(), film(motion=[0, 0, 0, 0])])

    assert not column(features, "motion_measured", row=0).any()
    assert column(features, "motion_measured", row=1).all()


def test_the_clock_of_the_source_does_not_matter(encoder):
    now, later = film(), film()
    object.__setattr__(later.payload, "times_s", now.payload.times_s + np.float32(1e5))

    np.testing.assert_allclose(encoder.encode([now]).tokens, encoder.encode([later]).tokens, atol=1e-2)
    assert encoder.encode([now]).sentences == encoder.encode([later]).sentences


def test_sentence_says_what_changes(encoder):
    upright, flat = [0.1, 0.1, 0.2, 0.8], [0.5, 0.7, 0.9, 0.9]

    said = encoder.describe(film(motion=[0.0, 0.02, 0.08, 0.01], regions=[upright, upright, flat, flat]))

    assert said.startswith("4 frames over 1.5 s; motion in 8 % of the picture, most at 1.0 s; what is watched moves right and down;")
    assert "its outline turns from upright to flat" in said


def test_still_film_says_that_nothing_moves(encoder):
    assert "nothing moves" in encoder.describe(film(motion=[0, 0, 0, 0]))


def test_long_film_is_thinned_evenly_and_says_so(image):
    encoder = VideoEncoder(image, max_frames=3)

    features = encoder.encode([film(count=7, motion=np.arange(7) / 10)])

    assert column(features, "motion_area") == pytest.approx([0.0, 0.3, 0.6])
    assert features.sentences[0][0].startswith("7 frames over 3.0 s; 3 of them looked at")


def test_frames_with_the_same_time_are_no_error(encoder):
    still = Observation(Video(frames(0, 2), np.zeros(2, np.float32), np.array([0, 1], np.float32)), "camera")

    assert np.isfinite(encoder.encode([still]).tokens).all()
