"""Pictures are named where they are clear, and not where they are not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from core.encoders.hub_image import HubImageEncoder
from core.encoders.image import SENTENCES, Certainty, ImageEncoder
from core.encoders.pictures import centre_square, region_square
from core.errors import ModelError
from core.samples import Image, Observation


@pytest.fixture(scope="module")
def encoder(packaged) -> ImageEncoder:
    packaged("efficientnet-lite0")
    return ImageEncoder(threads=1)


def seen(rgb: np.ndarray) -> Observation:
    return Observation(Image(rgb), "test")


def probabilities(**of: float) -> np.ndarray:
    scores = np.full(1000, 1e-5, np.float32)
    scores[[int(index.removeprefix("c")) for index in of]] = list(of.values())
    return scores


def test_known_pictures_give_their_class(encoder):
    squares = [centre_square(load_sample_image(name), 224) for name in ("china.jpg", "flower.jpg")]

    _, scores = encoder.glance(squares)

    assert [encoder.labels[i] for i in scores.argmax(1)] == ["palace", "daisy"]


def test_frame_of_a_bottle_shows_a_bottle(encoder, shared_data):
    import av

    with av.open(str(shared_data / "surveillance" / "intel_sample_videos" / "bottle-detection.mp4")) as film:
        frame = next(film.decode(video=0)).to_ndarray(format="rgb24")

    assert "water bottle" in encoder.describe(seen(frame))


def test_sentence_ranks_without_a_figure_and_abstains(encoder):
    assert encoder.name_classes(probabilities(c805=0.63)) == "looks like a soccer ball"
    assert encoder.name_classes(probabilities(c805=0.4, c1=0.2)) == "looks most like a soccer ball, then a goldfish"
    assert encoder.name_classes(probabilities(c805=0.4, c1=0.1)) == "looks most like a soccer ball"
    assert encoder.name_classes(probabilities(c805=0.2)) is None


def test_no_uncalibrated_probability_is_told(encoder):
    said = [encoder.describe(seen(load_sample_image(name).copy())) for name in ("china.jpg", "flower.jpg")]

    assert any("looks" in sentence for sentence in said), said
    assert not any("%" in sentence or any(letter.isdigit() for letter in sentence) for sentence in said), said


def test_words_are_part_of_the_name_and_no_part_of_the_look(encoder):
    assert encoder.name == f"image:{encoder.look}:{SENTENCES}"


def test_how_sure_it_must_be_can_be_set(packaged):
    strict = ImageEncoder(packaged("efficientnet-lite0").as_posix(), threads=1, certainty=Certainty(sure=0.99, perhaps=0.98))

    assert strict.describe(seen(load_sample_image("china.jpg").copy())) == "a picture, nothing recognised"


@pytest.mark.parametrize(("level", "said"), [(0, "a dark picture, nothing recognised"), (255, "a bright picture, nothing recognised")])
def test_dark_and_bright_are_said(encoder, level, said):
    assert encoder.describe(seen(np.full((50, 70, 3), level, np.uint8))) == said


def test_very_long_picture_costs_no_memory(encoder):
    started = time.monotonic()

    features = encoder.encode([seen(np.zeros((1, 3_000_000, 3), np.uint8)), seen(np.zeros((3_000_000, 1, 3), np.uint8))])

    assert features.tokens.shape == (2, 49, 1280)
    assert time.monotonic() - started < 20  # enlarged first, it would be 500 GB


def test_the_middle_is_what_is_looked_at():
    rgb = np.zeros((100, 300, 3), np.uint8)
    rgb[:, 100:200] = 255

    assert centre_square(rgb, 32).min() == 255


@pytest.mark.parametrize("region", [(0.0, 0.0, 1.0, 1.0), (0.9, 0.9, 1.0, 1.0), (-5.0, 0.2, 9.0, 0.3), (0.5, 0.5, 0.5001, 0.5001)])
def test_region_square_stays_inside_the_picture(region):
    assert region_square(np.zeros((37, 91, 3), np.uint8), np.array(region, np.float32), 0.1, 16).shape == (16, 16, 3)


def test_region_square_holds_the_region():
    rgb = np.zeros((100, 200, 3), np.uint8)
    rgb[20:40, 150:170] = 255

    cut = region_square(rgb, np.array([0.75, 0.2, 0.85, 0.4], np.float32), 0.0, 20)

    assert cut.min() == 255


def test_damaged_model_is_one_clear_error(tmp_path):
    (tmp_path / "efficientnet-lite0.onnx").write_bytes(b"not a model")

    with pytest.raises(ModelError, match="cannot be loaded"):
        ImageEncoder(str(tmp_path))


def test_folder_without_a_vision_model_is_one_clear_error(tmp_path):
    with pytest.raises(ModelError, match="holds no vision model"):
        HubImageEncoder(str(tmp_path))
