"""Facts in, sentences out: each is worded, checked, kept with the ids of its facts or dropped with the reason."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from core.errors import InputError
from core.language.facts import Draft, Dropped, Fact, Sentence
from core.language.grounding import check
from core.language.wording import word

logger = logging.getLogger(__name__)


class Writer(Protocol):
    """Puts facts into words; what it writes is checked by `describe`, so it need not be trusted."""

    def write(self, facts: Sequence[Fact]) -> list[str]:
        """One sentence for each fact, or fewer that cover several."""
        ...


class TemplateWriter:
    """The default: one plain sentence a fact."""

    def write(self, facts: Sequence[Fact]) -> list[str]:
        return [word(fact) for fact in facts]


def describe(facts: Sequence[Fact], writer: Writer | None = None, *, keep_every_fact: bool = True) -> Draft:
    """Tell the facts.

    Args:
        facts: what is known, in the order it is to be told.
        writer: templates where none is given.
        keep_every_fact: a fact that no sentence which passed carries is told by its template.

    Returns:
        The sentences that passed the grounding check, and those that were dropped. The log names only ids and kinds of reasons.

    Raises:
        InputError: two facts have the same id.
    """
    if len({fact.id for fact in facts}) != len(facts):
        raise InputError("two facts have the same id; sentences could not say which they rest on: give each its own")
    kept: list[Sentence] = []
    dropped: list[Dropped] = []
    for text in (writer or TemplateWriter()).write(facts):
        _sort(text, facts, kept, dropped)
    if keep_every_fact and writer is not None:
        told = {identity for sentence in kept for identity in sentence.fact_ids}
        for fact in facts:
            if fact.id not in told:
                _sort(word(fact), facts, kept, dropped)
    order = {fact.id: place for place, fact in enumerate(facts)}
    kept.sort(key=lambda sentence: min(order[identity] for identity in sentence.fact_ids))
    return Draft(tuple(kept), tuple(dropped))


def _sort(text: str, facts: Sequence[Fact], kept: list[Sentence], dropped: list[Dropped]) -> None:
    verdict = check(text, facts)
    if verdict.ok:
        kept.append(Sentence(text, verdict.fact_ids))
        return
    dropped.append(Dropped(text, verdict.reasons, verdict.fact_ids))
    logger.warning("a sentence was dropped: %s; nearest facts: %s", ", ".join(verdict.reasons), ", ".join(verdict.fact_ids) or "none")
