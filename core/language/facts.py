"""Facts and the sentences that rest on them: the values that the language rooms take and give."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import InputError

MAX_TEXT_CHARACTERS = 200
PRESENCE = "presence"

SIDES = frozenset({"left", "right"})
ZONES = frozenset({"upper", "middle", "lower", "apical", "basal", "anterior", "posterior", "medial", "lateral", "front", "rear"})


class Bound(StrEnum):
    """How a number relates to what was measured."""

    EXACT = "exact"
    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From when to when, in seconds of the source's own clock."""

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s <= self.end_s):
            raise InputError(f"a time span from {self.start_s} s to {self.end_s} s is none: give finite seconds, the start first")

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known.

    Attributes:
        id: what sentences refer to it by.
        subject: what it is about, in the words a sentence would use: `pneumothorax`, `patient`, `person 2`.
        attribute: `presence` (the subject is there), or what of the subject is told: `temperature`, `sex`, `count`.
        value: a number, words, or None for `presence`.
        unit: of a number, as pint reads it (`degC`, `percent`, `km/h`); empty for a bare number.
        laterality: sides and zones out of `left`, `right`, `bilateral`, `upper`, `lower` ...; empty where none is known.
        time: when it held, or None.
        negated: the opposite is known: no pneumothorax, not male.
        probability: calibrated, of the statement as it stands (negation included), or None for what is certain.
        bound: whether a number is the value itself or a bound of it.
        is_patient_data: it may leave this machine only where that was configured explicitly.
        language: of the subject and of a value in words.
    """

    id: str
    subject: str
    attribute: str = PRESENCE
    value: float | str | None = None
    unit: str = ""
    laterality: frozenset[str] = field(default_factory=frozenset)
    time: TimeSpan | None = None
    negated: bool = False
    probability: float | None = None
    bound: Bound = Bound.EXACT
    is_patient_data: bool = False
    language: str = "en"

    def __post_init__(self) -> None:
        where = f"fact {self.id[:40]!r}"
        words = (self.id, self.subject, self.attribute, *([self.value] if isinstance(self.value, str) else []))
        if any(not w.strip() or len(w) > MAX_TEXT_CHARACTERS or not w.isprintable() for w in words):
            raise InputError(f"{where}: id, subject, attribute and value need 1 to {MAX_TEXT_CHARACTERS} printable characters each")
        if (self.attribute == PRESENCE) != (self.value is None):
            raise InputError(f"{where}: {PRESENCE} has no value and every other attribute has one")
        if isinstance(self.value, float | int) and not math.isfinite(self.value):
            raise InputError(f"{where}: the value is not a finite number")
        if self.probability is not None and not 0.0 <= self.probability <= 1.0:
            raise InputError(f"{where}: the probability {self.probability} is not between 0 and 1")
        if unknown := self.laterality - SIDES - ZONES - {"bilateral"}:
            raise InputError(f"{where}: laterality {sorted(unknown)} is not known; use {sorted(SIDES | ZONES | {'bilateral'})}")
        if "bilateral" in self.laterality and self.laterality & SIDES:
            raise InputError(f"{where}: bilateral and one side exclude each other")

    @property
    def number(self) -> float | None:
        """The value as a number, or None where it is words or nothing."""
        return None if self.value is None or isinstance(self.value, str) else float(self.value)

    @property
    def is_count(self) -> bool:
        """A whole number without a unit, which must be told exactly."""
        return self.number is not None and not self.unit and float(self.number).is_integer()


class ReasonKind(StrEnum):
    """Why a sentence was dropped."""

    NEGATION = "negation"
    NUMBER = "number"
    UNIT = "unit"
    LATERALITY = "laterality"
    TIME = "time"
    NAME = "name"  # a word that no fact carries
    HEDGE = "hedge"
    COMPARATIVE = "comparative"
    QUANTIFIER = "quantifier"
    INCOMPLETE = "incomplete"  # what the fact carries and the sentence may not leave out
    AMBIGUOUS = "ambiguous"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the grounding check found.

    Attributes:
        ok: every part of the sentence rests on a fact.
        reasons: why not; empty when ok.
        fact_ids: the facts it rests on, or those that came nearest.
    """

    ok: bool
    reasons: tuple[ReasonKind, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and the ids of the facts it rests on."""

    text: str
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence that did not pass, and why."""

    text: str
    reasons: tuple[ReasonKind, ...]
    fact_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """Sentences that passed the check, and those that did not."""

    sentences: tuple[Sentence, ...]
    dropped: tuple[Dropped, ...]

    @property
    def text(self) -> str:
        return " ".join(s.text for s in self.sentences)
