"""One clause against one fact: everything the clause says must be in the fact, and what may not be left out must be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.language import lexicon
from core.language.facts import PRESENCE, SIDES, Bound, Fact, ReasonKind
from core.language.quantities import TIME_TOLERANCE_S, converted, same_number
from core.language.tokens import Kind, Token, stem, words

_TIME_CUES = lexicon.START_CUES | lexicon.END_CUES | lexicon.DURATION_CUES | {"at", "and"}


@dataclass(slots=True)
class Claim:
    """What a clause says of a fact, and what is wrong with it.

    Attributes:
        reasons: why it does not rest on the fact; empty when it does.
        says: which of `laterality`, `time`, `probability`, `value` it states.
        sides: the sides and zones it states.
        has_verb: it can stand alone; a bare noun shares its verb with a neighbour.
    """

    reasons: list[ReasonKind] = field(default_factory=list)
    says: set[str] = field(default_factory=set)
    sides: set[str] = field(default_factory=set)
    has_verb: bool = False


def claim(clause: Sequence[Token], fact: Fact, *, subject_is_carried: bool = False, is_negated: bool = False) -> Claim | None:
    """Read a clause as a statement of a fact.

    Args:
        clause: its tokens.
        fact: the fact it may rest on.
        subject_is_carried: an earlier clause of the sentence named the subject.
        is_negated: 'no ... or' before it reaches into it.

    Returns:
        What it says and what is wrong with it, or None when it is not about this fact at all.
    """
    left: list[Token | None] = list(clause)
    if not take(left, words(fact.subject)) and not subject_is_carried:
        return None
    if isinstance(fact.value, str) and not take(left, words(fact.value)):
        return None
    is_named = fact.attribute == PRESENCE or take_attribute(left, fact.attribute)
    if not is_named and fact.number is not None and fact.attribute != "count":
        return None
    found = Claim(has_verb=any(t.kind is Kind.WORD and t.text in lexicon.VERBS for t in clause))
    _bounds(left, fact, found)
    _numbers(left, fact, found)
    _negation(left, fact, found, is_negated)
    _laterality(left, fact, found)
    _hedges(left, fact, found)
    found.reasons.extend(lexicon.kind_of(t.text) for t in left if t is not None and t.kind is Kind.WORD and t.text not in lexicon.FUNCTION)
    if fact.probability is not None and not _tells_whole(fact, found):
        found.reasons.append(ReasonKind.INCOMPLETE)  # the probability is of the fact with its side and time, not of less
    if fact.number is not None and "value" not in found.says and ReasonKind.NUMBER not in found.reasons:
        found.reasons.append(ReasonKind.INCOMPLETE)
    return found


def _tells_whole(fact: Fact, found: Claim) -> bool:
    is_timed = fact.time is None or {"start", "end"} <= found.says
    return is_timed and found.sides == _spread(fact.laterality)


def _spread(sides: frozenset[str] | set[str]) -> set[str]:
    """Bilateral as both sides beside it."""
    return set(sides) | (SIDES if "bilateral" in sides else set())


def take(left: list[Token | None], phrase: Sequence[str]) -> bool:
    """Strike a phrase out, at the first place where its words stand together; False where they do not."""
    wanted = [stem(word) for word in phrase]
    for start in range(len(left) - len(wanted) + 1):
        here = left[start : start + len(wanted)]
        if all(t is not None and not t.unit and stem(t.text) == w for t, w in zip(here, wanted, strict=True)):
            left[start : start + len(wanted)] = [None] * len(wanted)
            return True
    return False


def take_attribute(left: list[Token | None], attribute: str) -> bool:
    """Strike out the attribute's name, or other words for it."""
    names = (words(attribute), *lexicon.ALIASES.get(attribute, ()))
    return any(take(left, name) for name in names)


def _bounds(left: list[Token | None], fact: Fact, found: Claim) -> None:
    if fact.number is None or fact.bound is Bound.EXACT:
        return
    accepted = lexicon.ABOVE_WORDS if fact.bound is Bound.ABOVE else lexicon.BELOW_WORDS
    if not any(take(left, name) for name in accepted):
        found.reasons.append(ReasonKind.COMPARATIVE)


def _numbers(left: list[Token | None], fact: Fact, found: Claim) -> None:
    cue, opened = "", False
    for place, token in enumerate(left):
        if token is None:
            continue
        if token.kind is Kind.NUMBER:
            role = _time_role(cue, opened, token, left[place + 1 :], fact)
            reason = _time_reason(role, token, left[place + 1 :], fact, found) if role else _number_reason(cue, token, fact, found)
            cues = _TIME_CUES if role else lexicon.ABOUT
            opened = role == "start"
            if reason:
                found.reasons.append(reason)
            elif place and (before := left[place - 1]) is not None and before.text in cues:
                left[place - 1] = None  # the cue word is accounted for
        cue = token.text


def _time_role(cue: str, opened: bool, token: Token, after: Sequence[Token | None], fact: Fact) -> str:
    """Whether a number is a start, an end, a duration or a moment; empty when it is none of them."""
    unit = token.unit or _next_unit(after)
    if converted(1.0, unit, "s") is None or not unit:
        return ""
    if cue in lexicon.START_CUES:
        return "start"
    if cue in lexicon.END_CUES or (opened and cue == "and"):
        return "end"
    if cue in lexicon.DURATION_CUES:
        return "duration"
    return "moment" if cue == "at" and fact.number is None else ""


def _next_unit(after: Sequence[Token | None]) -> str:
    """`from 3 to 5 s`: the first number takes the unit of the second."""
    return next((t.unit for t in after[:2] if t is not None and t.kind is Kind.NUMBER), "")


def _time_reason(role: str, token: Token, after: Sequence[Token | None], fact: Fact, found: Claim) -> ReasonKind | None:
    if fact.time is None:
        return ReasonKind.TIME
    unit = token.unit or _next_unit(after)
    stated_s = converted(token.number, unit, "s")
    if role == "moment":
        is_true = stated_s is not None and fact.time.start_s - TIME_TOLERANCE_S <= stated_s <= fact.time.end_s + TIME_TOLERANCE_S
        is_true = is_true and not fact.negated
    else:
        true_s = {"start": fact.time.start_s, "end": fact.time.end_s, "duration": fact.time.duration_s}[role]
        true = converted(true_s, "s", unit)
        is_close = stated_s is not None and abs(stated_s - true_s) <= TIME_TOLERANCE_S
        is_true = is_close or (true is not None and same_number(token.number, token.decimals, true))
    if not is_true:
        return ReasonKind.TIME
    found.says.update({"time", role})
    return None


def _number_reason(cue: str, token: Token, fact: Fact, found: Claim) -> ReasonKind | None:
    roughly = cue in lexicon.ABOUT and not fact.is_count
    reasons: list[ReasonKind] = []
    if fact.number is not None:
        true = converted(fact.number, fact.unit, token.unit)
        if true is None:
            reasons.append(ReasonKind.UNIT)
        elif same_number(token.number, token.decimals, true, exactly=fact.is_count and not token.unit, roughly=roughly):
            found.says.add("value")
            return None
        else:
            reasons.append(ReasonKind.NUMBER)
    if fact.probability is not None and token.unit in ("", "percent"):
        true = fact.probability * (100.0 if token.unit else 1.0)
        if same_number(token.number, token.decimals, true, roughly=roughly):
            found.says.add("probability")
            return None
        reasons.append(ReasonKind.NUMBER)
    return reasons[0] if reasons else ReasonKind.NUMBER


def _negation(left: list[Token | None], fact: Fact, found: Claim, is_negated: bool) -> None:
    cues = int(is_negated)
    cues += sum(take(left, phrase) for phrase in lexicon.NEGATION_PHRASES)
    for place, token in enumerate(left):
        if token is not None and token.text in lexicon.NEGATIONS:
            cues += 1
            left[place] = None
    if cues > 1:
        found.reasons.append(ReasonKind.AMBIGUOUS)
    elif bool(cues) != fact.negated:
        found.reasons.append(ReasonKind.NEGATION)
    if fact.negated and fact.time is not None and not {"start", "end"} <= found.says:
        found.reasons.append(ReasonKind.INCOMPLETE)


def _laterality(left: list[Token | None], fact: Fact, found: Claim) -> None:
    stated: set[str] = set()
    for place, token in enumerate(left):
        if token is None:
            continue
        if token.text in lexicon.SIDE_WORDS or token.text in lexicon.ZONE_WORDS or token.text == "both":
            after = [t.text for t in left[place + 1 :] if t is not None]
            if token.text == "lower" and after[:1] == ["than"]:
                continue  # a comparison, not a place
            stated.add("bilateral" if token.text == "both" else lexicon.SIDE_WORDS.get(token.text, token.text))
            left[place] = None
    if stated:
        found.says.add("laterality")
    if stated >= SIDES:
        stated.add("bilateral")
    true = _spread(fact.laterality)
    stated = found.sides = _spread(stated)
    if not stated <= true or (fact.negated and stated != true):
        found.reasons.append(ReasonKind.LATERALITY)


def _hedges(left: list[Token | None], fact: Fact, found: Claim) -> None:
    held = False
    very = take(left, ("very", "likely")) or take(left, ("highly", "likely"))
    probability = fact.probability
    if very:
        held = _hold(probability is not None and probability >= lexicon.LIKELY_VERY_FROM, found)
    for place, token in enumerate(left):
        if token is None:
            continue
        if token.text in lexicon.POSSIBLE:
            holds = probability is not None and probability >= lexicon.POSSIBLE_FROM
        elif token.text in lexicon.LIKELY:
            holds = probability is not None and probability > lexicon.LIKELY_FROM
        elif token.text in lexicon.UNLIKELY:
            holds = probability is not None and probability < lexicon.LIKELY_FROM
        elif token.text in lexicon.PROBABILITY_WORDS and "probability" in found.says:
            left[place] = None
            continue
        else:
            continue
        left[place] = None
        held = _hold(holds, found) or held
    if probability is not None and not held and "probability" not in found.says and ReasonKind.HEDGE not in found.reasons:
        found.reasons.append(ReasonKind.HEDGE)  # told as certain


def _hold(holds: bool, found: Claim) -> bool:
    if not holds:
        found.reasons.append(ReasonKind.HEDGE)
    return holds
