"""A line of a report before it is a sentence: its words, the facts it may say, what it rests on; kept only if it is grounded.

Each line is held against its own facts by `core.language.grounding.check`. Words that somebody wrote are quoted as they stand:
the frame around a quotation is checked like any other sentence, the quotation by being part of its source.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum

from core.errors import InputError
from core.language.facts import MAX_TEXT_CHARACTERS, Fact
from core.language.grounding import check
from domains.medical.report import ReportSentence, Section

logger = logging.getLogger(__name__)

QUOTATION = "quotation a"  # stands for the quoted words while the frame is checked
MOST_QUOTED = 600  # characters in one sentence
_LEAST_CUT = 0.5  # of the most, from which on a quotation is cut at a full stop

_BLANKS = re.compile(r"\s+")


class Reason(StrEnum):
    """Why a line was dropped, beside the reasons of the grounding check."""

    QUOTATION = "not as its source says"
    EVIDENCE = "no evidence"


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be said, and why it may be.

    Attributes:
        section: where it stands.
        text: as it reads, with `QUOTATION` where quoted words go.
        facts: all that it may say.
        evidence: ids of what it rests on.
        quote: the words for `QUOTATION`, or empty.
        source: where they were quoted from.
        otherwise: said instead where this line is not grounded.
    """

    section: Section
    text: str = field(repr=False)
    facts: tuple[Fact, ...] = field(repr=False)
    evidence: tuple[str, ...]
    quote: str = field(default="", repr=False)
    source: str = field(default="", repr=False)
    otherwise: Line | None = field(default=None, repr=False)


def settle(lines: Sequence[Line], known: Iterable[str]) -> tuple[tuple[ReportSentence, ...], tuple[str, ...]]:
    """Lines as sentences, as far as they are grounded.

    Args:
        lines: in the order they are to be read.
        known: ids of the evidence that there is.

    Returns:
        The sentences, and those that were dropped with the reasons.
    """
    ids = frozenset(known)
    kept: list[ReportSentence] = []
    dropped: list[str] = []
    for line in lines:
        sentence, reasons = _settled(line, ids, f"s{len(kept) + 1}")
        if sentence is not None:
            kept.append(sentence)
        else:
            logger.warning("a sentence on the %s was dropped: %s", line.section, ", ".join(reasons))
            dropped.append(f"{line.section}: {_shown(line)} ({', '.join(reasons)})")
    return tuple(kept), tuple(dropped)


def _settled(line: Line, ids: frozenset[str], identity: str) -> tuple[ReportSentence | None, tuple[str, ...]]:
    reasons = why_not(line, ids)
    if not reasons:
        return ReportSentence(id=identity, section=line.section, text=_shown(line), evidence=line.evidence), ()
    if line.otherwise is not None:
        sentence, others = _settled(line.otherwise, ids, identity)
        return sentence, (*reasons, *others)
    return None, reasons


def why_not(line: Line, ids: frozenset[str]) -> tuple[str, ...]:
    """Why a line may not be said; empty when it may."""
    reasons = [str(reason) for reason in check(line.text, line.facts).reasons]
    if line.quote and (line.quote not in line.source or line.text.count(QUOTATION) != 1):
        reasons.append(str(Reason.QUOTATION))
    if not line.evidence or not ids.issuperset(line.evidence):
        reasons.append(str(Reason.EVIDENCE))
    return tuple(dict.fromkeys(reasons))


def _shown(line: Line) -> str:
    return line.text.replace(QUOTATION, f"“{line.quote}”") if line.quote else line.text


def quoted(section: Section, opening: str, written: str, evidence: tuple[str, ...], *, most: int = 1) -> list[Line]:
    """What somebody wrote, as lines `Opening: “...”.` that each hold some hundred characters.

    Args:
        section: where they stand.
        opening: what it is, such as `History`.
        written: by whomever; made one line.
        evidence: ids.
        most: lines at most; what goes beyond is left out, and the last line shows it by three dots outside of the quotation.
    """
    source = plain(written)
    told = Fact("quoted", opening.lower(), "words", QUOTATION, is_patient_data=True)
    pieces = _pieces(source)
    lines = [Line(section, f"{opening}: {QUOTATION}{_stop(piece)}", (told,), evidence, piece, source) for piece in pieces[:most]]
    if len(pieces) > most and lines:
        last = lines[-1]
        lines[-1] = Line(section, f"{opening}: {QUOTATION} ...", last.facts, evidence, last.quote, source)
    return lines


def _stop(piece: str) -> str:
    return "" if piece.endswith((".", "!", "?")) else "."


def _pieces(source: str) -> list[str]:
    pieces: list[str] = []
    left = source
    while len(left) > MOST_QUOTED:
        stop = left.rfind(". ", int(MOST_QUOTED * _LEAST_CUT), MOST_QUOTED) + 1
        stop = stop or left.rfind(" ", int(MOST_QUOTED * _LEAST_CUT), MOST_QUOTED)
        stop = stop if stop > 0 else MOST_QUOTED
        pieces.append(left[:stop].strip())
        left = left[stop:].strip()
    return [piece for piece in (*pieces, left) if piece]


def plain(text: str) -> str:
    """Words on one line, without what cannot be printed; quotation marks as plain ones, so that none can end a quotation."""
    one_line = _BLANKS.sub(" ", text).strip()
    return "".join(c for c in one_line if c.isprintable()).replace("“", '"').replace("”", '"')


def short(text: str, most: int = MAX_TEXT_CHARACTERS) -> str:
    """`plain`, cut at a length that a fact can hold."""
    return plain(text)[:most].strip()


def fact(identity: str, subject: str, attribute: str, value: float | str, unit: str = "", *, is_patient_data: bool = False) -> Fact:
    """A certain fact other than presence."""
    return Fact(identity, subject, attribute, value, unit, is_patient_data=is_patient_data)


def day(wall_s: float | None, zone: tzinfo, *, with_time: bool = False) -> str:
    """A Unix time as `2026-03-02` or `2026-03-02 14:05`, or `date not stated`."""
    if wall_s is None:
        return "date not stated"
    try:
        moment = datetime.fromtimestamp(wall_s, zone)
    except (OverflowError, OSError, ValueError) as error:
        raise InputError(f"{wall_s} is no Unix time that a calendar holds; give seconds since 1970") from error
    return moment.strftime("%Y-%m-%d %H:%M" if with_time else "%Y-%m-%d")
