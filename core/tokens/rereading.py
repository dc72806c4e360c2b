"""Mend text from an optical reader by what the picture shows: where our own reading differs, the picture decides.

Every difference between the given text and the reading of the picture is a proposal. It is taken where the picture is likelier
to show the changed text than the given one by more than a margin, which validation rows choose.
"""

from __future__ import annotations

from difflib import SequenceMatcher

from core.samples import FloatArray
from core.tokens.reader import LineReader, greedy, text_scores

MOST_PROPOSALS = 64
JOINED_CHARACTERS = 2  # differences this near are one: 'acc' for 'abc' is neither a letter more nor one less
Proposal = tuple[int, int, str, float]
MARGINS = (0.5, 1.0, 2.0, 3.0, 4.5, 6.0, 9.0, 1e9)


def proposals(text: str, logs: FloatArray, reader: LineReader) -> list[Proposal]:
    """What the picture would change: first and after-last character, the new characters, and by how many nats it is likelier.

    Args:
        text: as the optical reader gave it.
        logs: of the picture, `[steps, characters + 1]`.
        reader: ours.
    """
    reading = greedy(logs, reader.alphabet)
    blocks = _blocks(text, reading)[:MOST_PROPOSALS]
    changed = [text[:a] + reading[c:d] + text[b:] for a, b, c, d in blocks]
    codes = [reader.codes(one) for one in [text, *changed]]
    if any(not 0 < len(row) < len(logs) for row in codes):
        return []
    scores = text_scores(logs, codes)
    return [(a, b, reading[c:d], float(score - scores[0])) for (a, b, c, d), score in zip(blocks, scores[1:], strict=True)]


def mend(text: str, found: list[Proposal], margin: float) -> str:
    """The text with the proposals that are likelier by more than the margin."""
    for first, last, new, gain in sorted(found, reverse=True):
        if gain > margin:
            text = text[:first] + new + text[last:]
    return text


def _blocks(text: str, reading: str) -> list[tuple[int, int, int, int]]:
    """Where the two differ: from and to in the text, from and to in the reading."""
    found: list[tuple[int, int, int, int]] = []
    for kind, a, b, c, d in SequenceMatcher(None, text, reading, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if found and a - found[-1][1] < JOINED_CHARACTERS:
            first = found.pop()
            found.append((first[0], b, first[2], d))
        else:
            found.append((a, b, c, d))
    return found
