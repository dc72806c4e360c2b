"""Follow objects from look to look, by ByteTrack (Zhang et al., 2022) as roboflow's `trackers` has it.

People, vehicles, bags and everything else are followed apart, so that a bag never takes over its bringer's track; what a
track is called is settled by a vote over its detections.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.samples import FloatArray
from domains.surveillance.coco import BAGS, VEHICLES
from domains.surveillance.config import DetectorSettings
from domains.surveillance.scene import Detections, Track

REACH = 0.3  # boxes are widened by this share on each side before they are compared: at few looks a second people leave their box
LEAST_OVERLAP = 0.1
BUFFER_HZ = 30.0  # the library counts its patience in frames of this rate
SURE_LOOKS = 3  # a track seen so often lives on unseen
GRID = 1000.0  # the library's noise is tuned for pixels
SHORT_S = 0.6  # so long any of those lives on; longer only within the picture, and not longer than it was seen
EDGE = 0.01  # what was last seen so near the left, right or upper edge has gone out there
GONE_SHARE = 0.25  # a predicted box of which less than this is left in the picture has left it


@dataclass(slots=True)
class _Life:
    """What is known of one track beside the library's own state."""

    id: int
    first_s: float
    last_s: float
    score: float = 0.0
    looks: int = 0
    box: FloatArray = field(default_factory=lambda: np.zeros(4, np.float32))
    votes: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class ObjectTracker:
    """The tracks of one camera.

    Args:
        settings: `min_score` begins a track, `max_occlusion_s` is how long one lives unseen, `max_fps` the usual rate of looks.
    """

    def __init__(self, settings: DetectorSettings) -> None:
        # These cost a second and some 90 MB on import: only those who track pay for it.
        from supervision import Detections as LibraryDetections
        from trackers import ByteTrackTracker
        from trackers.utils.iou import BIoU

        self._settings = settings
        library_tracker: Any = ByteTrackTracker
        self._new_tracker: Callable[[], Any] = lambda: library_tracker(
            lost_track_buffer=math.ceil(settings.max_occlusion_s * BUFFER_HZ),
            frame_rate=settings.max_fps,
            track_activation_threshold=settings.min_score,
            minimum_consecutive_frames=1,
            minimum_iou_threshold=LEAST_OVERLAP,
            high_conf_det_threshold=settings.min_score,
            iou=BIoU(buffer_ratio=REACH),
        )
        self._library_detections: Any = LibraryDetections
        self._groups: dict[str, Any] = {}
        self._lives: dict[int, tuple[Any, _Life]] = {}  # by the tracklet's identity; the tracklet is kept so that it stays its own
        self._next_id = 1
        self._last_s = float("-inf")

    def step(self, detections: Detections, time_s: float) -> tuple[Track, ...]:
        """Take in one look.

        Args:
            detections: what the detector found.
            time_s: when; a time that does not go on is taken for a millisecond later.

        Returns:
            Every track there is, by id; those not found in this look are where they are predicted to be.
        """
        time_s = max(time_s, self._last_s + 1e-3)
        self._last_s = time_s
        members: dict[str, list[int]] = {name: [] for name in self._groups}
        for index, label in enumerate(detections.labels):
            members.setdefault(_group_of(label), []).append(index)
        tracks: list[Track] = []
        alive: dict[int, tuple[Any, _Life]] = {}
        for name, indices in members.items():
            if name not in self._groups:
                self._groups[name] = self._new_tracker()
            self._step_group(self._groups[name], detections, indices, time_s, alive, tracks)
        self._lives = alive
        return tuple(sorted(tracks, key=lambda track: track.id))

    def _step_group(
        self,
        tracker: Any,
        detections: Detections,
        indices: list[int],
        time_s: float,
        alive: dict[int, tuple[Any, _Life]],
        tracks: list[Track],
    ) -> None:
        result = tracker.update(
            self._library_detections(
                xyxy=detections.boxes[indices].astype(np.float64).reshape(-1, 4) * GRID,
                confidence=detections.scores[indices],
                class_id=np.array(indices, np.intp),  # carries the detection's place through
            ),
            timestamp=time_s,
        )
        found = {int(t): int(i) for t, i in zip(result.tracker_id, result.class_id, strict=True) if t >= 0} if len(result) else {}
        free = [int(i) for t, i in zip(result.tracker_id, result.class_id, strict=True) if t < 0] if len(result) else []
        for tracklet in tracker.tracks:
            predicted = np.asarray(tracklet.get_state_bbox(), np.float64).reshape(4) / GRID
            index = found.get(tracklet.tracker_id)
            if tracklet.tracker_id < 0 and tracklet.time_since_update == 0 and free:  # begun in this look
                index = min(free, key=lambda i: float(np.abs(detections.boxes[i] - predicted).sum()))
            _, life = self._lives.get(id(tracklet), (None, None))
            if life is None:
                life = _Life(self._next_id, time_s, time_s)
                self._next_id += 1
            alive[id(tracklet)] = (tracklet, life)
            if index is not None:
                life.last_s, life.score, life.looks = time_s, float(detections.scores[index]), life.looks + 1
                life.box = detections.boxes[index]
                life.votes[detections.labels[index]] += life.score
                tracks.append(_track(life, detections.boxes[index], is_seen=True))
            elif _lives_on(life, time_s) and _is_in_view(predicted):
                tracks.append(_track(life, np.clip(predicted, 0.0, 1.0).astype(np.float32), is_seen=False))


def _track(life: _Life, box: FloatArray, is_seen: bool) -> Track:
    label = max(sorted(life.votes), key=lambda name: life.votes[name])
    return Track(life.id, label, box, life.score, life.first_s, life.last_s, is_seen)


def _lives_on(life: _Life, time_s: float) -> bool:
    """Whether a track that was not found may still be there."""
    unseen_s = time_s - life.last_s
    if life.looks < SURE_LOOKS:
        return False
    left, top, right, bottom = life.box
    reaches_down = top <= EDGE and bottom < 1.0 - EDGE  # an arm from above; who fills the whole height stands close
    has_gone_out = left <= EDGE or right >= 1.0 - EDGE or reaches_down
    return bool(unseen_s <= (SHORT_S if has_gone_out else max(SHORT_S, life.last_s - life.first_s)))


def _is_in_view(box: Any) -> bool:
    width, height = box[2] - box[0], box[3] - box[1]
    seen = np.clip(box, 0.0, 1.0)
    area = width * height
    return bool(width > 0 and height > 0 and (seen[2] - seen[0]) * (seen[3] - seen[1]) >= GONE_SHARE * area)


def _group_of(label: str) -> str:
    if label in VEHICLES:
        return "vehicle"
    return "bag" if label in BAGS else label
