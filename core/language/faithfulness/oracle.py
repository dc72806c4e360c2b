"""A strict reader of a model's sentence, apart from the grounding check: does it tell one fact and nothing else?

It knows which fact the model was given and compares what it can pull out of the sentence by plain patterns (all digits, all
negating words, all sides, all doubt) with the slots; each content word must be the fact's own or on a short list. It shares no
code and no list with the check. It errs on the side of calling a sentence unfaithful.
"""

from __future__ import annotations

import re

from core.language.facts import Bound, Fact

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_NEGATION = re.compile(r"\b(no|not|without|absent|absence|never|none|neither|nor|free of|cannot|isn't|doesn't|negative|lacks?)\b")
_SIDES = ("left", "right", "both", "bilateral", "upper", "lower")
_DOUBT = re.compile(r"\b(may|might|could|possibl[ey]|probabl[ey]|likely|unlikely|perhaps|probability|chance|suspected)\b")
_NUMERALS = re.compile(r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|hundred|half|double)\b")
_HARMLESS = frozenset(
    re.findall(
        r"\S+",
        "the a an is are was were be been has have had there it its this of in on at by with from to between and for that side sides "
        "sided present visible seen detected observed found recorded measured noted shown evidence sign value second seconds s c f "
        "celsius fahrenheit degree degrees percent per minute beats year years old millimeter millimeters mm meter meters metres m km h "
        "hour kilometers zone who which currently exists his her their located named called count number total patient",
    )
)
_UNIT = {
    "degC": r"(°\s?c|degrees? celsius|celsius)",
    "percent": r"(%|percent)",
    "1/min": r"(per minute|bpm)",
    "year": r"(years?)",
    "mm": r"(mm|millimet)",
    "km/h": r"(km/h|kilomet\w+ per hour|kmh|kph)",
    "m": r"(\bm\b|met(er|re)s?)",
    "mmHg": r"mmhg",
    "m/s": r"(m/s|met(er|re)s? per second)",
}


def is_faithful(text: str, fact: Fact) -> bool:
    """Whether a sentence written for this fact tells it, whole and nothing else."""
    told = text.lower().replace("’", "'").strip()
    names = [fact.subject.lower(), *([fact.value.lower()] if isinstance(fact.value, str) else [])]
    if not all(name in told or (name + "s") in told for name in names):
        return False
    bare = told
    for name in sorted([*names, fact.attribute.lower()], key=len, reverse=True):
        bare = bare.replace(name, " ")
    if not _numbers_agree(bare, fact) or bool(_NEGATION.search(bare)) != fact.negated or len(_NEGATION.findall(bare)) > 1:
        return False
    if not _sides_agree(bare, fact) or not _doubt_agrees(bare, fact) or _bound_words(bare) != fact.bound:
        return False
    if fact.number is not None and fact.unit and not re.search(_UNIT.get(fact.unit, re.escape(fact.unit.lower())), bare):
        return False
    if fact.number is not None and fact.attribute != "count" and not _attribute_named(told, fact):
        return False
    rest = _NEGATION.sub(" ", _DOUBT.sub(" ", bare))
    unknown = (
        set(re.findall(r"[^\W\d_]+", rest))
        - _HARMLESS
        - set(_SIDES)
        - {fact.unit.lower()}
        - {"above", "below", "over", "under", "more", "less", "than"}
    )
    return not unknown


def _attribute_named(told: str, fact: Fact) -> bool:
    return fact.attribute in told or (fact.attribute == "age" and "old" in told)


def _numbers_agree(bare: str, fact: Fact) -> bool:
    if _NUMERALS.search(bare):
        return False  # digits only: stricter than need be
    stated = sorted(float(n) for n in _NUMBER.findall(bare))
    must = [fact.number] if fact.number is not None else []
    may: list[float] = []
    if fact.time is not None:
        must += [fact.time.start_s, fact.time.end_s]
    if fact.probability is not None:
        may = [fact.probability, round(fact.probability * 100, 2)]
    left = list(stated)
    for number in must:
        near = [n for n in left if abs(n - number) < 1e-6 * max(1.0, abs(number))]
        if not near:
            return False
        left.remove(near[0])
    for number in list(left):
        if any(abs(number - m) < 1e-9 for m in may):
            is_percent = bool(re.search(rf"{re.escape(f'{number:g}')}\s?(%|percent)", bare))
            if is_percent == (number > 1.0) or number == 0.0:
                left.remove(number)
    return not left


def _sides_agree(bare: str, fact: Fact) -> bool:
    stated = {side for side in _SIDES if re.search(rf"\b{side}\b", bare)}
    if "both" in stated:
        stated = stated - {"both"} | {"bilateral"}
    if {"left", "right"} <= stated:
        stated = stated - {"left", "right"} | {"bilateral"}
    return stated == set(fact.laterality)


def _doubt_agrees(bare: str, fact: Fact) -> bool:
    found = _DOUBT.findall(bare)
    if fact.probability is None:
        return not found
    number_is_there = any(
        abs(float(n) - p) < 1e-9 for n in _NUMBER.findall(bare) for p in (fact.probability, round(fact.probability * 100, 2))
    )
    words = {w for w in found if w not in ("probability", "chance")}
    if words & {"unlikely"}:
        return fact.probability < 0.5
    if words & {"likely", "probable", "probably"} and fact.probability <= 0.5:
        return False
    return number_is_there or bool(words)


def _bound_words(bare: str) -> Bound:
    if re.search(r"\b(above|over|more than|greater than|higher than)\b|>", bare):
        return Bound.ABOVE
    if re.search(r"\b(below|under|less than|lower than|fewer than)\b|<", bare):
        return Bound.BELOW
    return Bound.EXACT if fact_like(bare) else Bound.ABOVE


def fact_like(bare: str) -> bool:
    """No half of a comparison stands in it."""
    return not re.search(r"\b(than|at least|at most|up to)\b", bare)
