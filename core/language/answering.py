"""Questions answered from the facts alone, or 'not stated'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.language import lexicon
from core.language.claims import take, take_attribute
from core.language.facts import PRESENCE, Fact, Sentence
from core.language.grounding import check
from core.language.tokens import Kind, Token, stem, tokens, words
from core.language.wording import word

NOT_STATED = "not stated"
_ASKING = lexicon.listed(
    "what which who where when how long is are was were do does did can you tell me please there any a an the of in on at for to and "
    "has have had it its value many much often seen present found visible measured recorded side time from until start end happen "
    "happened his her their this that be been with patient"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the facts say to a question.

    Attributes:
        text: the sentences, or 'not stated'.
        sentences: each with the ids of its facts; empty when not stated.
    """

    text: str
    sentences: tuple[Sentence, ...]

    @property
    def is_stated(self) -> bool:
        return bool(self.sentences)


def answer(question: str, facts: Sequence[Fact]) -> Answer:
    """Answer a question.

    Every word of it that asks for something must be carried by the fact that answers; else nothing is stated.

    Args:
        question: one question, in English or with names as the facts write them.
        facts: what is known.
    """
    try:
        asked = tokens(question)
    except InputError:
        return Answer(NOT_STATED, ())
    fitting = [fact for fact in facts if _asks_for(asked, fact, facts)]
    sentences = []
    for fact in fitting:
        verdict = check(word(fact), facts)
        if verdict.ok:
            sentences.append(Sentence(word(fact), verdict.fact_ids))
    if not sentences:
        return Answer(NOT_STATED, ())
    return Answer(" ".join(sentence.text for sentence in sentences), tuple(sentences))


def _asks_for(asked: Sequence[Token], fact: Fact, facts: Sequence[Fact]) -> bool:
    left: list[Token | None] = [token for token in asked if token.kind is not Kind.SEPARATOR]
    first = [token.text for token in asked[:2]]
    asks_for_time = first[:1] == ["when"] or first == ["how", "long"]
    if (asks_for_time and fact.time is None) or (first[:1] == ["where"] and not fact.laterality):
        return False
    names_subject = take(left, words(fact.subject))
    names_value = isinstance(fact.value, str) and take(left, words(fact.value))
    names_attribute = fact.attribute != PRESENCE and (
        take_attribute(left, fact.attribute) or (fact.attribute == "count" and _has(asked, "many"))
    )
    if fact.attribute == PRESENCE:
        is_named = names_subject
    else:
        is_only_subject = len({f.subject for f in facts if f.attribute == fact.attribute}) == 1
        is_named = (names_attribute and (names_subject or is_only_subject)) or (names_subject and names_value)
    if not is_named:
        return False
    known = {place for side in fact.laterality for place in (["left", "right", "both", "bilateral"] if side == "bilateral" else [side])}
    rest = {token.text for token in left if token is not None}
    return all(text in known or stem(text) in _ASKED_STEMS for text in rest if text not in lexicon.VERBS)


def _has(asked: Sequence[Token], text: str) -> bool:
    return any(token.text == text for token in asked)


_ASKED_STEMS = frozenset(stem(text) for text in _ASKING)
