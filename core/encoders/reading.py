"""Read the words in a picture, Chinese and English: find the lines, set them upright, write them down, in reading order.

Model: PP-OCRv4 mobile (PaddlePaddle, Apache-2.0), packaged weights, see docs/models.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.encoders.identity import identity
from core.encoders.text_lines import boxes_of, fit_to_detector, reading_order, strip
from core.errors import ModelError
from core.samples import ByteArray, FloatArray, Image
from core.weights import locate
from core.weights.session import open_session

DEFAULT_WEIGHTS = "rapidocr"
DETECTOR, TURNER, WRITER = "ch_PP-OCRv4_det_infer.onnx", "ch_ppocr_mobile_v2.0_cls_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx"
VERSION = 2  # raised when the same weights would read other words
LEAST_SCORE = 0.5  # below it a line is a guess and is left out
LINE_HEIGHT_PX = 48
LEAST_WIDTH_PX, MOST_WIDTH_PX = 320, 2880  # of a line that is read; a longer one is squeezed
TURN_WIDTH_PX = 192
LEAST_TURN_SCORE = 0.9
BATCH = 6
MOST_CHARACTERS = 20_000  # of a picture
BLANK = 0  # of connectionist temporal classification


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line of words in a picture.

    Attributes:
        text: what it says.
        score: mean over its characters, 0 to 1; not calibrated.
        corners: x and y in 0 to 1, four pairs, from the upper left around.
        row: lines beside each other share it; counted from above.
    """

    text: str
    score: float
    corners: tuple[tuple[float, float], ...]
    row: int


class PictureReader:
    """Reads the words in pictures.

    Attributes:
        name: of weights and method: another name may give other words.
        least_score: lines that are less sure are left out.
    """

    def __init__(self, weights: str = DEFAULT_WEIGHTS, *, threads: int = 2, least_score: float = LEAST_SCORE) -> None:
        """Load the weights.

        Args:
            weights: a packaged set, or a folder with files of the same names.
            threads: CPU threads of one call.
            least_score: see above.

        Raises:
            ModelError: the weights are not here, or damaged.
        """
        folder = locate(weights)
        self._detector, self._turner, self._writer = (_open(folder / name, threads) for name in (DETECTOR, TURNER, WRITER))
        told = self._writer.get_modelmeta().custom_metadata_map.get("character")
        if not told:
            raise ModelError(f"{folder / WRITER} does not say which characters it writes; pull these weights again")
        self._characters = ("", *told.splitlines(), " ")
        self.least_score = least_score
        self.name = f"words:{identity(weights, folder)}:v{VERSION}:{least_score:g}"

    def read(self, picture: Image) -> tuple[WrittenLine, ...]:
        """The lines of a picture, in reading order; none where it holds no words."""
        rgb = picture.rgb
        values, scale, (above, left) = fit_to_detector(rgb)
        found = boxes_of(self._ask(self._detector, values)[0, 0])
        height, width = rgb.shape[:2]
        boxes = np.clip((found - np.array([left, above], np.float32)) / scale, 0, [width - 1, height - 1]).astype(np.float32)
        boxes = boxes[[i for i, box in enumerate(boxes) if (np.ptp(box, axis=0) >= 2).all()]]
        read = self.read_strips([strip(rgb, box) for box in boxes])
        kept = [i for i, (text, score) in enumerate(read) if text.strip() and score >= self.least_score]
        lines: list[WrittenLine] = []
        for row, places in enumerate(reading_order(boxes[kept]) if kept else []):
            for place in places:
                text, score = read[kept[place]]
                corners = tuple((float(x) / width, float(y) / height) for x, y in boxes[kept[place]])
                lines.append(WrittenLine(text.strip(), score, corners, row))
        return tuple(lines)

    def read_strips(self, strips: Sequence[ByteArray]) -> list[tuple[str, float]]:
        """Text and score of pictures of one line each, turned round where they stand on their heads."""
        order = sorted(range(len(strips)), key=lambda i: strips[i].shape[1] / strips[i].shape[0])
        read: list[tuple[str, float]] = [("", 0.0)] * len(strips)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            upright = self._turned([strips[i] for i in chosen])
            widest = max(one.shape[1] / one.shape[0] for one in upright)
            width = min(MOST_WIDTH_PX, max(LEAST_WIDTH_PX, math.ceil(LINE_HEIGHT_PX * widest)))
            scores = self._ask(self._writer, np.stack([_squeezed(one, width) for one in upright]))  # [batch, steps, characters]
            for place, one in zip(chosen, scores, strict=True):
                read[place] = self._written(one)
        return read

    def _turned(self, strips: Sequence[ByteArray]) -> list[ByteArray]:
        scores = self._ask(self._turner, np.stack([_squeezed(one, TURN_WIDTH_PX) for one in strips]))  # [batch, upright or not]
        return [
            np.ascontiguousarray(one[::-1, ::-1]) if turned > LEAST_TURN_SCORE else one
            for one, (_, turned) in zip(strips, scores, strict=True)
        ]

    def _written(self, scores: FloatArray) -> tuple[str, float]:
        """The likeliest characters: repeats are one, blanks are none."""
        best = scores.argmax(1)
        is_new = best != BLANK
        is_new[1:] &= best[1:] != best[:-1]
        if not is_new.any():
            return "", 0.0
        return "".join(self._characters[i] for i in best[is_new]), float(scores.max(1)[is_new].mean())

    @staticmethod
    def _ask(session: Any, values: FloatArray) -> FloatArray:
        return np.asarray(session.run(None, {session.get_inputs()[0].name: values})[0], np.float32)


def as_words(lines: Sequence[WrittenLine]) -> str:
    """Lines as running text: a word broken at a line's end is whole again, between Chinese characters stands no blank."""
    text = ""
    for line in lines:
        if not text:
            text = line.text
        elif text.endswith("-") and text[-2:-1].isalpha() and line.text[0].islower():
            text = text[:-1] + line.text
        else:
            text += ("" if _is_wide(text[-1]) and _is_wide(line.text[0]) else " ") + line.text
        if len(text) >= MOST_CHARACTERS:
            return text[:MOST_CHARACTERS]
    return text


def _is_wide(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"


def _squeezed(rgb: ByteArray, width_px: int) -> FloatArray:
    """A line at its height, `[3, 48, width]` in blue, green, red, -1 to 1; what is right of it is grey."""
    own = min(width_px, max(1, math.ceil(LINE_HEIGHT_PX * rgb.shape[1] / rgb.shape[0])))
    small = cv2.resize(np.ascontiguousarray(rgb), (own, LINE_HEIGHT_PX))
    laid = np.zeros((3, LINE_HEIGHT_PX, width_px), np.float32)
    laid[:, :, :own] = small[:, :, ::-1].transpose(2, 0, 1).astype(np.float32) / np.float32(127.5) - np.float32(1)
    return laid


def _open(path: Path, threads: int) -> Any:
    if not path.is_file():
        raise ModelError(f"{path} is not there; run: trivium models pull {DEFAULT_WEIGHTS}")
    return open_session(path, threads)
