"""Find the lines of words in a picture: the text probability map of a detector as boxes, and each box as an upright strip.

Method: differentiable binarization (Liao et al., 2020), boxes of least area, as PP-OCRv4 was trained for.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from core.samples import ByteArray, FloatArray

IS_TEXT_ABOVE = 0.3  # of the map, a pixel
LEAST_BOX_SCORE = 0.5  # mean of the map inside a box
GROWTH = 1.6  # the detector learned shrunken boxes: each grows by area x this / circumference
LEAST_SIDE_PX = 3.0
MOST_BOXES = 500
STEP_PX = 32  # sides of what the detector reads
SHORT_SIDE_PX = 320  # a smaller picture is enlarged to this (736, as in training, reads no better and takes half as long again),
LONG_SIDE_PX = 1536  # but never past this, and a larger one is shrunk to it
MOST_ENLARGED = 2.0
MARGIN_PX = 32  # laid around, for words that touch the picture's border
WIDEST = 8.0  # a wider picture is laid into a taller one of its border's colours
UPRIGHT_BELOW = 1.5  # height by width: a taller strip is lying on its side
MOST_STRIP_PX = 4096


def fit_to_detector(rgb: ByteArray) -> tuple[FloatArray, float, tuple[int, int]]:
    """A picture as the detector takes it; bounded whatever its size and shape.

    Returns:
        Values `[1, 3, height, width]` in blue, green, red, -1 to 1, sides times 32; how much it was enlarged; and what was laid
        above and to the left, in pixels of the enlarged picture.
    """
    height, width = rgb.shape[:2]
    scale = min(max(1.0, SHORT_SIDE_PX / min(height, width)), MOST_ENLARGED, LONG_SIDE_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shown = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    above = max(MARGIN_PX, math.ceil((max(size) / WIDEST - size[1]) / 2))
    left = max(MARGIN_PX, math.ceil((max(size) / WIDEST - size[0]) / 2))
    below = above + (-(size[1] + 2 * above)) % STEP_PX
    right = left + (-(size[0] + 2 * left)) % STEP_PX
    laid = cv2.copyMakeBorder(shown, above, below, left, right, cv2.BORDER_REPLICATE)
    values = np.ascontiguousarray(laid[:, :, ::-1].transpose(2, 0, 1)[None], np.float32)  # [1, 3, height, width]
    return values / np.float32(127.5) - np.float32(1), scale, (above, left)


def boxes_of(probabilities: FloatArray) -> FloatArray:
    """Boxes around the runs of text of a map.

    Args:
        probabilities: of text, `[height, width]`.

    Returns:
        Corners in pixels of the map, `[boxes, 4, 2]`: upper left, upper right, lower right, lower left.
    """
    is_text = cv2.dilate((probabilities > IS_TEXT_ABOVE).astype(np.uint8), np.ones((2, 2), np.uint8))
    outlines: Any = cv2.findContours(is_text, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]
    found: list[FloatArray] = []
    for outline in sorted(outlines, key=cv2.contourArea, reverse=True)[:MOST_BOXES]:
        centre, (width, height), angle = cv2.minAreaRect(outline)
        if min(width, height) < LEAST_SIDE_PX:
            continue
        if _mean_inside(probabilities, cv2.boxPoints((centre, (width, height), angle))) < LEAST_BOX_SCORE:
            continue
        growth = width * height * GROWTH / (2 * (width + height))
        found.append(_in_order(cv2.boxPoints((centre, (width + 2 * growth, height + 2 * growth), angle))))
    return np.stack(found).astype(np.float32) if found else np.empty((0, 4, 2), np.float32)


def strip(rgb: ByteArray, corners: FloatArray) -> ByteArray:
    """A box cut out and set upright, `[height, width, 3]`.

    Args:
        rgb: the picture.
        corners: in its pixels, `[4, 2]`, as `boxes_of`.
    """
    sides = [float(np.linalg.norm(corners[a] - corners[b])) for a, b in ((0, 1), (2, 3), (0, 3), (1, 2))]
    width, height = (min(MOST_STRIP_PX, max(1, int(max(pair)))) for pair in (sides[:2], sides[2:]))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    cut = cv2.warpPerspective(rgb, warp, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC)
    return np.asarray(np.rot90(cut) if height >= UPRIGHT_BELOW * width else cut, np.uint8)


def reading_order(boxes: FloatArray) -> list[list[int]]:
    """Places of boxes in rows from above, each row from the left. Columns of a page are not told apart.

    Args:
        boxes: `[boxes, 4, 2]`.
    """
    tops, bottoms = boxes[:, :, 1].min(1), boxes[:, :, 1].max(1)
    middles, lefts = boxes[:, :, 1].mean(1), boxes[:, :, 0].min(1)
    rows: list[list[int]] = []
    for place in np.argsort(middles, kind="stable").tolist():
        last = rows[-1][0] if rows else None
        if last is not None and tops[last] <= middles[place] <= bottoms[last] and tops[place] <= middles[last] <= bottoms[place]:
            rows[-1].append(place)
        else:
            rows.append([place])
    return [sorted(row, key=lambda place: float(lefts[place])) for row in rows]


def _mean_inside(probabilities: FloatArray, corners: Any) -> float:
    height, width = probabilities.shape
    low = np.clip(np.floor(corners.min(0)).astype(int), 0, [width - 1, height - 1])
    high = np.clip(np.ceil(corners.max(0)).astype(int), 0, [width - 1, height - 1])
    inside = np.zeros((high[1] - low[1] + 1, high[0] - low[0] + 1), np.uint8)
    cv2.fillPoly(inside, [(corners - low).astype(np.int32)], 1)
    return float(cv2.mean(probabilities[low[1] : high[1] + 1, low[0] : high[0] + 1], inside)[0])


def _in_order(corners: Any) -> FloatArray:
    """Upper left, upper right, lower right, lower left."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = (pair[np.argsort(pair[:, 1], kind="stable")] for pair in (by_x[:2], by_x[2:]))
    return np.array([left[0], right[0], right[1], left[1]], np.float32)
