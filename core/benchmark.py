"""Measured figures, as every benchmark gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure.

    Attributes:
        name: what was measured.
        value: the figure; None where it could not be measured.
        unit: its unit.
        target: the bound it must meet, as words; empty for a figure without a bound.
        holds: whether it does; None without a bound or a value.
        peer: what it is compared with, or empty. A peer that is not installed is named as such here.
        peer_value: the peer's figure in the same run.
        interval: a 95 % interval or the spread over repetitions, low and high.
        note: the data, seed and anything a reader must know.
    """

    name: str
    value: float | None
    unit: str
    target: str = ""
    holds: bool | None = None
    peer: str = ""
    peer_value: float | None = None
    interval: tuple[float, float] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class BenchContext:
    """What a benchmark is given.

    Attributes:
        data: the folder of public data sets.
        scratch: a folder it may write to; gone afterwards.
        is_quick: the same metrics on less input, within minutes.
        say: tells a person how far it has come.
    """

    data: Path
    scratch: Path
    is_quick: bool
    say: Callable[[str], None]


Bench = Callable[[BenchContext], list[Metric]]
