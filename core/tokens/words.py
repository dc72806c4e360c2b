"""Words of a running text, running text of words, and tags carried from the one to a garbled copy of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from core.tokens.tags import OUTSIDE, entities

_ALONE = "\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # written without blanks: each character is a word
_WORD = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+|[^\w\s]")
_NO_BLANK_BEFORE = frozenset(",.;:!?)]}%»'’-")
_NO_BLANK_AFTER = frozenset("([{«'’-")


def words_in(text: str) -> list[tuple[int, int]]:
    """First and after-last character of each word; signs, and characters of scripts without blanks, stand alone."""
    return [match.span() for match in _WORD.finditer(text)]


def text_of(words: Sequence[str], copy: str = "") -> str:
    """Words as they are printed: beside signs with the blanks of a copy of the line where it has the same signs, else with the usual ones.

    Args:
        words: in order.
        copy: as an optical reader gave it; a word broken at a line's end shows there as a hyphen and a blank.
    """
    place: dict[int, int] = {}
    kept = [i for i, character in enumerate(copy) if not character.isspace()]
    for a, b, size in SequenceMatcher(None, bare("".join(words)), bare(copy), autojunk=False).get_matching_blocks() if copy else ():
        place |= {a + step: kept[b + step] for step in range(size)}
    text, done = "", 0
    for word in map(bare, words):
        if text and word:
            before, after = place.get(done - 1), place.get(done)
            is_sign = not (text[-1].isalnum() and word[0].isalnum())
            if is_sign and before is not None and after is not None:
                text += " " if after - before > 1 else ""
            else:
                text += "" if _is_joined(text[-1], word[0]) else " "
        text += word
        done += len(word)
    return text


def bare(text: str) -> str:
    """Without blanks: how words were parted does not count."""
    return "".join(text.split())


def carried(words: Sequence[str], tags: Sequence[str], text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words of another copy of the same line, and their tags: a word belongs to the entity that most of its characters match.

    Args:
        words: as they are printed.
        tags: of these words.
        text: the other copy, as an optical reader gave it.
    """
    found = entities(tags)
    owner = [-1] * len(words)
    for number, (_, first, last) in enumerate(found):
        owner[first:last] = [number] * (last - first)
    real = [number for word, number in zip(map(bare, words), owner, strict=True) for _ in word]
    places = [i for i, character in enumerate(text) if not character.isspace()]
    given = [-1] * len(text)
    for kind, a, b, c, d in SequenceMatcher(None, bare("".join(words)), bare(text), autojunk=False).get_opcodes():
        for step in range(c, d):
            if kind == "insert":  # between two characters of one entity it belongs to it
                is_within = 0 < a < len(real) and real[a - 1] == real[a]
                given[places[step]] = real[a] if is_within else -1
            else:
                given[places[step]] = real[a + (step - c) * (b - a) // (d - c)]
    spans = words_in(text)
    tagged, before = [], -1
    for first, last in spans:
        here = given[first:last]
        number = max(dict.fromkeys(here), key=here.count)
        tagged.append(OUTSIDE if number < 0 else f"{'I' if number == before else 'B'}-{found[number][0]}")
        before = number
    return tuple(text[first:last] for first, last in spans), tuple(tagged)


def _is_joined(before: str, after: str) -> bool:
    return after in _NO_BLANK_BEFORE or before in _NO_BLANK_AFTER or bool(re.fullmatch(f"[{_ALONE}]{{2}}", before + after))
