"""The patient's record as entries with times, units and where each comes from; whatever it was read from.

An entry is used for a study only if it was known when the study was taken. What identifies a person is kept out of every `repr`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domains.medical.study import Patient


class EntryKind(StrEnum):
    """What an entry tells of."""

    CONDITION = "condition"
    VITAL = "vital"
    LABORATORY = "laboratory"
    MEDICATION = "medication"
    PROCEDURE = "procedure"
    ALLERGY = "allergy"
    REPORT = "report"
    HISTORY = "history"
    SYMPTOM = "symptom"


class Level(StrEnum):
    """A number against its reference range."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that the record says.

    Attributes:
        id: within its record, such as `Observation/o1` or `vitals.csv:3`; sentences rest on it.
        kind: what it tells of.
        name: in plain words in lower case: `temperature`, `cough`, `type 2 diabetes mellitus`.
        value: a number in `unit`, words, or None where the name says it all.
        unit: UCUM as pint reads it (`degC`, `1/min`, `mmol/L`); empty for words.
        low, high: the reference range in `unit`, or None.
        system, code: of a terminology; empty where none was given.
        at_wall_s: Unix time since when it was known, or None where the record does not say.
        negated: it is known not to be so (`no cough`, a refuted condition).
        text: as written, for free text.
    """

    id: str
    kind: EntryKind
    name: str = field(repr=False)
    value: float | str | None = field(default=None, repr=False)
    unit: str = ""
    low: float | None = None
    high: float | None = None
    system: str = ""
    code: str = ""
    at_wall_s: float | None = None
    negated: bool = False
    text: str = field(default="", repr=False)

    @property
    def level(self) -> Level:
        """Against its reference range."""
        if not isinstance(self.value, float | int) or (self.low is None and self.high is None):
            return Level.UNKNOWN
        if self.low is not None and self.value < self.low:
            return Level.LOW
        return Level.HIGH if self.high is not None and self.value > self.high else Level.NORMAL


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one patient besides the pictures.

    Attributes:
        patient: whom it is of.
        entries: in order of time, those without one last.
        problems: what was left out and why, one line each; no identifier in them.
    """

    patient: Patient
    entries: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = ()

    def of(self, *kinds: EntryKind) -> tuple[Entry, ...]:
        """The entries of these kinds."""
        return tuple(e for e in self.entries if e.kind in kinds)

    def known_at(self, wall_s: float | None) -> Record:
        """Only what was known at a time.

        An entry without a time came with the study and is kept, but a report must say when it was written. Where the study
        itself has no time, nothing can be left out, and that is said.
        """
        if wall_s is None:
            return replace(self, problems=(*self.problems, "the study has no time: the whole record was used"))
        kept = tuple(e for e in self.entries if (e.kind is not EntryKind.REPORT if e.at_wall_s is None else e.at_wall_s <= wall_s))
        left_out = len(self.entries) - len(kept)
        note = (f"{left_out} entries were left out: not known when the study was taken",) if left_out else ()
        return replace(self, entries=kept, problems=(*self.problems, *note))


def in_time(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Sorted by time, those without one last, in the order given among equals."""
    return tuple(sorted(entries, key=lambda e: (e.at_wall_s is None, e.at_wall_s or 0.0)))
