"""The recent past of one camera: small pictures, scenes, sound and tags, from which a sample is cut.

Bounded: pictures are shrunk and thinned before they are kept, and everything older than the window is forgotten.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from core.samples import Audio, ByteArray, FloatArray, Observation, Sample, Text, Video
from domains.surveillance.scene import Actor, Hearing, Posture, Scene, Utterance
from domains.surveillance.sentences import describe_moment
from domains.surveillance.stream import SOUND_RATE_HZ, CameraFrame, SoundBlock

PICTURE_WIDTH = 320
PICTURES_PER_S = 4.0
REGION_MARGIN = 0.15
MOST_UTTERANCES = 64  # text is small: what was said is remembered for longer than pictures are
WHOLE_FRAME = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A shrunk frame, with where to look in it.

    Attributes:
        time_s: the frame's time.
        rgb: `[height, 320, 3]`.
        region: x1 y1 x2 y2, 0 to 1.
        motion: fraction of the picture that moved.
    """

    time_s: float
    rgb: ByteArray
    region: tuple[float, float, float, float]
    motion: float


class Recent:
    """The last seconds of one camera.

    Attributes:
        camera: the camera's name.
        span_s: how much is remembered.
    """

    def __init__(self, camera: str, span_s: float) -> None:
        self.camera = camera
        self.span_s = span_s
        self._pictures: deque[Picture] = deque()
        self._scenes: deque[Scene] = deque()
        self._hearings: deque[Hearing] = deque()
        self._sounds: deque[SoundBlock] = deque()
        self._utterances: deque[Utterance] = deque(maxlen=MOST_UTTERANCES)

    def see(self, frame: CameraFrame, scene: Scene) -> None:
        """Remember an inspected frame and what it showed."""
        self._scenes.append(scene)
        due_s = self._pictures[-1].time_s + 1.0 / PICTURES_PER_S if self._pictures else -np.inf
        if frame.time_s >= due_s - 1e-3:
            self._pictures.append(Picture(frame.time_s, shrink(frame.colour()), region_of_interest(scene), scene.motion.area))
        self._forget(frame.time_s)

    def note(self, scene: Scene) -> None:
        """Remember a scene without its picture (nothing moved)."""
        self._scenes.append(scene)
        self._forget(scene.time_s)

    def listen(self, block: SoundBlock) -> None:
        """Remember sound."""
        self._sounds.append(block)
        self._forget(block.time_s)

    def hear(self, hearing: Hearing) -> None:
        """Remember what the sound was taken for."""
        self._hearings.append(hearing)

    def say(self, utterance: Utterance) -> None:
        """Remember what somebody said."""
        self._utterances.append(utterance)

    def utterances(self, start_s: float, end_s: float) -> tuple[Utterance, ...]:
        """What was said in a span, also in part, oldest first; of the newest 64 that are remembered."""
        return tuple(u for u in self._utterances if u.end_s > start_s and u.start_s < end_s)

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """The remembered scenes, oldest first."""
        return tuple(self._scenes)

    @property
    def hearings(self) -> tuple[Hearing, ...]:
        """The remembered hearings, oldest first."""
        return tuple(self._hearings)

    def waveform(self, start_s: float, end_s: float) -> FloatArray:
        """The sound of a span, silence where there was none; empty when no sound fell into it.

        Returns:
            `[samples]` at `SOUND_RATE_HZ`.
        """
        blocks = [b for b in self._sounds if b.time_s < end_s and b.time_s + len(b.waveform) / SOUND_RATE_HZ > start_s]
        if not blocks:
            return np.empty(0, np.float32)
        out = np.zeros(round((end_s - start_s) * SOUND_RATE_HZ), np.float32)
        for block in blocks:
            at = round((block.time_s - start_s) * SOUND_RATE_HZ)
            source = block.waveform[max(0, -at) :]
            target = out[max(0, at) : max(0, at) + len(source)]
            target[:] = source[: len(target)]
        return out

    def sample(self, end_s: float, window_s: float) -> Sample | None:
        """The window that ends at `end_s` as a sample, or None when nothing at all is remembered of it.

        Args:
            end_s: end of the window on the camera's clock.
            window_s: its length, at most `span_s`.
        """
        start_s = end_s - window_s
        pictures = [p for p in self._pictures if start_s < p.time_s <= end_s]
        scenes = [s for s in self._scenes if start_s < s.time_s <= end_s]
        hearings = [h for h in self._hearings if h.end_s > start_s and h.start_s < end_s]
        waveform = self.waveform(start_s, end_s)
        wall_s = next((s.wall_s - (s.time_s - start_s) for s in scenes if s.wall_s is not None), None)
        observations: list[Observation] = []
        if pictures:
            size = pictures[-1].rgb.shape
            same = [p for p in pictures if p.rgb.shape == size]  # a camera may change its size in the middle
            video = Video(
                frames=tuple(p.rgb for p in same),
                times_s=np.array([p.time_s for p in same], np.float32),
                motion=np.array([p.motion for p in same], np.float32),
                regions=np.array([p.region for p in same], np.float32),
            )
            observations.append(Observation(video, self.camera, max(start_s, 0.0), max(end_s, 0.0), wall_s))
        if waveform.size and np.any(waveform):
            observations.append(Observation(Audio(waveform, SOUND_RATE_HZ), self.camera, max(start_s, 0.0), max(end_s, 0.0), wall_s))
        utterances = self.utterances(start_s, end_s)
        if scenes or hearings or utterances:
            sentences = describe_moment(tuple(scenes), tuple(hearings), utterances)
            observations.append(Observation(Text(sentences), self.camera, max(start_s, 0.0), max(end_s, 0.0), wall_s))
        if not observations:
            return None
        return Sample(id=f"{self.camera}@{end_s:.2f}", observations=tuple(observations))

    def _forget(self, now_s: float) -> None:
        before_s = now_s - self.span_s
        for kept in (self._pictures, self._scenes, self._sounds):
            while kept and kept[0].time_s < before_s:
                kept.popleft()
        while self._hearings and self._hearings[0].end_s < before_s:
            self._hearings.popleft()


def shrink(bgr: ByteArray) -> ByteArray:
    """A frame as a small RGB picture, `[height, at most 320, 3]`."""
    height, width = bgr.shape[:2]
    scale = min(1.0, PICTURE_WIDTH / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA) if scale < 1.0 else bgr
    return np.ascontiguousarray(small[..., ::-1])


def region_of_interest(scene: Scene) -> tuple[float, float, float, float]:
    """Where to look: the person who stands out most, else what moved, else the whole frame.

    A lying person stands out most, then one who comes down fast, then the largest.
    """
    people = [a for a in scene.actors if a.track.label == "person"]
    if people:
        x1, y1, x2, y2 = (float(v) for v in max(people, key=_prominence).track.box)
    elif len(scene.motion.regions):
        low, high = scene.motion.regions[:, :2].min(0), scene.motion.regions[:, 2:].max(0)
        x1, y1, x2, y2 = (float(v) for v in (*low, *high))
    else:
        return WHOLE_FRAME
    dx, dy = (x2 - x1) * REGION_MARGIN, (y2 - y1) * REGION_MARGIN
    x1, y1, x2, y2 = max(0.0, x1 - dx), max(0.0, y1 - dy), min(1.0, x2 + dx), min(1.0, y2 + dy)
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else WHOLE_FRAME


def _prominence(actor: Actor) -> tuple[bool, float, float]:
    x1, y1, x2, y2 = actor.track.box
    return actor.posture is Posture.LYING, max(actor.descent, 0.0), float((x2 - x1) * (y2 - y1))
