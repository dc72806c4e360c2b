"""Turn a picture into 49 tokens and a sentence that says what it shows, where that is clear.

Default: EfficientNet-Lite0 (Tan & Le, 2019) trained on ImageNet-1k, packaged weights, see docs/models.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.encoders.checks import check_picture, payloads
from core.encoders.identity import identity
from core.encoders.pictures import brightness_word, centre_square
from core.errors import ModelError
from core.features import Features
from core.samples import ByteArray, FloatArray, Image, Modality, Observation
from core.weights import locate
from core.weights.session import open_session

DEFAULT_WEIGHTS = "efficientnet-lite0"
SIDE_PX = 224
CELLS = 49
WIDTH = 1280
CHUNK = 8
RENAMED = {"nipple": "feeding-bottle teat"}  # ImageNet's word is read wrongly without its pictures
PIXEL_MEAN, PIXEL_SCALE = 127.0, 128.0
SENTENCES = 2
"""Version of the sentences' wording; part of the encoder's name, since features of other words must not mix."""


@dataclass(frozen=True, slots=True)
class Certainty:
    """How high the softmax of a class must be for it to be named; not calibrated.

    Attributes:
        sure: `looks like` from here on.
        perhaps: `looks most like` from here on, with the runner-up; below, the sentence abstains.
    """

    sure: float = 0.5
    perhaps: float = 0.3


class ImageEncoder:
    """Encodes pictures with EfficientNet-Lite0.

    Attributes:
        labels: the 1000 class names, in the order of the scores.
        look: names what the network sees with, whatever the sentences say.
    """

    modality = Modality.IMAGE
    width = WIDTH

    def __init__(self, weights: str = DEFAULT_WEIGHTS, *, threads: int = 2, certainty: Certainty | None = None) -> None:
        """Load the weights.

        Args:
            weights: the packaged set, or a folder laid out like it.
            threads: CPU threads of one call.

        Raises:
            ModelError: the weights are not here or damaged.
        """
        folder = locate(weights)
        self._session = open_session(folder / "efficientnet-lite0.onnx", threads)
        try:
            labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
            self.labels: tuple[str, ...] = tuple(RENAMED.get(label, label) for label in labels)
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{folder / 'labels.json'} cannot be read; pull {weights} again") from error
        self._certainty = certainty or Certainty()
        self.look = identity(weights, folder)
        self.name = f"image:{self.look}:{SENTENCES}"

    def encode(self, observations: Sequence[Observation]) -> Features:
        """Encode pictures: tokens `[batch, 49, 1280]` row by row over the 7 x 7 grid of the middle square.

        Raises:
            InputError: an observation is of another modality or no picture of bytes.
        """
        pictures = self._pictures(observations)
        squares = [centre_square(rgb, SIDE_PX) for rgb in pictures]
        tokens = np.empty((len(squares), CELLS, WIDTH), np.float32)
        sentences = []
        for start in range(0, len(squares), CHUNK):
            chunk = slice(start, start + CHUNK)
            tokens[chunk], logits = self._session.run(["tokens", "logits"], {"image": normalise(squares[chunk])})
            sentences += [self._sentence(p, s) for p, s in zip(softmax(logits), squares[chunk], strict=True)]
        return Features(tokens, np.ones(tokens.shape[:2], np.bool_), tuple((s,) for s in sentences), self.name)

    def glance(self, squares: Sequence[ByteArray]) -> tuple[FloatArray, FloatArray]:
        """One vector a picture, for encoders that look at many.

        Args:
            squares: `[224, 224, 3]` each.

        Returns:
            The mean of the tokens `[batch, 1280]` and the softmax over the classes `[batch, 1000]`.
        """
        pooled = np.empty((len(squares), WIDTH), np.float32)
        scores = np.empty((len(squares), len(self.labels)), np.float32)
        for start in range(0, len(squares), CHUNK):
            chunk = slice(start, start + CHUNK)
            pooled[chunk], logits = self._session.run(["pooled", "logits"], {"image": normalise(squares[chunk])})
            scores[chunk] = softmax(logits)
        return pooled, scores

    def describe(self, observation: Observation) -> str:
        """What the picture shows, or that nothing was recognised."""
        (rgb,) = self._pictures([observation])
        square = centre_square(rgb, SIDE_PX)
        return self._sentence(self.glance([square])[1][0], square)

    def name_classes(self, scores: FloatArray) -> str | None:
        """The likely classes in words, such as `looks most like a soccer ball, then a goldfish`; None where none stands out.

        The scores are not calibrated, so they rank and choose the words, and are not told.

        Args:
            scores: the network's softmax, `[1000]`.
        """
        first, second = (int(i) for i in np.argsort(scores)[:-3:-1])
        if scores[first] < self._certainty.perhaps:
            return None
        if scores[first] >= self._certainty.sure:
            return f"looks like {with_article(self.labels[first])}"
        then = f", then {with_article(self.labels[second])}" if scores[second] >= self._certainty.perhaps / 2 else ""
        return f"looks most like {with_article(self.labels[first])}{then}"

    def scored_classes(self, scores: FloatArray) -> str | None:
        """The likely classes with their softmax, such as `shows a soccer ball (63 %)`, for a fusion model to read; None as `name_classes`.

        Not for people: the scores are not calibrated.

        Args:
            scores: the network's softmax, `[1000]`.
        """
        first, second = (int(i) for i in np.argsort(scores)[:-3:-1])
        if scores[first] < self._certainty.perhaps:
            return None
        told = [f"{with_article(self.labels[i])} ({scores[i]:.0%})".replace("%", " %") for i in (first, second)]
        if scores[first] >= self._certainty.sure:
            return f"shows {told[0]}"
        return f"may show {told[0]}" + (f" or {told[1]}" if scores[second] >= self._certainty.perhaps / 2 else "")

    def _sentence(self, scores: FloatArray, square: ByteArray) -> str:
        named = self.name_classes(scores)
        return f"a {brightness_word(square)}picture" + (f" that {named}" if named else ", nothing recognised")

    def _pictures(self, observations: Sequence[Observation]) -> list[ByteArray]:
        pictures = [image.rgb for image in payloads(observations, Image, self.name)]
        for rgb in pictures:
            check_picture(rgb, self.name)
        return pictures


def with_article(label: str) -> str:
    """`an orange`, `a goldfish`."""
    return f"{'an' if label[:1].lower() in 'aeiou' else 'a'} {label}"


def normalise(squares: Sequence[ByteArray]) -> FloatArray:
    """`[batch, 3, 224, 224]` as the network was trained on; not the ImageNet mean and deviation."""
    stacked = np.stack(squares).astype(np.float32)
    return np.ascontiguousarray(((stacked - PIXEL_MEAN) / PIXEL_SCALE).transpose(0, 3, 1, 2))


def softmax(logits: FloatArray) -> FloatArray:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: FloatArray = exponents / exponents.sum(axis=1, keepdims=True)
    return scores
