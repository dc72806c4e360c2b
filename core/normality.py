"""What is usual here, and how unusual is this: learned from a stream without labels, in bounded memory.

A memory of distinct moments (a coreset, as in PatchCore, Roth et al., 2022), each with how often, on separate occasions, it
was visited at each hour of the day. A moment's distance is the mean over its `neighbours` nearest earlier visits, at about
this hour where the hour is known well enough, else at any. Visits of the event that is going on do not count, so an
event does not become usual while it lasts, and one seen once is still unusual the second time.

Calibration is by blocks of time rather than by moments, because neighbouring moments are not exchangeable: the largest
distance of every block is kept, and `core.tail` says how often a usual block reaches a distance. `rate_per_hour` is that,
as events an hour. The probability sets it against the rate of unusual events that the allowed false alerts stand for; at
exactly `false_alerts_per_hour` it is `ON_PROBABILITY`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import InputError
from core.normality_memory import BLOCKS_KEPT, HOURS, NOTE_CHARACTERS, UNKNOWN_HOUR, Memory, empty_memory
from core.normality_pictures import UsualPicture, put_picture
from core.samples import FloatArray
from core.tail import fit_tail

ON_PROBABILITY = 0.6
SAME_DISTANCE = 0.5
"""Moments closer than this (in scaled units) are the same moment."""
LEAST_SCALE = 0.25
STEP_LIMIT_S = 5.0
"""A gap in the stream counts as no more footage than this."""
RECALIBRATE_S = 300.0
PERSISTENT_S = 120.0
"""What goes on this long without being unusual is one more occasion."""
UNCAPPED = 1e9


@dataclass(frozen=True, slots=True)
class Example:
    """A usual moment, to be shown beside an unusual one.

    Attributes:
        id: its number in the memory.
        distance: how far it is.
        wall_s: Unix time of its last visit, or None.
        visits: on how many occasions it was seen.
        note: what it was, as the caller put it.
        picture: what it looked like, where that was kept.
    """

    id: int
    distance: float
    wall_s: float | None
    visits: int
    note: str
    picture: UsualPicture | None = None


@dataclass(frozen=True, slots=True)
class Strangeness:
    """How unusual a moment is.

    Attributes:
        distance: to the usual, in scaled units.
        rate_per_hour: how many events an hour of usual footage come this far out.
        probability: that it is unusual, 0 to 1; 0 while still learning.
        nearest: usual moments most like it, nearest first.
        expected: `[width]`, the mean of those, in the caller's units.
    """

    distance: float
    rate_per_hour: float
    probability: float
    nearest: tuple[Example, ...]
    expected: FloatArray


class Normality:
    """Learns what is usual and says how unusual a moment is.

    Attributes:
        scales: `[width]`, how much of each feature matters: a difference of this much counts as 1.
        memory: what was learned.
    """

    def __init__(
        self,
        scales: Sequence[float] | FloatArray,
        false_alerts_per_hour: float = 0.2,
        learn_for_s: float = 600.0,
        capacity: int = 1_024,
        neighbours: int = 3,
        event_s: float = 60.0,
        block_s: float = 30.0,
        known_hour_s: float = 6 * 3600.0,
        memory: Memory | None = None,
    ) -> None:
        """Get ready.

        Args:
            scales: one for each feature.
            false_alerts_per_hour: how many events an hour of usual footage may reach `ON_PROBABILITY`.
            learn_for_s: footage before anything is unusual.
            capacity: distinct moments kept.
            neighbours: occasions that make a moment usual.
            event_s: visits closer in time than this are one occasion.
            block_s: the stretch of time that calibration counts.
            known_hour_s: footage within an hour and a half of an hour of day before that hour is judged by itself.
            memory: what was learned before.

        Raises:
            InputError: the scales are not positive, or the memory is of another width.
        """
        self.scales = np.asarray(scales, np.float32)
        if self.scales.ndim != 1 or not np.all(np.isfinite(self.scales) & (self.scales > 0)):
            raise InputError("normality: each feature needs a positive scale")
        self.memory = empty_memory(len(self.scales)) if memory is None else memory
        if self.memory.vectors.shape[1] != len(self.scales):
            raise InputError(
                f"normality: {self.memory.vectors.shape[1]} features were learned, now there are {len(self.scales)}; learn anew"
            )
        self._rate = false_alerts_per_hour
        self._learn_for_s, self._capacity, self._neighbours = learn_for_s, capacity, neighbours
        self._event_s, self._block_s, self._known_hour_s = event_s, block_s, known_hour_s
        self._time_s: float | None = None
        self._block_end_s = self.memory.footage_s + block_s
        self._block_peak: tuple[float, FloatArray, int] | None = None
        self._is_odd = self._was_odd = False  # something unusual in this block, in the one before
        self._calibrated_s = -math.inf
        self._tail = fit_tail(np.empty(0, np.float32), LEAST_SCALE)
        self._last: tuple[bytes, int, int] | None = None  # the last vector, its member, its hour
        self.recalibrate()

    @property
    def footage_s(self) -> float:
        """How much it has seen."""
        return self.memory.footage_s

    @property
    def is_learning(self) -> bool:
        """Whether it has seen too little to call anything unusual."""
        return self.memory.footage_s < self._learn_for_s

    def see(
        self,
        vector: FloatArray,
        time_s: float,
        hour: float | None = None,
        wall_s: float | None = None,
        note: str = "",
        picture: Callable[[], bytes | None] | None = None,
    ) -> Strangeness:
        """Judge a moment, then learn it.

        Args:
            vector: `[width]`, in the caller's units.
            time_s: on the source's clock.
            hour: local hour of day, 0 up to 24, or None.
            wall_s: Unix time, or None.
            note: what to show when this moment is an example.
            picture: gives a small JPEG of it, or None; asked only where one is wanted (a new moment, a new occasion).

        Raises:
            InputError: the vector is of another width or not finite.
        """
        raw = np.asarray(vector, np.float32)
        if raw.shape != self.scales.shape or not np.all(np.isfinite(raw)):
            raise InputError(f"normality: a moment must be {len(self.scales)} finite numbers")
        scaled = raw / self.scales
        hour_bin = UNKNOWN_HOUR if hour is None else int(hour) % HOURS
        self._advance(time_s, hour_bin)
        if self._rests(scaled, hour_bin, wall_s):
            self._keep_picture(picture, time_s, wall_s)
            return Strangeness(0.0, 3600.0 / self._block_s, 0.0, (), raw)
        away = _distances(self.memory.vectors, scaled)
        strangeness = self._judge(away, hour_bin)
        self._note_peak(scaled, strangeness, hour_bin)
        member = self._learn(scaled, away, hour_bin, wall_s, note, strangeness.probability >= ON_PROBABILITY)
        self._last = (scaled.tobytes(), member, hour_bin)
        self._keep_picture(picture, time_s, wall_s)
        return strangeness

    def recalibrate(self) -> None:
        """Measure the past blocks against what is known now, and fit their tail."""
        memory = self.memory
        distances = np.empty(len(memory.peaks), np.float32)
        for i, peak in enumerate(memory.peaks):
            if memory.peak_caps[i] == 0.0:
                distances[i] = 0.0
                continue
            away = _distances(memory.vectors, peak)
            weights = self._weights(int(memory.peak_hours[i]))
            own = np.abs(memory.last_s - memory.peak_times_s[i]) < self._event_s
            if len(away) and away.min() < SAME_DISTANCE:
                own[int(np.argmin(away))] = True  # the peak itself visited it
            distances[i] = min(self._mean_of_nearest(away, weights - own), memory.peak_caps[i])
        self._tail = fit_tail(distances[np.isfinite(distances)], LEAST_SCALE)
        self._calibrated_s = memory.footage_s

    def values(self, feature: int) -> tuple[FloatArray, npt.NDArray[np.int64]]:
        """One feature of all that is usual, in the caller's units `[n]`, with how often each was visited `[n]`."""
        return self.memory.vectors[:, feature] * self.scales[feature], self.memory.visits.sum(axis=1).astype(np.int64)

    def _advance(self, time_s: float, hour_bin: int) -> None:
        memory = self.memory
        step_s = 0.0 if self._time_s is None else min(max(time_s - self._time_s, 0.0), STEP_LIMIT_S)
        self._time_s = time_s
        memory.footage_s += step_s
        memory.seen_s[hour_bin] += step_s
        if memory.footage_s >= self._block_end_s:
            self._end_block()
            self._block_end_s = memory.footage_s + self._block_s
        if memory.footage_s - self._calibrated_s >= (RECALIBRATE_S if not self.is_learning else self._block_s):
            self.recalibrate()

    def _end_block(self) -> None:
        memory = self.memory
        was_odd, self._was_odd, self._is_odd = self._was_odd, self._is_odd, False
        if was_odd and self._was_odd:  # the same unusual event goes on: it counts once
            self._block_peak = None
            return
        if self._block_peak is not None:
            _, vector, hour_bin = self._block_peak
            cap = UNCAPPED if self.is_learning else self._tail.level(self._rate * self._block_s / 3600.0)
        else:  # nothing but rest
            cap, vector, hour_bin = 0.0, np.zeros_like(self.scales), UNKNOWN_HOUR
        keep = slice(max(0, len(memory.peaks) + 1 - BLOCKS_KEPT), None)
        memory.peaks = np.concatenate([memory.peaks, vector[None]])[keep]
        memory.peak_times_s = np.append(memory.peak_times_s, memory.footage_s)[keep]
        memory.peak_hours = np.append(memory.peak_hours, np.int32(hour_bin))[keep].astype(np.int32)
        memory.peak_caps = np.append(memory.peak_caps, cap)[keep]
        self._block_peak = None

    def _note_peak(self, scaled: FloatArray, strangeness: Strangeness, hour_bin: int) -> None:
        self._is_odd |= strangeness.probability >= ON_PROBABILITY
        distance = strangeness.distance if math.isfinite(strangeness.distance) else 0.0
        if self._block_peak is None or distance > self._block_peak[0]:
            self._block_peak = (distance, scaled, hour_bin)

    def _rests(self, scaled: FloatArray, hour_bin: int, wall_s: float | None) -> bool:
        """Whether this is exactly the moment before, known and usual: then nothing needs to be computed."""
        if self._last is None or self._last[2] != hour_bin or self._last[0] != scaled.tobytes():
            return False
        member, memory = self._last[1], self.memory
        if memory.visits[member].sum() <= self._neighbours:
            return False
        self._visit(member, hour_bin, wall_s, is_odd=False)
        return True

    def _judge(self, away: FloatArray, hour_bin: int) -> Strangeness:
        memory = self.memory
        is_now = memory.footage_s - memory.last_s < self._event_s
        weights = self._weights(hour_bin) - is_now
        distance = self._mean_of_nearest(away, weights)
        per_hour = 3600.0 / self._block_s
        rate = per_hour * self._tail.exceedance(distance) if math.isfinite(distance) else 0.0
        prior = self._rate * ON_PROBABILITY / (1.0 - ON_PROBABILITY)
        order = [int(i) for i in np.argsort(away) if weights[i] > 0][: self._neighbours]
        nearest = tuple(self._example(i, float(away[i])) for i in order)
        expected = memory.vectors[order].mean(axis=0) * self.scales if order else np.zeros_like(self.scales)
        is_ready = not self.is_learning and math.isfinite(distance) and len(self._tail.values) > 0
        return Strangeness(distance, rate, prior / (prior + rate) if is_ready else 0.0, nearest, expected)

    def _weights(self, hour_bin: int) -> npt.NDArray[np.int64]:
        """Occasions that count at an hour, `[n]`: about that hour where it is known well, else at any."""
        memory = self.memory
        if hour_bin != UNKNOWN_HOUR:
            near = [(hour_bin + d) % HOURS for d in (-1, 0, 1)]
            if memory.seen_s[near].sum() >= self._known_hour_s:
                return np.asarray(memory.visits[:, near].sum(axis=1), np.int64)
        return np.asarray(memory.visits.sum(axis=1), np.int64)

    def _mean_of_nearest(self, away: FloatArray, weights: npt.NDArray[np.int64]) -> float:
        """Mean distance over the nearest `neighbours` visits; infinite where there are fewer."""
        order = np.argsort(away)
        counts = np.clip(weights[order], 0, self._neighbours)
        before = np.cumsum(counts) - counts
        taken = np.clip(self._neighbours - before, 0, counts)
        if taken.sum() < self._neighbours:
            return math.inf
        return float((away[order] * taken).sum() / self._neighbours)

    def _example(self, member: int, distance: float) -> Example:
        memory = self.memory
        wall_s = float(memory.last_wall_s[member])
        return Example(
            int(memory.ids[member]),
            distance,
            None if math.isnan(wall_s) else wall_s,
            int(memory.visits[member].sum()),
            memory.notes[member],
            memory.pictures.get(int(memory.ids[member])),
        )

    def _keep_picture(self, picture: Callable[[], bytes | None] | None, time_s: float, wall_s: float | None) -> None:
        """A picture of the member that was just visited, where it has none or this is a new occasion."""
        if picture is None or self._last is None:
            return
        memory, member = self.memory, self._last[1]
        member_id = int(memory.ids[member])
        is_new_occasion = memory.counted_s[member] == memory.footage_s
        if (is_new_occasion or member_id not in memory.pictures) and (jpeg := picture()):
            put_picture(memory.pictures, member_id, UsualPicture(jpeg, time_s, wall_s))

    def _learn(self, scaled: FloatArray, away: FloatArray, hour_bin: int, wall_s: float | None, note: str, is_odd: bool) -> int:
        memory = self.memory
        if len(away) and away.min() < SAME_DISTANCE:
            member = int(np.argmin(away))
            self._visit(member, hour_bin, wall_s, is_odd)
            return member
        if len(away) >= self._capacity:
            self._drop_one()
        memory.vectors = np.concatenate([memory.vectors, scaled[None]])
        visits = np.zeros((1, HOURS + 1), np.int32)
        visits[0, hour_bin] = 1
        memory.visits = np.concatenate([memory.visits, visits])
        memory.last_s = np.append(memory.last_s, memory.footage_s)
        memory.counted_s = np.append(memory.counted_s, memory.footage_s)
        memory.last_wall_s = np.append(memory.last_wall_s, np.nan if wall_s is None else wall_s)
        memory.ids = np.append(memory.ids, np.int64(memory.next_id))
        memory.notes.append(note[:NOTE_CHARACTERS])
        memory.next_id += 1
        return len(memory.vectors) - 1

    def _visit(self, member: int, hour_bin: int, wall_s: float | None, is_odd: bool) -> None:
        memory = self.memory
        is_persistent = not is_odd and memory.footage_s - memory.counted_s[member] >= PERSISTENT_S
        if memory.footage_s - memory.last_s[member] >= self._event_s or is_persistent:
            memory.visits[member, hour_bin] += 1
            memory.counted_s[member] = memory.footage_s
        memory.last_s[member] = memory.footage_s
        if wall_s is not None:
            memory.last_wall_s[member] = wall_s

    def _drop_one(self) -> None:
        """Make room: of the two members most alike, the one with fewer visits gives its visits to the other."""
        memory = self.memory
        squares = np.sum(memory.vectors**2, axis=1)
        away = squares[:, None] + squares[None, :] - 2.0 * memory.vectors @ memory.vectors.T
        np.fill_diagonal(away, np.inf)
        one, two = np.unravel_index(int(np.argmin(away)), away.shape)
        if memory.visits[one].sum() > memory.visits[two].sum():
            one, two = two, one
        memory.visits[two] += memory.visits[one]
        ids = memory.ids
        keep = np.arange(len(memory.vectors)) != one
        for name in ("vectors", "visits", "last_s", "counted_s", "last_wall_s", "ids"):
            setattr(memory, name, getattr(memory, name)[keep])
        memory.notes.pop(int(one))
        gone = memory.pictures.pop(int(ids[one]), None)
        if gone is not None and int(ids[two]) not in memory.pictures:
            put_picture(memory.pictures, int(ids[two]), gone)
        self._last = None


def _distances(vectors: FloatArray, vector: FloatArray) -> FloatArray:
    """Euclidean distances `[n]` from `[n, width]` to `[width]`."""
    return np.asarray(np.sqrt(np.sum((vectors - vector) ** 2, axis=1)), np.float32)
