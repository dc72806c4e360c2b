"""NanoDet finds what is known to be in real pictures, and takes pictures of any size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import ConfigError, InputError, ModelError
from core.samples import ByteArray
from core.weights import locate
from domains.surveillance.config import DetectorSettings
from domains.surveillance.detector import NanoDetDetector, load_detector
from domains.surveillance.scene import Detections


@pytest.fixture(scope="module")
def detector() -> NanoDetDetector:
    try:
        locate("nanodet")
    except ModelError as error:
        pytest.skip(str(error))
    return NanoDetDetector(DetectorSettings())


def frame_of(film: Path, index: int) -> ByteArray:
    capture = cv2.VideoCapture(str(film))
    capture.set(cv2.CAP_PROP_POS_FRAMES, index)
    is_read, picture = capture.read()
    assert is_read
    return picture


def sure(found: Detections, label: str, least: float = 0.4) -> list[int]:
    return [i for i, name in enumerate(found.labels) if name == label and found.scores[i] >= least]


def test_frame_100_of_vtest_shows_six_people_and_two_vehicles(detector: NanoDetDetector, shared_data: Path) -> None:
    (found,) = detector.detect([frame_of(shared_data / "surveillance" / "vtest" / "vtest.avi", 100)])

    # Counted by eye: seven people, one of them behind a pole; one more or less is left to other decoders and processors.
    assert len(sure(found, "person")) in (5, 6, 7)
    vehicles = [found.boxes[i] for label in ("car", "truck", "bus") for i in sure(found, label)]
    assert any(abs(box[0] - 0.85) < 0.03 and box[3] < 0.2 for box in vehicles)  # the van
    assert any(box[0] > 0.93 and box[3] < 0.2 for box in vehicles)  # the car at the right edge
    # Golden box of the walker in the middle, in pixels of 768 x 576; 5 pixels are allowed to resampling and rounding.
    box = found.boxes[int(np.argmin(np.abs(found.boxes[:, 0] - 345 / 768)))] * (768, 576, 768, 576)
    assert box == pytest.approx([345, 198, 384, 274], abs=5)
    assert list(found.scores) == sorted(found.scores, reverse=True)


def test_a_wide_picture_is_padded_not_squeezed(detector: NanoDetDetector, shared_data: Path) -> None:
    film = shared_data / "surveillance" / "intel_sample_videos" / "one-by-one-person-detection.mp4"
    times = (100, 300, 600, 800, 1000, 1300)  # one frame of each visit
    found = detector.detect([frame_of(film, index) for index in times])
    assert sum(bool(sure(f, "person")) for f in found) >= 5  # squeezed to a square: 2 of 6
    empty = detector.detect([frame_of(film, index) for index in (20, 475, 725)])
    assert not any(sure(f, "person", 0.0) for f in empty)


def test_bottles_are_no_people(detector: NanoDetDetector, shared_data: Path) -> None:
    film = shared_data / "surveillance" / "intel_sample_videos" / "bottle-detection.mp4"
    found = detector.detect([frame_of(film, index) for index in (5, 250, 300, 580, 760)])  # no hand in view
    assert not any(sure(f, "person") for f in found)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (4320, 7680)])
def test_any_size_gives_boxes_inside_the_picture(detector: NanoDetDetector, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(5)
    picture = np.repeat(np.repeat(rng.integers(0, 255, (*(max(1, s // 40) for s in shape), 3), np.uint8), 40, 0), 40, 1)
    (found,) = detector.detect([np.ascontiguousarray(picture[: shape[0], : shape[1]])])
    assert ((found.boxes >= 0) & (found.boxes <= 1)).all()
    assert len(found.boxes) == len(found.scores) == len(found.labels)


def test_only_wanted_labels_are_given(shared_data: Path, detector: NanoDetDetector) -> None:
    cars_only = NanoDetDetector(DetectorSettings(labels=["car", "truck"]))
    (found,) = cars_only.detect([frame_of(shared_data / "surveillance" / "vtest" / "vtest.avi", 100)])
    assert found.labels
    assert set(found.labels) <= {"car", "truck"}


def test_what_is_no_picture_is_refused(detector: NanoDetDetector) -> None:
    for wrong in (
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ):
        with pytest.raises(InputError, match="BGR"):
            detector.detect([wrong])


def test_unknown_names_say_what_to_write() -> None:
    with pytest.raises(ConfigError, match="nanodet"):
        load_detector(DetectorSettings(name="yolo"))
    with pytest.raises(ConfigError, match="burglar"):
        load_detector(DetectorSettings(labels=["burglar"]))


def test_a_damaged_model_file_says_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "nanodet.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match="trivium models pull nanodet"):
        NanoDetDetector(DetectorSettings(), folder=tmp_path)
