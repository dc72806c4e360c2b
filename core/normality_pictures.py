"""Small pictures of usual moments, so that they can be shown: few, small, and the longest unseen goes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

PICTURE_BYTES = 8_192
PICTURES_KEPT = 512
_BEGIN, _END = b"\xff\xd8", b"\xff\xd9"

Pictures = dict[int, "UsualPicture"]
"""Number of a member to its picture, the longest unseen first."""


@dataclass(frozen=True, slots=True)
class UsualPicture:
    """What a usual moment looked like.

    Attributes:
        jpeg: at most `PICTURE_BYTES`.
        time_s: when, on the source's clock.
        wall_s: when, as Unix time, or None.
    """

    jpeg: bytes
    time_s: float
    wall_s: float | None


def is_small_jpeg(content: bytes) -> bool:
    """Whether it may be kept: a JPEG by its marks, and small."""
    return 4 <= len(content) <= PICTURE_BYTES and content.startswith(_BEGIN) and content.endswith(_END)


def put_picture(pictures: Pictures, member_id: int, picture: UsualPicture) -> None:
    """Keep a picture in place of the member's earlier one; where there are too many, the longest unseen goes.

    One that is too large or no JPEG is not kept.
    """
    if not is_small_jpeg(picture.jpeg):
        return
    pictures.pop(member_id, None)
    pictures[member_id] = picture
    while len(pictures) > PICTURES_KEPT:
        del pictures[next(iter(pictures))]


def forget_before(pictures: Pictures, wall_s: float) -> None:
    """Drop what was taken before a Unix time; a picture of unknown date stays."""
    for member_id in [i for i, p in pictures.items() if p.wall_s is not None and p.wall_s < wall_s]:
        del pictures[member_id]


def pictures_as_arrays(pictures: Pictures) -> dict[str, npt.NDArray[Any]]:
    """All pictures as four arrays: numbers, sizes, times `[n, 2]` (NaN for an unknown date), and the bytes in a row."""
    kept = list(pictures.items())
    return {
        "picture_ids": np.array([i for i, _ in kept], np.int64),
        "picture_sizes": np.array([len(p.jpeg) for _, p in kept], np.int64),
        "picture_times": np.array([(p.time_s, np.nan if p.wall_s is None else p.wall_s) for _, p in kept], np.float64).reshape(-1, 2),
        "picture_bytes": np.frombuffer(b"".join(p.jpeg for _, p in kept), np.uint8),
    }


def pictures_of_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Pictures:
    """The pictures again.

    Raises:
        ValueError: the arrays do not belong together, or what they hold is no small JPEG.
    """
    ids, sizes, times, content = (arrays[f"picture_{name}"] for name in ("ids", "sizes", "times", "bytes"))
    count = len(ids)
    shapes_fit = ids.shape == sizes.shape == (count,) and times.shape == (count, 2) and content.ndim == 1
    types_fit = ids.dtype == sizes.dtype == np.int64 and times.dtype == np.float64 and content.dtype == np.uint8
    if not shapes_fit or not types_fit or count > PICTURES_KEPT or len(np.unique(ids)) != count:
        raise ValueError("pictures")
    if (sizes < 0).any() or (sizes > PICTURE_BYTES).any() or int(sizes.sum()) != len(content) or not np.isfinite(times[:, 0]).all():
        raise ValueError("picture sizes")
    pictures: Pictures = {}
    at = 0
    for member_id, size, (time_s, wall_s) in zip(ids.tolist(), sizes.tolist(), times.tolist(), strict=True):
        jpeg = content[at : at + size].tobytes()
        at += size
        if not is_small_jpeg(jpeg):
            raise ValueError("picture")
        pictures[member_id] = UsualPicture(jpeg, time_s, wall_s if np.isfinite(wall_s) else None)
    return pictures
