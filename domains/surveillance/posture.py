"""How a person holds the body, from the box: its shape, and how tall it is beside how tall it was.

A box that is wider than high is a lying body; one that lost most of its height where it stands is bent or lying. A body cut
off by the picture's edge has no shape of its own and tells nothing.
"""

from __future__ import annotations

from collections import deque

from domains.surveillance.scene import Posture

LYING_SHAPE = 0.85  # height over width below which a body lies
UPRIGHT_SHAPE = 1.5  # and above which it is upright
BENT_SHARE = 0.68  # of its own height: bent below this
EDGE = 0.01  # a box that comes so near the picture's edge is cut by it
VOTE_S = 0.8  # the posture is what most looks of this span say


class PostureWatch:
    """The posture of one person over time."""

    def __init__(self) -> None:
        self._votes: deque[tuple[float, Posture]] = deque(maxlen=64)
        self._lying_since_s: float | None = None

    def step(self, posture: Posture, time_s: float) -> tuple[Posture, float]:
        """Take in what one look says.

        Args:
            posture: from that look; unknown looks do not vote.
            time_s: when.

        Returns:
            The posture by majority (the newest among equals), and for how long it has been lying.
        """
        if posture is not Posture.UNKNOWN:
            self._votes.append((time_s, posture))
        while len(self._votes) > 1 and self._votes[0][0] < time_s - VOTE_S:
            self._votes.popleft()
        if not self._votes:
            return Posture.UNKNOWN, 0.0
        said = [vote for _, vote in self._votes]
        settled = max(reversed(said), key=said.count)
        if settled is not Posture.LYING:
            self._lying_since_s = None
            return settled, 0.0
        if self._lying_since_s is None:
            self._lying_since_s = next(at for at, vote in self._votes if vote is Posture.LYING)
        return settled, time_s - self._lying_since_s


def posture_of_box(box: tuple[float, float, float, float], aspect: float, own_height: float) -> Posture:
    """What one box says.

    Args:
        box: x1 y1 x2 y2, fractions of the frame.
        aspect: the frame's width over its height.
        own_height: the tallest the person has been lately, in picture heights.
    """
    x1, y1, x2, y2 = box
    width, height = (x2 - x1) * aspect, y2 - y1
    if width <= 0.0 or height <= 0.0:
        return Posture.UNKNOWN
    shape = height / width
    reaches_in = x1 <= EDGE or x2 >= 1.0 - EDGE or y1 <= EDGE
    is_cut = reaches_in or y2 >= 1.0 - EDGE
    if shape < LYING_SHAPE:  # a hand that reaches in from a side is wide as well: only who stood before counts there
        return Posture.LYING if not reaches_in or height < BENT_SHARE * own_height else Posture.UNKNOWN
    if is_cut:
        return Posture.UPRIGHT if shape >= UPRIGHT_SHAPE and y2 < 1.0 - EDGE else Posture.UNKNOWN
    if shape < UPRIGHT_SHAPE or height < BENT_SHARE * own_height:
        return Posture.BENT
    return Posture.UPRIGHT
