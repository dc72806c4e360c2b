"""The grounding check: a sentence passes only if every part of it rests on a fact.

The sentence is cut at commas and conjunctions; runs of the pieces must each be explained by one fact, to the last word. What
is in no fact and in no closed word list (`lexicon.py`) fails the sentence, so that an unknown word can never slip through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.language.claims import Claim, claim
from core.language.facts import Fact, ReasonKind, Verdict
from core.language.tokens import Kind, Token, stem, tokens, words

MAX_PIECES = 12
_JOINTS = frozenset({"and", "but", "or", "nor", "while"})
_REACHING = frozenset({"or", "nor"})  # a negation before them reaches what comes after


@dataclass(frozen=True, slots=True)
class _Piece:
    joint: str
    words: tuple[Token, ...]


@dataclass(frozen=True, slots=True)
class _Explained:
    fact: Fact
    claim: Claim
    is_negated: bool


def check(sentence_text: str, facts: Sequence[Fact]) -> Verdict:
    """Hold a sentence against the facts.

    Args:
        sentence_text: one sentence, or a few.
        facts: what is known; nothing else is taken as true.

    Returns:
        Whether every part of it rests on the facts, why not, and which facts it rests on.
    """
    try:
        found = tokens(sentence_text)
    except InputError:
        return Verdict(False, (ReasonKind.UNREADABLE,), ())
    pieces = _pieces(found)
    if not pieces or len(pieces) > MAX_PIECES:
        return Verdict(False, (ReasonKind.UNREADABLE,), ())
    said = {stem(token.text) for token in found}
    near = [fact for fact in facts if {stem(word) for word in words(fact.subject)} <= said]
    if not near:
        return Verdict(False, (ReasonKind.NAME,), ())
    explained = _explain(pieces, near, facts, ())
    if explained is None:
        return _nearest(pieces, near, facts)
    return Verdict(True, (), tuple(dict.fromkeys(e.fact.id for e in explained)))


def _pieces(found: Sequence[Token]) -> list[_Piece]:
    pieces: list[_Piece] = []
    joint = ""
    current: list[Token] = []
    for token in found:
        is_joint = token.kind is Kind.WORD and token.text in _JOINTS
        if is_joint or token.kind is Kind.SEPARATOR:
            if current:
                pieces.append(_Piece(joint, tuple(current)))
                joint, current = "", []
            joint = token.text if is_joint or not joint else joint
        else:
            current.append(token)
    if current:
        pieces.append(_Piece(joint, tuple(current)))
    return pieces


def _explain(
    pieces: Sequence[_Piece], near: Sequence[Fact], facts: Sequence[Fact], before: tuple[_Explained, ...]
) -> tuple[_Explained, ...] | None:
    """The facts that explain these pieces to the last, or None."""
    if not pieces:
        return before if _belong_together(before) else None
    for end in range(len(pieces), 0, -1):
        for fact in near:
            found = _read(pieces[:end], fact, facts, before)
            if found is None or found.claim.reasons:
                continue
            if rest := _explain(pieces[end:], near, facts, (*before, found)):
                return rest
    return None


def _read(run: Sequence[_Piece], fact: Fact, facts: Sequence[Fact], before: Sequence[_Explained]) -> _Explained | None:
    last = before[-1] if before else None
    reaches = last is not None and last.is_negated and run[0].joint in _REACHING
    carried = last is not None and last.fact.subject == fact.subject and last.fact is not fact
    found = claim(_joined(run), fact, subject_is_carried=carried, is_negated=reaches)
    if found is None:
        return None
    if any(piece.joint in _REACHING for piece in run[1:]):
        found.reasons.append(ReasonKind.AMBIGUOUS)
    if not found.reasons and not _is_told_apart(found, fact, facts):
        found.reasons.append(ReasonKind.AMBIGUOUS)
    return _Explained(fact, found, fact.negated)


def _joined(run: Sequence[_Piece]) -> list[Token]:
    """The pieces with the conjunctions between them (`between 3 and 5 s`, `left and right`)."""
    joined = list(run[0].words)
    for piece in run[1:]:
        if piece.joint in _JOINTS:
            joined.append(Token(Kind.WORD, piece.joint))
        joined.extend(piece.words)
    return joined


def _is_told_apart(found: Claim, fact: Fact, facts: Sequence[Fact]) -> bool:
    """Where another fact says otherwise of the same thing at another time or place, time or place must be said."""
    for other in facts:
        if other is fact or (other.subject, other.attribute) != (fact.subject, fact.attribute):
            continue
        if other.negated == fact.negated and other.value == fact.value:
            continue
        differs = {name for name in ("time", "laterality") if getattr(other, name) != getattr(fact, name)}
        if differs and not differs & found.says:
            return False
    return True


def _belong_together(explained: Sequence[_Explained]) -> bool:
    """A bare noun shares its neighbour's verb, and with it negation, doubt, time and place: they must then be the same."""
    if len(explained) < 2 or all(e.claim.has_verb for e in explained):
        return True
    if len({(e.fact.negated, e.fact.probability is None) for e in explained}) > 1:
        return False
    said = set().union(*(e.claim.says for e in explained))
    return all(len({getattr(e.fact, name) for e in explained}) == 1 for name in ("time", "laterality") if name in said)


def _nearest(pieces: Sequence[_Piece], near: Sequence[Fact], facts: Sequence[Fact]) -> Verdict:
    """Why the whole sentence does not rest on the fact that it comes nearest to."""
    tried = [found for fact in near if (found := _read(pieces, fact, facts, ()))]
    wrong = [found for found in tried if found.claim.reasons]
    if not wrong:
        kind = ReasonKind.AMBIGUOUS if len(pieces) > 1 else ReasonKind.NAME
        return Verdict(False, (kind,), tuple(fact.id for fact in near))
    best = min(wrong, key=lambda found: len(found.claim.reasons))
    return Verdict(False, tuple(dict.fromkeys(best.claim.reasons)), (best.fact.id,))
