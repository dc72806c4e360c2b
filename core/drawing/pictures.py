"""Pictures on their way in and out: a table's image column as small squares, a drawn one as a PNG that says who drew it."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, cdist

from core.errors import InputError
from core.samples import ByteArray, FloatArray
from core.table import ColumnKind, Table

DRAWN = "drawn by a model"
MOST_PICTURES = 100_000
MOST_ABOUT_CHARACTERS = 500
CHUNK = 256


@dataclass(frozen=True, slots=True)
class Pictures:
    """What could be read of a table's image column.

    Attributes:
        squares: RGB, `[read, side, side, 3]`.
        places: row of each.
        problems: of the other rows, a line each.
    """

    squares: ByteArray
    places: tuple[int, ...]
    problems: tuple[str, ...]


def read_pictures(table: Table, side_px: int) -> Pictures:
    """The image column as squares; what is not square is padded with its own border.

    Raises:
        InputError: there is no image column, or more rows than are held at once.
    """
    column = table.one(ColumnKind.IMAGE)
    if len(table) > MOST_PICTURES:
        raise InputError(f"{table.name}: {len(table)} pictures are more than the {MOST_PICTURES} that are held at once; take fewer rows")
    squares = np.empty((len(table), side_px, side_px, 3), np.uint8)
    places: list[int] = []
    problems: list[str] = []
    for place, (value, line) in enumerate(zip(table.values(column), table.lines, strict=True)):
        try:
            squares[len(places)] = _square(table.root, value, side_px)
            places.append(place)
        except InputError as error:
            problems.append(f"{table.name}, line {line}, column {column!r}: {error}")
    return Pictures(squares[: len(places)], tuple(places), tuple(problems))


def _square(root: Path, named: Any, side_px: int) -> ByteArray:
    import cv2

    from core.table.media import MediaBounds, open_image
    from core.table.media_paths import find_media

    if named is None:
        raise InputError("there is no picture")
    rgb: Any = open_image(find_media(root, str(named)), MediaBounds()).rgb
    height, width = rgb.shape[:2]
    tall, wide = max(0, width - height), max(0, height - width)
    padded = cv2.copyMakeBorder(rgb, tall // 2, tall - tall // 2, wide // 2, wide - wide // 2, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(padded, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)


def as_tensor(squares: ByteArray) -> Tensor:
    """Bytes `[rows, side, side, 3]` as `[rows, 3, side, side]` in -1 to 1."""
    return torch.from_numpy(np.array(squares)).permute(0, 3, 1, 2).float() / 127.5 - 1


def as_bytes(drawn: Tensor) -> ByteArray:
    """`[rows, 3, side, side]` in -1 to 1 as bytes `[rows, side, side, 3]`."""
    clipped = ((drawn.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return np.ascontiguousarray(clipped.permute(0, 2, 3, 1).numpy())


def nearest(pictures: Tensor, training: Tensor) -> FloatArray:
    """Root mean square distance of each picture to the nearest of training, both `[rows, 3, side, side]` in -1 to 1; 0 is a copy."""
    known = training.flatten(1)
    parts = [cdist(pictures[i : i + CHUNK].flatten(1), known).amin(1) for i in range(0, len(pictures), CHUNK)]
    return np.asarray(torch.cat(parts) / known.shape[1] ** 0.5, np.float32)


def data_uri(rgb: ByteArray, about: Mapping[str, str]) -> str:
    """A PNG, as text that a browser opens; its own text chunks say that a model drew it, and what else is given."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    for key, value in {"Comment": DRAWN, **about}.items():
        told.add_itxt(key, value[:MOST_ABOUT_CHARACTERS])
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG", pnginfo=told, optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
