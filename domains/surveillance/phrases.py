"""Words as a rule compares them: whole, and upper or lower case alike."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def plain_words(text: str) -> tuple[str, ...]:
    """The words of a text, without punctuation, in lower case."""
    return tuple(word.casefold().replace("’", "'") for word in _WORD.findall(text))


def said_of(phrases: Iterable[str], text: str) -> tuple[str, ...]:
    """Which of the phrases a text holds, each as whole words one after another."""
    words = plain_words(text)
    return tuple(phrase for phrase in phrases if _holds(words, plain_words(phrase)))


def _holds(words: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    return bool(wanted) and any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))
