"""Turn a film into one token a frame: what the frame (or the watched region) looks like, and how it moves.

The look is the pooled EfficientNet-Lite0 vector; frames that were seen before, as in overlapping windows, are not looked at
again. The motion numbers are listed in motion.py and stand at the end of each token.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np

from core.encoders.checks import check_picture, payloads
from core.encoders.image import SIDE_PX, WIDTH, ImageEncoder
from core.encoders.motion import COLUMNS, has_region, motion_numbers, region_aspects_log2
from core.encoders.pictures import brightness_word, region_square, resize
from core.features import Features
from core.samples import ByteArray, FloatArray, Modality, Observation, Video

MAX_FRAMES = 64
REGION_MARGIN = 0.1
REMEMBERED_FRAMES = 2048  # some 19 MB
CLEAR_MOTION = 0.001
CLEAR_TRAVEL = 0.1
UPRIGHT_BELOW_LOG2, FLAT_ABOVE_LOG2 = -0.3, 0.3


class VideoEncoder:
    """Encodes films with an image encoder and the motion of what is watched.

    Attributes:
        max_frames: tokens at most; of a longer film, frames at even distances are taken.
    """

    modality = Modality.VIDEO
    width = WIDTH + len(COLUMNS)

    def __init__(self, image: ImageEncoder | None = None, *, max_frames: int = MAX_FRAMES, threads: int = 2) -> None:
        """Use an image encoder that is already loaded, or load the default.

        Raises:
            ModelError: the weights are not here or damaged.
        """
        self._image = image or ImageEncoder(threads=threads)
        self.max_frames = max_frames
        self.name = f"video:{self._image.look}:{max_frames}:1"
        self._remembered: OrderedDict[bytes, tuple[FloatArray, FloatArray]] = OrderedDict()
        self._lock = Lock()

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode films: tokens `[batch, time, 1280 + 14]`; the frames of all films go through the network together.

        Raises:
            InputError: an observation is of another modality, a frame is no picture of bytes, or a number is not finite.
        """
        videos = [self._thinned(video) for video in payloads(observations, Video, self.name)]
        numbers = [motion_numbers(video, self.name) for video in videos]
        squares = [square for video in videos for square in _squares(video)]
        looks, scores = self._look(squares)
        longest = max(len(video.frames) for video in videos)
        tokens = np.zeros((len(videos), longest, self.width), np.float32)
        mask = np.zeros((len(videos), longest), np.bool_)
        sentences, begin = [], 0
        for index, video in enumerate(videos):
            count = len(video.frames)
            tokens[index, :count, :WIDTH] = looks[begin : begin + count]
            tokens[index, :count, WIDTH:] = numbers[index]
            mask[index, :count] = True
            sentences.append(self._sentence(video, scores[begin : begin + count].mean(0), len(_payload(observations[index]).frames)))
            begin += count
        return Features(tokens, mask, tuple((sentence,) for sentence in sentences), self.name)

    def describe(self, observation: Observation) -> str:
        """Length, motion and what is shown, in one sentence."""
        return self.encode([observation]).sentences[0][0]

    def _look(self, squares: Sequence[ByteArray]) -> tuple[FloatArray, FloatArray]:
        """Look at each picture that was not seen lately: vectors `[frames, 1280]` and probabilities `[frames, 1000]`."""
        keys = [hashlib.blake2b(square.tobytes(), digest_size=16).digest() for square in squares]
        with self._lock:
            known = {key: self._remembered[key] for key in set(keys) if key in self._remembered}
            for key in known:
                self._remembered.move_to_end(key)
        fresh = {key: square for key, square in zip(keys, squares, strict=True) if key not in known}
        if fresh:
            looks, scores = self._image.glance(list(fresh.values()))
            seen = {key: (looks[i].copy(), scores[i].copy()) for i, key in enumerate(fresh)}
            known |= seen
            with self._lock:
                self._remembered.update(seen)
                while len(self._remembered) > REMEMBERED_FRAMES:
                    self._remembered.popitem(last=False)
        return np.stack([known[key][0] for key in keys]), np.stack([known[key][1] for key in keys])

    def _thinned(self, video: Video) -> Video:
        count = len(video.frames)
        chosen = np.arange(count) if count <= self.max_frames else np.unique(np.linspace(0, count - 1, self.max_frames).round().astype(int))
        for index in chosen:
            check_picture(video.frames[index], self.name)
        if len(chosen) == count:
            return video
        return Video(
            tuple(video.frames[i] for i in chosen),
            video.times_s[chosen],
            video.motion[chosen] if len(video.motion) else video.motion,
            video.regions[chosen] if len(video.regions) else video.regions,
        )

    def _sentence(self, video: Video, probabilities: FloatArray, frames_given: int) -> str:
        duration_s = float(video.times_s[-1] - video.times_s[0])
        middle = resize(video.frames[len(video.frames) // 2], SIDE_PX)
        parts = [f"{frames_given} {brightness_word(middle)}{'frame' if frames_given == 1 else 'frames'} over {duration_s:.1f} s"]
        if len(video.frames) < frames_given:
            parts.append(f"{len(video.frames)} of them looked at")
        parts += _motion_words(video) + _region_words(video)
        named = self._image.scored_classes(probabilities)  # the shipped fall checkpoint learned from these words
        return "; ".join(parts + ([named] if named else []))


def _payload(observation: Observation) -> Video:
    assert isinstance(observation.payload, Video)
    return observation.payload


def _squares(video: Video) -> list[ByteArray]:
    given = has_region(video)
    return [
        region_square(frame, video.regions[i], REGION_MARGIN, SIDE_PX) if given[i] else resize(frame, SIDE_PX)
        for i, frame in enumerate(video.frames)
    ]


def _motion_words(video: Video) -> list[str]:
    if not len(video.motion):
        return []
    most = int(np.argmax(video.motion))
    if video.motion[most] < CLEAR_MOTION:
        return ["nothing moves"]
    when = f", most at {float(video.times_s[most] - video.times_s[0]):.1f} s" if len(video.frames) > 1 else ""
    return [f"motion in {float(video.motion[most]) * 100:.0f} % of the picture{when}"]


def _region_words(video: Video) -> list[str]:
    given = np.flatnonzero(has_region(video))
    if len(given) < 2:
        return []
    first, last = (np.clip(video.regions[i], 0.0, 1.0) for i in (given[0], given[-1]))
    across, down = ((last[k] + last[k + 2] - first[k] - first[k + 2]) / 2 for k in (0, 1))
    ways = [
        word
        for moved, words in ((across, ("left", "right")), (down, ("up", "down")))
        for word in [words[int(moved > 0)]]
        if abs(moved) > CLEAR_TRAVEL
    ]
    said = [f"what is watched moves {' and '.join(ways)}"] if ways else ["what is watched stays in place"]
    aspects = region_aspects_log2(video)[given]
    third = max(1, len(aspects) // 3)
    before, after = float(np.median(aspects[:third])), float(np.median(aspects[-third:]))
    if before < UPRIGHT_BELOW_LOG2 and after > FLAT_ABOVE_LOG2:
        said.append("its outline turns from upright to flat")
    elif before > FLAT_ABOVE_LOG2 and after < UPRIGHT_BELOW_LOG2:
        said.append("its outline turns from flat to upright")
    elif max(before, after) < UPRIGHT_BELOW_LOG2:
        said.append("its outline is upright")
    elif min(before, after) > FLAT_ABOVE_LOG2:
        said.append("its outline is flat")
    return said
