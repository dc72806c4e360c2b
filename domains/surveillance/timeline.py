"""Put the time stamps of a container's streams on one clock that only goes on.

Cameras wrap at 33 bits, restart from zero, jump when their clock is set, or send no stamp at all. A jump moves the whole
stream back in place; the other stream of the same camera then moves by the same amount, so that sound and picture stay
together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av

WRAP_S = 2**33 / 90_000  # MPEG-TS stamps begin anew after 26.5 hours
BACK_S = 1.0  # going back further than this is a jump, less is jitter
AHEAD_S = 10.0  # going ahead further than this, and by many steps, is a jump
AHEAD_STEPS = 20
APART_S = 3600.0  # two streams of one camera that begin further apart do not share a clock
SAME_JUMP_S = 2.0  # how well the other stream's new place must fit to be taken over


@dataclass(slots=True)
class _Track:
    step_s: float
    shift_s: float | None = None
    last_s: float | None = None
    unstamped: int = 0


@dataclass(slots=True)
class Timeline:
    """The clock of one connection or file.

    Attributes:
        base_s: what the clock shows at the first stamp.
        origin_s: the stamp that is `base_s`, where the container says it; None takes the first that comes.
        jumps: how often a stream was put back in place.
    """

    base_s: float = 0.0
    origin_s: float | None = None
    jumps: int = 0
    _tracks: dict[int, _Track] = field(default_factory=dict)
    _newest_shift_s: float | None = None

    def add(self, stream: int, step_s: float) -> None:
        """Make a stream known.

        Args:
            stream: its index.
            step_s: usual time between two packets, for those that carry no stamp.
        """
        self._tracks[stream] = _Track(step_s if 0.0 < step_s < 3600.0 else 0.04)

    def mend(self, packet: av.Packet[Any], stream: int) -> float:
        """Move a packet's stamps, in place, on to the clock.

        Args:
            packet: as demuxed.
            stream: the index of its stream.

        Returns:
            Its time in seconds on the clock.
        """
        track = self._tracks[stream]
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            track.unstamped += 1
            track.last_s = self.base_s if track.last_s is None else track.last_s + track.step_s
            return track.last_s
        raw_s = float(stamp * packet.time_base)
        shift_s = self._shift(track, raw_s, packet)
        _move(packet, shift_s)
        shown_s = (raw_s + shift_s) if packet.pts is None else float(packet.pts * packet.time_base)
        track.last_s = raw_s + shift_s if track.last_s is None else max(track.last_s, raw_s + shift_s)
        return shown_s

    def _shift(self, track: _Track, raw_s: float, packet: av.Packet[Any]) -> float:
        if track.shift_s is None:
            track.shift_s = self._first_shift(track, raw_s, packet)
        elif track.last_s is not None:
            gap_s = raw_s + track.shift_s - track.last_s
            if gap_s < -BACK_S or gap_s > max(AHEAD_S, AHEAD_STEPS * track.step_s):
                track.shift_s = self._new_shift(track, raw_s, gap_s)
        return track.shift_s

    def _first_shift(self, track: _Track, raw_s: float, packet: av.Packet[Any]) -> float:
        if self._newest_shift_s is None:
            first_s = float(packet.pts * packet.time_base) if packet.pts is not None else raw_s
            origin_s = first_s - track.unstamped * track.step_s if self.origin_s is None else self.origin_s
            self._newest_shift_s = self.base_s - origin_s
        now_s = max((t.last_s for t in self._tracks.values() if t.last_s is not None), default=self.base_s)
        if abs(raw_s + self._newest_shift_s - now_s) > APART_S:
            self.jumps += 1
            return now_s - raw_s
        return self._newest_shift_s

    def _new_shift(self, track: _Track, raw_s: float, gap_s: float) -> float:
        assert track.last_s is not None
        assert track.shift_s is not None
        expected_s = track.last_s + track.step_s
        if self._newest_shift_s is not None and abs(raw_s + self._newest_shift_s - expected_s) < SAME_JUMP_S:
            return self._newest_shift_s
        self.jumps += 1
        if abs(gap_s + WRAP_S) < AHEAD_S:
            self._newest_shift_s = track.shift_s + WRAP_S
        else:
            self._newest_shift_s = expected_s - raw_s
        return self._newest_shift_s


def _move(packet: av.Packet[Any], shift_s: float) -> None:
    ticks = round(Fraction(shift_s) / packet.time_base)
    if packet.pts is not None:
        packet.pts += ticks
    if packet.dts is not None:
        packet.dts += ticks
