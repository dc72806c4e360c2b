"""What one camera shows: luma gate, then detector, tracker and behaviour on the frames that deserve them.

The reader's side (`gate`, `is_due`) and the judge's side (`look`, `rest`) may run in two threads; the judge tells the
reader through one flag whether somebody is in view.
"""

from __future__ import annotations

from domains.surveillance.behaviour import Behaviour
from domains.surveillance.config import CameraSettings, DetectorSettings
from domains.surveillance.detector import Detector
from domains.surveillance.gate import MotionGate
from domains.surveillance.scene import Detections, Motion, Scene, Track
from domains.surveillance.stream import CameraFrame
from domains.surveillance.tracker import ObjectTracker
from domains.surveillance.turned import TurnedLook

STILL_LOOK_S = 2.0  # a scene with known objects and no motion is looked at this often
REST_NOTE_S = 0.5  # an empty, still scene is noted this often, so that alerts end


class Eyes:
    """The seeing stages of one camera.

    Attributes:
        moving: frames in which the gate saw motion.
        inspected: frames that went through the detector.
    """

    def __init__(self, camera: str, settings: CameraSettings, detector: DetectorSettings) -> None:
        self._camera = camera
        self._gate = MotionGate(settings.gate)
        self._tracker = ObjectTracker(detector)
        self._turned = TurnedLook(detector)
        self._behaviour = Behaviour(camera, settings)
        self._tracks: tuple[Track, ...] = ()
        self._look_s = 1.0 / detector.max_fps
        self._has_actors = False
        self._has_looked = False
        self._last_due_s = float("-inf")
        self.moving = 0
        self.inspected = 0

    def gate(self, frame: CameraFrame) -> Motion:
        """Look at a frame's luma."""
        motion = self._gate.step(frame.luma, frame.time_s)
        self.moving += motion.is_moving
        return motion

    def is_due(self, frame: CameraFrame, motion: Motion) -> bool:
        """Whether the judge's side should have this frame."""
        wait_s = self._look_s if motion.is_moving else STILL_LOOK_S if self._has_actors else REST_NOTE_S
        if frame.time_s < self._last_due_s + wait_s - 1e-3:
            return False
        self._last_due_s = frame.time_s
        return True

    def needs_detection(self, motion: Motion) -> bool:
        """Whether a due frame must pass the detector; otherwise nothing moves and nobody is there."""
        return motion.is_moving or self._has_actors or not self._has_looked

    def find(self, frame: CameraFrame, detector: Detector) -> Detections:
        """What a frame shows: one look, and a second one at the place where a followed person suddenly is not found."""
        picture = frame.colour()
        return self._turned.look(detector, picture, detector.detect([picture])[0], self._tracks, frame.time_s)

    def look(self, frame: CameraFrame, motion: Motion, detections: Detections) -> Scene:
        """The scene of a frame that the detector has seen."""
        self.inspected += 1
        self._has_looked = True
        height, width = frame.luma.shape
        self._tracks = self._tracker.step(detections, frame.time_s)
        scene = self._behaviour.step(self._tracks, motion, width / height, frame.time_s, frame.wall_s)
        self._has_actors = bool(scene.actors)
        return scene

    def rest(self, frame: CameraFrame, motion: Motion) -> Scene:
        """The scene of a frame in which nothing moves and nobody is."""
        return Scene(self._camera, frame.time_s, frame.wall_s, motion, is_inspected=False)
