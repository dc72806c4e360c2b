"""The life of one kind of alert as a table: state and signal to the next state and what to do."""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    """Where a kind stands."""

    IDLE = auto()
    RISING = auto()  # at or above `on`, not yet for `min_duration_s`
    OPEN = auto()
    FALLING = auto()  # open, below `off`, not yet for `clear_s`
    COOLING = auto()  # closed less than `cooldown_s` ago: what comes back continues the old alert
    RETURNING = auto()  # rising again while cooling


class Signal(Enum):
    """What can happen to a kind."""

    HIGH = auto()  # a score at or above `on`
    MIDDLE = auto()  # from `off` up to `on`
    LOW = auto()  # below `off`
    LASTED = auto()  # high for `min_duration_s`
    CLEARED = auto()  # low for `clear_s`
    SILENT = auto()  # no judgement came for long
    COOLED = auto()  # `cooldown_s` have passed since the end


class Action(Enum):
    """What a transition does."""

    NOTHING = auto()
    BEGIN = auto()  # remember when it rose
    OPEN_NEW = auto()
    REOPEN = auto()
    HOLD = auto()  # it still holds: move the end
    FALL = auto()  # remember since when it is low
    CLOSE = auto()
    FORGET = auto()


TRANSITIONS: dict[tuple[State, Signal], tuple[State, Action]] = {
    (State.IDLE, Signal.HIGH): (State.RISING, Action.BEGIN),
    (State.RISING, Signal.MIDDLE): (State.IDLE, Action.NOTHING),
    (State.RISING, Signal.LOW): (State.IDLE, Action.NOTHING),
    (State.RISING, Signal.SILENT): (State.IDLE, Action.NOTHING),
    (State.RISING, Signal.LASTED): (State.OPEN, Action.OPEN_NEW),
    (State.OPEN, Signal.HIGH): (State.OPEN, Action.HOLD),
    (State.OPEN, Signal.MIDDLE): (State.OPEN, Action.HOLD),
    (State.OPEN, Signal.LOW): (State.FALLING, Action.FALL),
    (State.OPEN, Signal.SILENT): (State.COOLING, Action.CLOSE),
    (State.FALLING, Signal.HIGH): (State.OPEN, Action.HOLD),
    (State.FALLING, Signal.MIDDLE): (State.OPEN, Action.HOLD),
    (State.FALLING, Signal.CLEARED): (State.COOLING, Action.CLOSE),
    (State.COOLING, Signal.HIGH): (State.RETURNING, Action.BEGIN),
    (State.COOLING, Signal.COOLED): (State.IDLE, Action.FORGET),
    (State.RETURNING, Signal.MIDDLE): (State.COOLING, Action.NOTHING),
    (State.RETURNING, Signal.LOW): (State.COOLING, Action.NOTHING),
    (State.RETURNING, Signal.SILENT): (State.COOLING, Action.NOTHING),
    (State.RETURNING, Signal.LASTED): (State.OPEN, Action.REOPEN),
}
"""A signal that is not listed for a state changes nothing."""
