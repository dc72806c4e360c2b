"""How a camera itself fares, as judgements: offline, frozen, dark."""

from __future__ import annotations

import numpy as np

from core.samples import ByteArray
from domains.surveillance.judgement import Judgement, Way
from domains.surveillance.stream import CameraFrame, StreamChange, StreamState

OFFLINE = "camera-offline"
FROZEN = "camera-frozen"
DARK = "camera-dark"

SILENT_AFTER_S = 3.5
"""Without a frame for this long a camera counts as offline, whether the connection closed or hangs."""
FROZEN_AFTER_S = 30.0
DARK_AFTER_S = 10.0
DARK_LUMA = 20.0
"""Below this at its bright end, a picture is black: a covered lens or no light at all (limited-range black is 16)."""
LOOK_EVERY_S = 1.0
TICKS_APART_S = 2.0
"""Ticks further apart than this were not one silence."""
SUBSAMPLE = 8


class HealthWatch:
    """Judges one camera's stream.

    Attributes:
        camera: the camera's name.
    """

    def __init__(self, camera: str, silent_after_s: float = SILENT_AFTER_S) -> None:
        self.camera = camera
        self._silent_after_s = silent_after_s
        self._last_frame_s: float | None = None
        self._is_closed = False
        self._closed_reason = ""
        self._has_ended = False
        self._ticked_s = self._ticks_since_s = float("-inf")
        self._picture: ByteArray | None = None
        self._same_since_s = self._lit_s = self._looked_s = float("-inf")

    def see(self, frame: CameraFrame) -> tuple[Judgement, ...]:
        """A frame came: the camera is there; what does it show?"""
        self._last_frame_s = frame.time_s
        self._is_closed = self._has_ended = False
        judgements = [self._judgement(OFFLINE, frame.time_s, frame.wall_s, "")]
        if abs(frame.time_s - self._looked_s) >= LOOK_EVERY_S:
            if frame.time_s < self._looked_s:
                self._picture = None
            self._looked_s = frame.time_s
            judgements += self._look(frame)
        return tuple(judgements)

    def change(self, change: StreamChange) -> tuple[Judgement, ...]:
        """The connection came, went or ended."""
        if change.state is StreamState.ENDED:
            self._has_ended = True
            return ()
        if change.state is StreamState.ONLINE:
            # the alert ends with the first frame, not with a connection that may show nothing
            self._is_closed = self._has_ended = False
            return ()
        self._is_closed, self._closed_reason = True, change.reason
        reason = f"the camera went offline: {change.reason}" if change.reason else "the camera went offline"
        return (self._judgement(OFFLINE, change.time_s, change.wall_s, reason),)

    def tick(self, time_s: float, wall_s: float | None) -> tuple[Judgement, ...]:
        """Time passed and nothing came."""
        if self._has_ended:
            return ()
        if time_s - self._ticked_s > TICKS_APART_S:
            self._ticks_since_s = time_s  # something came since the last tick
        self._ticked_s = time_s
        # a source that never showed a picture may be a microphone: its silence is that of everything
        silent_s = time_s - (self._ticks_since_s if self._last_frame_s is None else self._last_frame_s)
        if self._is_closed:
            cause = f": {self._closed_reason}" if self._closed_reason else ""
            return (self._judgement(OFFLINE, time_s, wall_s, f"no picture for {max(silent_s, 0.0):.0f} s{cause}"),)
        if silent_s >= self._silent_after_s:
            return (self._judgement(OFFLINE, time_s, wall_s, f"no picture for {silent_s:.0f} s, the connection is still open"),)
        return ()

    def _look(self, frame: CameraFrame) -> list[Judgement]:
        picture = np.ascontiguousarray(frame.luma[::SUBSAMPLE, ::SUBSAMPLE])
        if self._picture is None:
            self._same_since_s = self._lit_s = frame.time_s
        elif picture.shape != self._picture.shape or not np.array_equal(picture, self._picture):
            self._same_since_s = frame.time_s
        self._picture = picture
        brightest = float(np.percentile(picture, 99))
        if brightest > DARK_LUMA:
            self._lit_s = frame.time_s
        same_s, dark_s = frame.time_s - self._same_since_s, frame.time_s - self._lit_s
        frozen = f"the picture has not changed by a single value for {same_s:.0f} s" if same_s >= FROZEN_AFTER_S else ""
        dark = f"the picture has been black for {dark_s:.0f} s (brightest luma {brightest:.0f} of 255)" if dark_s >= DARK_AFTER_S else ""
        return [
            # a black picture is often the same one; it is told as dark
            self._judgement(FROZEN, frame.time_s, frame.wall_s, "" if dark else frozen),
            self._judgement(DARK, frame.time_s, frame.wall_s, dark),
        ]

    def _judgement(self, kind: str, time_s: float, wall_s: float | None, reason: str) -> Judgement:
        share = {"video": 1.0} if reason else {}
        return Judgement(self.camera, Way.HEALTH, kind, time_s, wall_s, 1.0 if reason else 0.0, reason, share)
