"""Find words that are burned into pictures: where they are, however small or faint, not what they say.

Method: the text detector of PP-OCRv4 (core/encoders/reading.py) over the whole picture and over enlarged pieces of it, again
after what was found is covered. A device's words stand still, so of a loop its brightest and darkest values over time are read too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from core.encoders.reading import DEFAULT_WEIGHTS, DETECTOR, PictureReader
from core.encoders.text_lines import boxes_of, fit_to_detector, strip
from core.errors import ModelError
from core.samples import BoolArray, ByteArray, FloatArray
from core.weights import locate
from core.weights.session import open_session

PIECE_PX = 640  # side of a piece that is enlarged
OVERLAP_PX = 128  # of pieces; a word across a seam is whole in one of them, unless it is longer
LEAST_ENLARGED, ENLARGED, MOST_ENLARGED = 1.5, 2.0, 3.0  # of pieces: of a film, of most pictures, of one smaller than a piece
FILM_PX = 1280  # from here on a picture is a film, on which no device writes as small
ROUNDS = 3  # each finds what the covered words outshone
MARGIN = 0.2  # of a box's height, covered around it
LEAST_MARGIN_PX = 3
FLAT = 12.0  # grey levels: a piece with no steeper edge holds no words
COLOURED, LEAST_COLOURED = 60, 0.002  # grey levels between red and blue, and the share of pixels, that make a picture coloured
LEAST_READING = 0.35  # of what is read in a box, or it was no word
SIDE_MARKERS = frozenset("LR")
SURE = 0.8
SAMPLED_FRAMES = 8


class WordFinder:
    """Finds words in pictures. Not to be shared between threads."""

    def __init__(self, weights: str = DEFAULT_WEIGHTS, *, threads: int = 2) -> None:
        """Load the weights.

        Raises:
            ModelError: they are not here, or damaged.
        """
        folder = locate(weights)
        self._reader = PictureReader(weights, threads=threads)
        if not (folder / DETECTOR).is_file():
            raise ModelError(f"{folder / DETECTOR} is not there; run: trivium models pull {weights}")
        self._detector = open_session(folder / DETECTOR, threads)

    def covering(self, rgb: ByteArray) -> tuple[BoolArray, int]:
        """What must be covered.

        Args:
            rgb: `[height, width, 3]`.

        Returns:
            True where words are, `[height, width]`, with a margin; and how many boxes of words there were.
        """
        left = rgb.copy()
        covered = np.zeros(rgb.shape[:2], bool)
        count = 0
        changed: BoolArray | None = None
        for _ in range(ROUNDS):
            boxes = self._words(left, self._boxes(left, changed))
            if changed is None and (view := _cold_on_warm(left)) is not None:
                boxes += self._words(view, self._boxes(view, None))
            if not boxes:
                break
            count += len(boxes)
            changed = np.zeros_like(covered)
            for box in boxes:
                self._cover(changed, left, box)
            covered |= changed
        return covered, count

    def _words(self, rgb: ByteArray, boxes: Sequence[FloatArray]) -> list[FloatArray]:
        """Those in which something is read; a lone, sure `L` or `R` is a side's marker and stays."""
        read = self._reader.read_strips([strip(rgb, box) for box in boxes]) if boxes else []
        kept = []
        for box, (text, score) in zip(boxes, read, strict=True):
            plain = "".join(c for c in text if c.isalnum())
            if plain in SIDE_MARKERS and score >= SURE:
                continue
            if plain and score >= LEAST_READING:
                kept.append(box)
        return kept

    def _boxes(self, rgb: ByteArray, changed: BoolArray | None) -> list[FloatArray]:
        """Corners of boxes in pixels, `[4, 2]` each; after the first round only where something has changed."""
        found = [*self._detected(rgb)] if changed is None else []
        longest = max(rgb.shape[:2])
        factor = LEAST_ENLARGED if longest >= FILM_PX else min(MOST_ENLARGED, max(ENLARGED, ENLARGED * PIECE_PX / longest))
        for top, left, bottom, right in _pieces(rgb.shape[0], rgb.shape[1]):
            piece = rgb[top:bottom, left:right]
            if _is_flat(piece) or (changed is not None and not changed[top:bottom, left:right].any()):
                continue
            large = cv2.resize(piece, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
            found += [box / np.float32(factor) + np.array([left, top], np.float32) for box in self._detected(np.asarray(large, np.uint8))]
        return found

    def _detected(self, rgb: ByteArray) -> Iterable[FloatArray]:
        values, scale, (above, left) = fit_to_detector(rgb)
        name = self._detector.get_inputs()[0].name
        map_ = np.asarray(self._detector.run(None, {name: values})[0], np.float32)[0, 0]
        height, width = rgb.shape[:2]
        for box in boxes_of(map_):
            inside = np.clip((box - np.array([left, above], np.float32)) / scale, 0, [width - 1, height - 1]).astype(np.float32)
            if (np.ptp(inside, axis=0) >= 2).all():
                yield inside

    @staticmethod
    def _cover(covered: BoolArray, left: ByteArray, box: FloatArray) -> None:
        sides = np.linalg.norm(box - np.roll(box, -1, axis=0), axis=1)
        margin = max(LEAST_MARGIN_PX, round(float(sides.min()) * MARGIN))
        one = np.zeros(covered.shape, np.uint8)
        cv2.fillPoly(one, [np.rint(box).astype(np.int32)], 1)
        one = np.asarray(cv2.dilate(one, np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)), np.uint8)
        here = one.astype(bool)
        covered |= here
        around = np.asarray(cv2.dilate(one, np.ones((5, 5), np.uint8))).astype(bool) & ~here
        left[here] = np.median(left[around], axis=0).astype(np.uint8) if around.any() else 0


def frames_to_read(count: int) -> tuple[int, ...]:
    """All of a few frames; of a loop the first, the last and some between them."""
    if count <= SAMPLED_FRAMES:
        return tuple(range(count))
    return tuple(sorted({round(i * (count - 1) / (SAMPLED_FRAMES - 1)) for i in range(SAMPLED_FRAMES)}))


def _pieces(height: int, width: int) -> Iterable[tuple[int, int, int, int]]:
    """Top, left, bottom, right of overlapping pieces that cover the picture."""
    for top in _starts(height):
        for left in _starts(width):
            yield top, left, min(height, top + PIECE_PX), min(width, left + PIECE_PX)


def _starts(length: int) -> Sequence[int]:
    if length <= PIECE_PX:
        return (0,)
    count = -(-(length - OVERLAP_PX) // (PIECE_PX - OVERLAP_PX))
    return tuple(round(i * (length - PIECE_PX) / (count - 1)) for i in range(count))


def _cold_on_warm(rgb: ByteArray) -> ByteArray | None:
    """Green, cyan and blue alone, for words over the reds of colour Doppler; None for a picture of grey."""
    red, green, blue = (rgb[..., i].astype(np.int16) for i in range(3))
    if (np.abs(red - blue) > COLOURED).mean() < LEAST_COLOURED:
        return None
    cold = np.clip(np.maximum(green, blue) - red, 0, 255).astype(np.uint8)
    return np.repeat(cold[..., None], 3, axis=2)


def _is_flat(rgb: ByteArray) -> bool:
    grey: npt.NDArray[np.uint8] = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    steep = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return float(np.percentile(steep, 99.9)) < FLAT
