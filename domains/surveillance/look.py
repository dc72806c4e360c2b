"""The look of what happens before a camera, as one vector: the packaged image encoder over the part of the picture that matters."""

from __future__ import annotations

import numpy as np

from core.encoders.image import SIDE_PX, ImageEncoder
from core.encoders.pictures import region_square
from core.samples import ByteArray, FloatArray
from domains.surveillance.moments import region_of_interest
from domains.surveillance.scene import Scene

MINUTE_S = 60.0


class Looker:
    """Embeds pictures; shared by all cameras."""

    def __init__(self, threads: int = 1) -> None:
        """Load the encoder.

        Args:
            threads: CPU threads of one look.

        Raises:
            ModelError: its weights are not here; says how to get them.
        """
        self._encoder = ImageEncoder(threads=threads)

    def __call__(self, bgr: ByteArray, scene: Scene) -> FloatArray:
        """One vector `[1280]`.

        Args:
            bgr: `[height, width, 3]`.
            scene: says where to look: at whoever stands out, else at what moves.
        """
        region = np.array(region_of_interest(scene), np.float32)
        square = region_square(bgr[..., ::-1], region, 0.0, SIDE_PX)
        return np.asarray(self._encoder.glance([square])[0][0], np.float32)


class Ration:
    """At most so many a minute, evenly: one may be taken every `60 / per_minute` seconds."""

    def __init__(self, per_minute: float) -> None:
        self._every_s = MINUTE_S / per_minute if per_minute > 0 else float("inf")
        self._taken_s: float | None = None

    def take(self, time_s: float) -> bool:
        """Whether one may be had now; it is then taken. A clock that goes back starts afresh."""
        if self._every_s == float("inf"):
            return False
        if self._taken_s is not None and 0.0 <= time_s - self._taken_s < self._every_s - 1e-3:
            return False
        self._taken_s = time_s
        return True
