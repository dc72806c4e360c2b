"""From judgements to alerts: when an alert opens, what continues it, when it closes.

Each kind of a camera goes through the states of `policy_states`. Time comes only from the arguments, so a recording gives
the same alerts at any speed.

Decisions worth knowing:

* A mute keeps alerts from opening and from coming back. One that is already open goes on to its true end and is closed as
  usual, so that the record stays right.
* Judgements that stop coming (a broken stream) leave an alert open for the longer of `clear_s` and `cooldown_s`; when they
  come back in time, it continues. Otherwise it closes, its end the last moment at which it held.
* A subject that was alerted and has not moved since does not open its kind again.
* A clock that goes back by more than `CLOCK_BACK_S` closes what is open and starts afresh; less is jitter between sound
  and picture and counts as no time.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from core.alerts import Alert, AlertState, Box
from domains.contract import Silence
from domains.surveillance.config import PolicySettings, SurveillanceSettings
from domains.surveillance.judgement import Judgement, Way
from domains.surveillance.policy_states import TRANSITIONS, Action, Signal, State
from domains.surveillance.schedule import is_in_force, zone_named

CLOCK_BACK_S = 5.0
RISE_BREAK_S = 10.0
"""A rise with no judgement for this long (or `clear_s`, if longer) starts again."""
END_STEP_S = 1.0
"""An end that moved less is not worth a row."""
SCORE_STEP = 0.01
UNMOVED_OVERLAP = 0.7
"""Intersection over union above which a box is in the same place."""
REMEMBERED_SUBJECTS = 64

_DIGITS = re.compile(r"[\d.]+")


def _new_id() -> str:
    return uuid.uuid4().hex


def _no_mutes(wall_s: float | None) -> Sequence[Silence]:  # noqa: ARG001 - the shape of `mutes`
    return ()


@dataclass(slots=True)
class _Kind:
    """What is remembered of one kind."""

    state: State = State.IDLE
    judged_s: float = -math.inf
    since_s: float = 0.0  # when it rose or fell, by the state
    since_wall_s: float | None = None
    alert: Alert | None = None  # open, or closed and cooling
    emitted: Alert | None = None
    alerted: dict[int, Box | None] = field(default_factory=dict)  # track to where it was when last alerted
    alerted_until_s: float = -math.inf


class AlertPolicy:
    """Turns one camera's judgements into alerts.

    Attributes:
        camera: whose judgements it takes.
        domain: written into each alert.
    """

    def __init__(
        self,
        settings: SurveillanceSettings,
        camera: str,
        domain: str = "surveillance",
        mutes: Callable[[float | None], Sequence[Silence]] = _no_mutes,
        new_id: Callable[[], str] = _new_id,
    ) -> None:
        """Get ready.

        Args:
            settings: policy, profiles and time zone are used.
            camera: the camera's name.
            domain: the domain's name.
            mutes: what is muted at a Unix time.
            new_id: gives 32 hexadecimal digits.

        Raises:
            ConfigError: the time zone does not exist.
        """
        self.camera = camera
        self.domain = domain
        self._settings = settings
        self._time_zone = zone_named(settings.time_zone)
        self._mutes = mutes
        self._new_id = new_id
        self._kinds: dict[str, _Kind] = {}
        self._now_s = -math.inf

    @property
    def open_alerts(self) -> tuple[Alert, ...]:
        """What is open now."""
        return tuple(k.alert for k in self._kinds.values() if k.alert and k.alert.state is AlertState.OPEN)

    def step(self, judgements: Sequence[Judgement], time_s: float, wall_s: float | None) -> tuple[Alert, ...]:
        """Take the judgements of a moment; call it also without any, so that time goes on.

        Args:
            judgements: of this camera, any kinds, none or several of each.
            time_s: now, on the camera's clock.
            wall_s: now, Unix time, or None.

        Returns:
            Alerts that opened, changed in what is worth storing, or closed, in the order in which they did.
        """
        out: list[Alert] = []
        if not math.isfinite(time_s):
            return ()
        if time_s < self._now_s - CLOCK_BACK_S:
            out += self._start_afresh()
        self._now_s = max(self._now_s, time_s)
        now_s = self._now_s
        profile = self._profile(wall_s)
        mutes = self._mutes(wall_s)
        for judgement in judgements:
            kind = self._kinds.setdefault(judgement.kind, _Kind())
            at_s = judgement.time_s if math.isfinite(judgement.time_s) else now_s
            at_s = min(max(at_s, kind.judged_s), max(now_s, kind.judged_s))
            self._pass_time(kind, at_s, profile, out)
            is_muted = any(m.covers(self.camera, judgement.kind) for m in mutes)
            self._judge(kind, judgement, at_s, wall_s, profile, is_muted, out)
        for kind in self._kinds.values():
            self._pass_time(kind, now_s, profile, out)
        return tuple(out)

    def finish(self, time_s: float | None = None, wall_s: float | None = None) -> tuple[Alert, ...]:
        """Close what is open: the source has ended.

        Args:
            time_s: the source's end, where it is known; what would have closed by then closes first.
            wall_s: the same as Unix time, where it is known.
        """
        out = list(self.step((), time_s, wall_s)) if time_s is not None else []
        return tuple(out + self._start_afresh())

    def _start_afresh(self) -> list[Alert]:
        out: list[Alert] = []
        for kind in self._kinds.values():
            if kind.state in (State.OPEN, State.FALLING):
                self._act(kind, Action.CLOSE, None, 0.0, None, out)
        self._kinds.clear()
        self._now_s = -math.inf
        return out

    def _profile(self, wall_s: float | None) -> PolicySettings:
        for profile in self._settings.profiles.values():
            if is_in_force(profile.schedule, wall_s, self._time_zone, when_unknown=False):
                return profile
        return self._settings.policy

    def _judge(
        self,
        kind: _Kind,
        judgement: Judgement,
        at_s: float,
        wall_s: float | None,
        profile: PolicySettings,
        is_muted: bool,
        out: list[Alert],
    ) -> None:
        signal = _level(judgement.score, profile)
        is_closed = kind.state not in (State.OPEN, State.FALLING)
        if is_closed and (is_muted or (kind.state in (State.IDLE, State.RISING) and _is_unmoved(kind, judgement, at_s))):
            signal = Signal.LOW
        kind.judged_s = at_s
        # the moment's own wall time, by its distance from now
        moment_wall_s = (
            judgement.wall_s if judgement.wall_s is not None else (wall_s - (self._now_s - at_s) if wall_s is not None else None)
        )
        self._signal(kind, signal, judgement, at_s, moment_wall_s, out)
        min_duration_s = 0.0 if judgement.way is Way.HEALTH else profile.min_duration_s
        if signal is Signal.HIGH and kind.state in (State.RISING, State.RETURNING) and at_s - kind.since_s >= min_duration_s:
            self._signal(kind, Signal.LASTED, judgement, at_s, moment_wall_s, out)

    def _pass_time(self, kind: _Kind, now_s: float, profile: PolicySettings, out: list[Alert]) -> None:
        while (signal := _due(kind, now_s, profile)) is not None:
            self._signal(kind, signal, None, now_s, None, out)

    def _signal(
        self, kind: _Kind, signal: Signal, judgement: Judgement | None, at_s: float, wall_s: float | None, out: list[Alert]
    ) -> None:
        step = TRANSITIONS.get((kind.state, signal))
        if step is not None:
            kind.state = step[0]
            self._act(kind, step[1], judgement, at_s, wall_s, out)

    def _act(self, kind: _Kind, action: Action, judgement: Judgement | None, at_s: float, wall_s: float | None, out: list[Alert]) -> None:
        if action is Action.BEGIN:
            kind.since_s, kind.since_wall_s = at_s, wall_s
        elif action is Action.FALL:
            kind.since_s = at_s
        elif action is Action.FORGET:
            kind.alert = kind.emitted = None
        elif action is Action.CLOSE and kind.alert is not None:
            kind.alert = replace(kind.alert, state=AlertState.CLOSED)
            self._emit(kind, out)
        elif action is Action.OPEN_NEW and judgement is not None:
            kind.alert = self._opened(kind, judgement, at_s)
            _remember(kind, judgement, at_s)
            self._emit(kind, out)
        elif action in (Action.HOLD, Action.REOPEN) and judgement is not None and kind.alert is not None:
            kind.alert = _held(kind.alert, judgement, at_s)
            _remember(kind, judgement, at_s)
            if action is Action.REOPEN or kind.emitted is None or _is_worth_storing(kind.emitted, kind.alert):
                self._emit(kind, out)

    def _emit(self, kind: _Kind, out: list[Alert]) -> None:
        if kind.alert is not None:
            kind.emitted = kind.alert
            out.append(kind.alert)

    def _opened(self, kind: _Kind, judgement: Judgement, at_s: float) -> Alert:
        return Alert(
            id=self._new_id(),
            domain=self.domain,
            source=self.camera,
            kind=judgement.kind,
            way=judgement.way.value,
            state=AlertState.OPEN,
            start_s=kind.since_s,
            end_s=at_s,
            wall_start_s=kind.since_wall_s,
            wall_end_s=None if kind.since_wall_s is None else kind.since_wall_s + (at_s - kind.since_s),
            score=judgement.score,
            reason=judgement.reason,
            contributions=judgement.contributions,
            boxes=judgement.boxes,
            details=judgement.details,
        )


def _level(score: float, profile: PolicySettings) -> Signal:
    if score >= profile.on and score > 0:  # a score of 0 says that nothing is wrong, whatever `on` is
        return Signal.HIGH
    return Signal.MIDDLE if score >= profile.off and score > 0 else Signal.LOW


def _due(kind: _Kind, now_s: float, profile: PolicySettings) -> Signal | None:
    """What time alone makes of a kind."""
    match kind.state:
        case State.FALLING if now_s - kind.since_s >= profile.clear_s:
            return Signal.CLEARED
        case State.OPEN if now_s - kind.judged_s > max(profile.clear_s, profile.cooldown_s):
            return Signal.SILENT
        case State.RISING | State.RETURNING if now_s - kind.judged_s > max(profile.clear_s, RISE_BREAK_S):
            return Signal.SILENT
        case State.COOLING if kind.alert is None or now_s - kind.alert.end_s > profile.cooldown_s:
            return Signal.COOLED
    return None


def _held(alert: Alert, judgement: Judgement, at_s: float) -> Alert:
    """The alert, still holding at a later moment; it tells of its strongest moment, of the latest among equals."""
    end_s = max(alert.end_s, at_s)
    wall_end_s = None if alert.wall_start_s is None else alert.wall_start_s + (end_s - alert.start_s)
    alert = replace(alert, state=AlertState.OPEN, end_s=end_s, wall_end_s=wall_end_s)
    if judgement.score < alert.score:
        return alert
    return replace(
        alert,
        score=judgement.score,
        reason=judgement.reason,
        contributions=judgement.contributions,
        boxes=judgement.boxes,
        details=judgement.details,
    )


def _is_worth_storing(stored: Alert, now: Alert) -> bool:
    return (
        now.score >= stored.score + SCORE_STEP
        or now.end_s >= stored.end_s + END_STEP_S
        or _DIGITS.sub("", now.reason) != _DIGITS.sub("", stored.reason)  # numbers alone wait for the end to move
    )


def _remember(kind: _Kind, judgement: Judgement, at_s: float) -> None:
    places = {box.track_id: box for box in judgement.boxes}
    for subject in judgement.subjects:
        kind.alerted.pop(subject, None)
        kind.alerted[subject] = places.get(subject)
    while len(kind.alerted) > REMEMBERED_SUBJECTS:
        kind.alerted.pop(next(iter(kind.alerted)))
    kind.alerted_until_s = at_s


def _is_unmoved(kind: _Kind, judgement: Judgement, at_s: float) -> bool:
    """Whether all subjects were alerted before and stayed where they were.

    `still_s` in the judgement's details, where a way gives it, tells one that went and came back from one that stayed.
    """
    if not judgement.subjects or any(s not in kind.alerted for s in judgement.subjects):
        return False
    still_s = judgement.details.get("still_s")
    if isinstance(still_s, (int, float)) and at_s - still_s > kind.alerted_until_s:
        return False
    places = {box.track_id: box for box in judgement.boxes}
    return all(_overlap(kind.alerted[s], places.get(s)) >= UNMOVED_OVERLAP for s in judgement.subjects)


def _overlap(a: Box | None, b: Box | None) -> float:
    """Intersection over union."""
    if a is None or b is None:
        return 0.0
    width = min(a.x2, b.x2) - max(a.x1, b.x1)
    height = min(a.y2, b.y2) - max(a.y1, b.y1)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - shared)
