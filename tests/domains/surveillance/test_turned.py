"""A followed person who fell is found again by turning the picture; nobody else is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from core.errors import ModelError
from core.samples import ByteArray
from core.weights import locate
from domains.surveillance.config import CameraSettings, DetectorSettings
from domains.surveillance.detector import load_detector
from domains.surveillance.eyes import Eyes
from domains.surveillance.scene import Actor, Detections, Track
from domains.surveillance.stream import CameraFrame
from domains.surveillance.turned import TurnedLook, overlap

NOTHING = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), ())
FRAME = np.zeros((400, 400, 3), np.uint8)


class BrightIsUpright:
    """Finds a bright bar as a person, but only when it is higher than wide: what the real detector does, without its weights."""

    def __init__(self) -> None:
        self.asked = 0

    def detect(self, frames: Sequence[ByteArray]) -> list[Detections]:
        self.asked += len(frames)
        return [self._one(frame) for frame in frames]

    def _one(self, frame: ByteArray) -> Detections:
        rows, columns = np.nonzero(frame[..., 0] > 128)
        if not len(rows) or np.ptp(rows) < np.ptp(columns):
            return NOTHING
        height, width = frame.shape[:2]
        box = [[columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]]
        return Detections(np.array(box, np.float32), np.array([0.7], np.float32), ("person",))


def person_at(*box: float) -> Track:
    return Track(1, "person", np.array(box, np.float32), 0.8, 0.0, 1.0)


def test_the_lying_one_is_found_where_it_lies() -> None:
    frame = FRAME.copy()
    frame[300:330, 140:260] = 255
    look = TurnedLook(DetectorSettings())
    standing = [person_at(0.4, 0.45, 0.6, 0.82)]

    assert not look.look(BrightIsUpright(), frame, NOTHING, standing, 1.0).labels  # one missed look is nothing yet
    found = look.look(BrightIsUpright(), frame, NOTHING, standing, 1.2)

    assert found.labels == ("person",)
    assert found.boxes[0] == pytest.approx([140 / 400, 300 / 400, 260 / 400, 330 / 400], abs=0.006)


def test_vain_looks_end_and_one_on_their_feet_costs_nothing() -> None:
    detector, look = BrightIsUpright(), TurnedLook(DetectorSettings())
    for step in range(50):
        look.look(detector, FRAME, NOTHING, [person_at(0.4, 0.4, 0.6, 0.8)], step / 5)
    assert detector.asked == look.looks == 8

    upright = Detections(np.array([[0.4, 0.4, 0.6, 0.8]], np.float32), np.array([0.8], np.float32), ("person",))
    for step in range(50):
        assert look.look(detector, FRAME, upright, [person_at(0.4, 0.4, 0.6, 0.8)], 20 + step / 5) is upright
    assert detector.asked == 8


def test_what_did_not_sink_is_not_the_fallen_one() -> None:
    frame = FRAME.copy()
    frame[150:180, 140:260] = 255  # as high as the head was: a sign, not a body
    look = TurnedLook(DetectorSettings())
    for step in range(10):
        assert not look.look(BrightIsUpright(), frame, NOTHING, [person_at(0.4, 0.38, 0.6, 0.82)], step / 5).labels


def test_overlap_of_boxes() -> None:
    assert overlap(np.array([0, 0, 2, 2], np.float32), np.array([1, 1, 3, 3], np.float32)) == pytest.approx(1 / 7)
    assert overlap(np.array([0, 0, 1, 1], np.float32), np.array([2, 2, 3, 3], np.float32)) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "least_s", "most_s"),
    [("subject3/fall/19", 2.0, 4.5), ("subject2/fall/12", 2.0, 6.0), ("subject1/fall/14", 2.0, 6.0), ("subject3/adl/20", 0.0, 0.0)],
)
def test_who_fell_lies_and_who_sits_does_not(shared_data: Path, clip: str, least_s: float, most_s: float) -> None:
    try:
        locate("nanodet")
    except ModelError as error:
        pytest.skip(str(error))
    settings = DetectorSettings()
    detector = load_detector(settings)
    eyes = Eyes("room", CameraSettings(url="x"), settings)  # type: ignore[arg-type]
    actors: list[Actor] = []
    with av.open(str(shared_data / "surveillance" / "gmdcsa24_fall" / f"{clip}.mp4")) as container:
        for index, decoded in enumerate(container.decode(video=0)):
            picture = decoded.to_ndarray(format="bgr24")
            luma = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
            frame = CameraFrame("room", index, float(decoded.time or 0.0), None, luma, lambda picture=picture: picture)  # type: ignore[misc]
            motion = eyes.gate(frame)
            if eyes.is_due(frame, motion) and eyes.needs_detection(motion):
                actors += eyes.look(frame, motion, eyes.find(frame, detector)).actors
    actors += eyes.look(
        frame, motion, eyes.find(frame, detector)
    ).actors  # who lies still is looked at every two seconds: not left to where they fall
    assert least_s <= max(a.lying_s for a in actors) <= most_s


def test_what_never_stood_is_not_looked_for_lying() -> None:
    detector, look = BrightIsUpright(), TurnedLook(DetectorSettings())
    for step in range(10):
        look.look(detector, FRAME, NOTHING, [person_at(0.1, 0.1, 0.6, 0.4)], step / 5)  # a hand: wider than high
    assert detector.asked == 0
