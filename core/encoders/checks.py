"""What every encoder refuses: nothing at all, another modality, numbers that are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from core.errors import InputError
from core.samples import ByteArray, Observation, Payload

P = TypeVar("P", bound=Payload)


def payloads(observations: Sequence[Observation], kind: type[P], encoder: str) -> list[P]:
    """The payloads, all of one kind.

    Raises:
        InputError: there are none, or one is of another kind.
    """
    if not observations:
        raise InputError(f"{encoder}: nothing to encode")
    found: list[P] = []
    for observation in observations:
        if not isinstance(observation.payload, kind):
            raise InputError(f"{encoder} reads {kind.modality}; {observation.source} gave {observation.modality}")
        found.append(observation.payload)
    return found


def check_finite(array: npt.NDArray[Any], what: str, encoder: str) -> None:
    """Refuse NaN and infinity.

    Raises:
        InputError: a number is not finite.
    """
    if not np.isfinite(array).all():
        raise InputError(f"{encoder}: {what} hold a number that is not finite")


def check_picture(rgb: ByteArray, encoder: str) -> None:
    """Refuse what is no picture of bytes.

    Raises:
        InputError: not `[height, width, 3]` of bytes, or empty.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise InputError(f"{encoder}: a picture must be [height, width, 3] of bytes, not {list(rgb.shape)} of {rgb.dtype}")
