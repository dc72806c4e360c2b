"""A camera's moment as numbers: who is where and does what, how much moves, what is heard.

Every feature has a scale, the difference that matters, and a name in plain words, so that what stands out can be said.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from core.samples import FloatArray
from domains.surveillance.scene import Actor, Hearing, Posture, Scene

VERSION = "surveillance-moment-1"
GRID = 4
SOUND_BINS = 12
EMBEDDING_WIDTH = 1_280
PROJECTED = 32
QUIET_DBFS = -70.0
LEVEL_STEP_DB = 3.0

GROUPS = {
    "person": "people",
    **dict.fromkeys(("bicycle", "car", "motorcycle", "bus", "truck", "train", "boat", "airplane"), "vehicles"),
    **dict.fromkeys(("dog", "cat", "bird", "horse", "sheep", "cow", "bear"), "animals"),
}
GROUP_NAMES = ("people", "vehicles", "animals", "things")


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of a moment.

    Attributes:
        topic: features of one topic are spoken of together.
        scale: the difference that counts as 1.
        phrase: what to call it; `{}` takes the number with its unit. Empty: the topic's own words are used.
        modality: what carries it.
    """

    topic: str
    scale: float
    phrase: str = ""
    modality: str = "video"


FEATURES: tuple[Feature, ...] = (
    *(Feature(f"number of {name}", 0.7, f"{name} in view: {{:.1f}}") for name in GROUP_NAMES),
    *(Feature("place of people", 0.7) for _ in range(GRID * GRID)),
    *(Feature("place of other objects", 0.7) for _ in range(GRID * GRID)),
    Feature("speed", 0.4, "fastest movement: {:.1f} heights/s"),
    *(Feature("direction", 0.7) for _ in range(4)),
    Feature("lying", 0.3, "people lying: {:.1f}"),
    Feature("bent", 0.6, "people bent: {:.1f}"),
    Feature("descent", 0.4, "fastest descent: {:.1f} heights/s"),
    Feature("motion", 0.15, "share of the picture that moves, as a square root: {:.2f}"),
    Feature("stillness", 1.0, "longest stay in one place, as a logarithm of seconds: {:.1f}"),
    Feature("size", 0.2, "tallest object, as a share of the picture: {:.2f}"),
    Feature("closeness", 1.0, "pairs close together: {:.1f}"),
    Feature("loudness", 12.0, "sound level: {:.0f} dB above quiet", "audio"),
    Feature("speech", 0.5, "speech, as a probability: {:.2f}", "audio"),
    *(Feature("kind of sound", 0.35, modality="audio") for _ in range(SOUND_BINS)),
    *(Feature("look of the picture", 0.15) for _ in range(PROJECTED)),
)
SCALES: FloatArray = np.array([f.scale for f in FEATURES], np.float32)
LOOK = slice(len(FEATURES) - PROJECTED, len(FEATURES))
TOPICS: dict[str, tuple[int, ...]] = {
    topic: tuple(i for i, f in enumerate(FEATURES) if f.topic == topic) for topic in dict.fromkeys(f.topic for f in FEATURES)
}

_PROJECTION: FloatArray = (
    np.random.default_rng(2_026).normal(0.0, 1.0 / math.sqrt(PROJECTED), (EMBEDDING_WIDTH, PROJECTED)).astype(np.float32)
)  # Johnson & Lindenstrauss: distances are kept


def moment(scene: Scene, hearing: Hearing | None, embedding: FloatArray | None) -> FloatArray:
    """The numbers of one moment.

    Args:
        scene: what is seen.
        hearing: what is heard, or None.
        embedding: `[1280]` of the picture, or None.

    Returns:
        `[features]`, in the order of `FEATURES`.
    """
    values = [*_seen(scene.actors), *_moving(scene), *_heard(hearing)]
    look: FloatArray = np.zeros(PROJECTED, np.float32)
    if embedding is not None and embedding.shape == (EMBEDDING_WIDTH,) and np.all(np.isfinite(embedding)):
        look = np.asarray((embedding / max(float(np.linalg.norm(embedding)), 1e-9)) @ _PROJECTION, np.float32)
    return np.concatenate([np.array(values, np.float32), look])


def topic_shares(difference: FloatArray) -> dict[str, float]:
    """How much of a scaled difference `[features]` each topic carries, summing to 1 (or all 0)."""
    squares = difference.astype(np.float64) ** 2
    total = float(squares.sum())
    return {topic: float(squares[list(where)].sum()) / total if total > 0 else 0.0 for topic, where in TOPICS.items()}


def modality_shares(difference: FloatArray) -> dict[str, float]:
    """How much of a scaled difference picture and sound carry; only those that carry some."""
    shares: dict[str, float] = {}
    for topic, share in topic_shares(difference).items():
        modality = FEATURES[TOPICS[topic][0]].modality
        shares[modality] = shares.get(modality, 0.0) + share
    return {modality: share for modality, share in shares.items() if share > 0}


def sentence_of(scene: Scene, hearing: Hearing | None) -> str:
    """A moment in a few words, to show as an example."""
    counts: dict[str, int] = {}
    for actor in scene.actors:
        counts[actor.track.label] = counts.get(actor.track.label, 0) + 1
    words = [f"{count} {label}" for label, count in sorted(counts.items())] or ["nobody in view"]
    if hearing is not None and hearing.tags:
        words.append(f"{next(iter(hearing.tags))} heard")
    return ", ".join(words)


def _seen(actors: Sequence[Actor]) -> list[float]:
    counts = dict.fromkeys(GROUP_NAMES, 0.0)
    people, others = np.zeros((GRID, GRID)), np.zeros((GRID, GRID))
    heading = [0.0] * 4
    for actor in actors:
        group = GROUPS.get(actor.track.label, "things")
        counts[group] += 1
        _place(people if group == "people" else others, actor.track.box)
        if actor.direction_deg is not None:
            for quarter in range(4):
                heading[quarter] += max(0.0, math.cos(math.radians(actor.direction_deg - 90.0 * quarter)))
    total = max(sum(heading), 1.0)
    return [
        *counts.values(),
        *people.ravel().tolist(),
        *others.ravel().tolist(),
        max((a.speed for a in actors), default=0.0),
        *(h / total for h in heading),
        float(sum(a.posture is Posture.LYING for a in actors)),
        float(sum(a.posture is Posture.BENT for a in actors)),
        max((max(a.descent, 0.0) for a in actors), default=0.0),
    ]


def _moving(scene: Scene) -> list[float]:
    actors = scene.actors
    return [
        math.sqrt(max(scene.motion.area, 0.0)) if scene.motion.is_moving else 0.0,
        math.log1p(max((a.still_s for a in actors), default=0.0)),
        max((float(a.track.box[3] - a.track.box[1]) for a in actors), default=0.0),
        sum(len(a.near) for a in actors) / 2.0,
    ]


def _heard(hearing: Hearing | None) -> list[float]:
    bins = [0.0] * SOUND_BINS
    if hearing is None:
        return [0.0, 0.0, *bins]
    for name, probability in hearing.tags.items():
        where = crc32(name.encode()) % SOUND_BINS
        bins[where] = max(bins[where], probability)
    # in steps, so that a room tone that wavers is the same moment
    level = round((max(hearing.level_dbfs, QUIET_DBFS) - QUIET_DBFS) / LEVEL_STEP_DB) * LEVEL_STEP_DB
    return [level, hearing.speech if hearing.speech >= 0.5 else 0.0, *bins]


def _place(grid: np.ndarray[tuple[int, ...], np.dtype[np.float64]], box: FloatArray) -> None:
    """Add a foot point to a grid, shared among the four cells around it."""
    x = min(max(float(box[0] + box[2]) / 2.0 * GRID - 0.5, 0.0), GRID - 1.0)
    y = min(max(float(box[3]) * GRID - 0.5, 0.0), GRID - 1.0)
    column, row = int(x), int(y)
    right, down = x - column, y - row
    for d_row, d_column, share in (
        (0, 0, (1 - down) * (1 - right)),
        (0, 1, (1 - down) * right),
        (1, 0, down * (1 - right)),
        (1, 1, down * right),
    ):
        grid[min(row + d_row, GRID - 1), min(column + d_column, GRID - 1)] += share
