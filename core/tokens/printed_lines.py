"""Cut the crop of a printed passage into its lines, and turn them into one run of image tokens from left to right.

Network: the packaged PP-OCRv4 reader (see docs/models.md). What is kept every eight pixels are the shapes that it sees, and how
likely it finds each ASCII character there. A reader of another alphabet, such as one with accents, is learned on top of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pictures

from core.encoders.identity import identity
from core.errors import InputError, ModelError
from core.samples import ByteArray, FloatArray
from core.weights import locate
from core.weights.session import open_session

DEFAULT_WEIGHTS = "rapidocr"
VERSION = 1  # raised when the same picture would give other tokens
FILE = "ch_PP-OCRv4_rec_infer.onnx"
STRIP_HEIGHT_PX = 48
MOST_STRIP_WIDTH_PX = 3200
MOST_LINES = 24
MOST_PIXELS = 16_000_000
LEAST_SIDE_PX = 8
STRETCH = 1.3  # old type is set tight; a little wider than true gives each letter enough steps
NECK, SHAPES = "transpose_51.tmp_0", "p2o.AveragePool.1"  # `[1, steps, 120]` and `[1, 480, 1, steps]`
SHAPE_WIDTH = 600
NAMED = ("", *map(chr, range(33, 127)), " ")  # what PP-OCR's own output tells apart here; the first is 'nothing'
WIDTH = SHAPE_WIDTH + len(NAMED)
LEAST_LOG = -12.0
SMOOTH_PX = 3
LEAST_CONTRAST = 20.0  # below the paper's grey: less than this is stain
LEAST_BAND_PX = 4
WINDOW_PX = 60
REACH = 0.4  # of a band's height, above and below it: risers and tails
VALLEY = 0.30  # of a strong row's ink: less than this parts two lines
SLIVER = 0.6  # of the usual line height: a band at the edge lower than this is a neighbour's foot or head


def text_lines(grey: ByteArray) -> list[tuple[int, int]]:
    """Where the printed lines are, from top to bottom; slivers of neighbouring lines at the edges are left out.

    Args:
        grey: `[height, width]`, dark print on light paper.

    Returns:
        First row and the row after the last, for each line; the whole height where nothing stands out.
    """
    paper = cv2.medianBlur(cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), 5)
    dark = np.clip(float(np.quantile(paper, 0.9)) - grey.astype(np.float32) - LEAST_CONTRAST, 0, None)  # [height, width]
    whole = _bands(dark.mean(1), VALLEY)
    usual = float(np.median([b - a for a, b in whole if a > 0 and b < len(grey)] or [max((b - a for a, b in whole), default=len(grey))]))
    kept = [band for band in whole if not _is_sliver(band, len(grey), usual)]
    kept = sorted(kept + _short_lines(dark, kept, usual)) or [(0, len(grey))]
    lines = []
    for index, (a, b) in enumerate(kept):
        reach = round(REACH * (b - a))
        first = kept[index - 1][1] if index else 0
        last = kept[index + 1][0] if index + 1 < len(kept) else len(grey)
        lines.append((max(a - reach, first), min(b + reach, last)))
    return lines[:MOST_LINES]


def _short_lines(dark: FloatArray, lines: list[tuple[int, int]], usual: float) -> list[tuple[int, int]]:
    """Lines of a word or two, too little ink beside full lines, looked for between them in windows of the width."""
    windows = np.array_split(dark, max(dark.shape[1] // WINDOW_PX, 1), axis=1)
    ink = np.max([window.mean(1) for window in windows], axis=0)  # [height]
    covered = np.zeros(len(ink), bool)
    for a, b in lines:
        covered[max(a - round(REACH / 2 * (b - a)), 0) : b + round(REACH / 2 * (b - a))] = True
    strong = float(np.quantile(ink, 0.85))
    found = []
    for a, b in _runs(~covered):
        if b - a >= SLIVER * usual:
            for first, last in _bands(ink[a:b], VALLEY, strong):
                band = (a + first, a + last)
                if last - first >= SLIVER * usual and not _is_sliver(band, len(ink), usual) and band[0] > 0 and band[1] < len(ink):
                    found.append(band)
    return found


def _bands(ink: FloatArray, valley: float, strong: float | None = None) -> list[tuple[int, int]]:
    """Runs of rows with more ink than a share of a strong row's."""
    smooth = np.convolve(ink, np.ones(SMOOTH_PX) / SMOOTH_PX, mode="same")
    strong = float(np.quantile(smooth, 0.85)) if strong is None else strong
    return [(a, b) for a, b in _runs(smooth > max(valley * strong, 1e-6)) if b - a >= LEAST_BAND_PX]


def _is_sliver(band: tuple[int, int], height: int, usual: float) -> bool:
    return (band[0] == 0 or band[1] == height) and band[1] - band[0] < SLIVER * usual


def strips(grey: ByteArray) -> list[ByteArray]:
    """The lines of a crop, each `[48, width]`.

    Raises:
        InputError: the picture is too small, too large or not grey.
    """
    if grey.ndim != 2 or min(grey.shape) < LEAST_SIDE_PX or grey.size > MOST_PIXELS:
        raise InputError(f"a printed line must be a grey picture of {LEAST_SIDE_PX} px to 16 megapixels, not {grey.shape}")
    cut = []
    for top, bottom in text_lines(grey):
        line = grey[top:bottom]
        width = int(np.clip(round(line.shape[1] * STRIP_HEIGHT_PX / line.shape[0] * STRETCH), STRIP_HEIGHT_PX, MOST_STRIP_WIDTH_PX))
        cut.append(np.asarray(cv2.resize(line, (width, STRIP_HEIGHT_PX), interpolation=cv2.INTER_CUBIC), np.uint8))
    return cut


def read_grey(path: Path) -> ByteArray:
    """A picture file as `[height, width]`.

    Raises:
        InputError: it is no picture, or too large a one.
    """
    try:
        with Pictures.open(path) as opened:  # its header alone
            width, height = opened.size
        if width * height > MOST_PIXELS:
            raise InputError(f"{path.name} has {width} x {height} pixels; a printed line has at most {MOST_PIXELS:,}")
        grey = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    except (OSError, ValueError, Pictures.DecompressionBombError, cv2.error) as error:
        raise InputError(f"{path.name} cannot be read as a picture") from error
    if grey is None:
        raise InputError(f"{path.name} cannot be read as a picture; give a PNG or JPEG file")
    return np.asarray(grey, np.uint8)


def lines_identity(weights: str = DEFAULT_WEIGHTS) -> str:
    """The name of weights and method; another name may give other tokens.

    Raises:
        ModelError: the weights are not here.
    """
    return f"printed-lines:{identity(weights, locate(weights))}:v{VERSION}"


class LineEncoder:
    """Image tokens of printed lines.

    Attributes:
        name: as `lines_identity` gives it.
        width: numbers a token.
    """

    width = WIDTH

    def __init__(self, weights: str = DEFAULT_WEIGHTS, *, threads: int = 1) -> None:
        """Load the weights.

        Raises:
            ModelError: they are not here, damaged, or another network.
        """
        self.name = lines_identity(weights)
        self._session = _cut_session(locate(weights) / FILE, threads)
        self._named = self._session.get_outputs()[0].name
        told = self._session.get_modelmeta().custom_metadata_map.get("character", "").splitlines()
        if not set(NAMED[1:-1]) <= set(told):
            raise ModelError(f"{FILE} does not say which characters it names; run: trivium models pull {DEFAULT_WEIGHTS}")
        self._columns = [0, *(told.index(one) + 1 for one in NAMED[1:-1]), len(told) + 1]

    def encode(self, grey: ByteArray) -> FloatArray:
        """`[steps, 696]`, the lines one after the other as they are read; the last 96 are logarithms of likelihoods of `NAMED`.

        Raises:
            InputError: no picture of a printed line.
        """
        return np.concatenate([self._strip(strip) for strip in strips(grey)])

    def _strip(self, strip: ByteArray) -> FloatArray:
        plane = (strip.astype(np.float32) / 255 - 0.5) / 0.5
        neck, shapes, named = self._session.run([NECK, SHAPES, self._named], {"x": np.repeat(plane[None, None], 3, axis=1)})
        logs = np.log(np.maximum(named[0][:, self._columns], np.exp(LEAST_LOG)))  # [steps, 96]
        steps: FloatArray = np.concatenate([neck[0], shapes[0, :, 0].T, logs], axis=1).astype(np.float32)
        return steps


def _cut_session(path: Path, threads: int) -> Any:
    """The network with two more outputs, opened from memory."""
    import onnx

    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf's own kinds share no base
        raise ModelError(f"{path} cannot be loaded ({type(error).__name__}); pull these weights again") from error
    known = {name for node in model.graph.node for name in node.output}
    if not {NECK, SHAPES} <= known:
        raise ModelError(f"{path.name} is not the packaged PP-OCRv4 reader; run: trivium models pull {DEFAULT_WEIGHTS}")
    model.graph.output.extend([onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in (NECK, SHAPES)])
    return open_session(model.SerializeToString(), threads)


def _runs(flags: Any) -> list[tuple[int, int]]:
    """First and after-last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(flags, bool), [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
