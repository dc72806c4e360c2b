"""IOB2 tags: which may follow which, which entities they mark, and how well entities were found (strict, as seqeval counts)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from seqeval.metrics import f1_score  # type: ignore[import-untyped]
from seqeval.scheme import IOB2, Entities  # type: ignore[import-untyped]

from core.errors import InputError
from core.metrics import Estimate, bootstrap, paired_difference
from core.samples import FloatArray

OUTSIDE = "O"
Span = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class TagSet:
    """The tags that can be given.

    Attributes:
        types: kinds of entity, sorted.
    """

    types: tuple[str, ...]

    @property
    def tags(self) -> tuple[str, ...]:
        """`O`, then `B-` and `I-` of each type."""
        return (OUTSIDE, *(f"{start}-{kind}" for kind in self.types for start in "BI"))

    def codes(self, tags: Sequence[str]) -> list[int]:
        """Places of tags.

        Raises:
            InputError: a tag was never trained.
        """
        place = {tag: index for index, tag in enumerate(self.tags)}
        if unknown := [tag for tag in tags if tag not in place]:
            raise InputError(f"the tag {unknown[0]!r} is none of: {', '.join(self.tags)}")
        return [place[tag] for tag in tags]

    def forbidden(self) -> tuple[tuple[bool, ...], tuple[tuple[bool, ...], ...]]:
        """What IOB2 forbids: tags at the start `[tags]`, and each tag after each `[before][after]`."""
        start = tuple(tag.startswith("I-") for tag in self.tags)
        return start, tuple(tuple(after.startswith("I-") and before[2:] != after[2:] for after in self.tags) for before in self.tags)


def tag_set_of(rows: Sequence[Sequence[str]]) -> TagSet:
    """The types that rows of tags use.

    Raises:
        InputError: a tag is no IOB2 tag, or there is no entity at all.
    """
    seen = {tag for row in rows for tag in row}
    if wrong := sorted(tag for tag in seen if tag != OUTSIDE and not (tag[:2] in ("B-", "I-") and len(tag) > 2)):
        raise InputError(f"{wrong[0]!r} is no IOB2 tag; tags are O, B-TYPE and I-TYPE")
    if seen <= {OUTSIDE}:
        raise InputError("no word is tagged as part of an entity; there is nothing to learn")
    return TagSet(tuple(sorted({tag[2:] for tag in seen if tag != OUTSIDE})))


def entities(tags: Sequence[str]) -> tuple[Span, ...]:
    """Type, first word and the word after the last, of each entity as strict IOB2 reads it: `I-` without its `B-` marks none."""
    found = Entities([list(tags)], IOB2).entities[0] if tags else []
    return tuple((e.tag, e.start, e.end) for e in found)


def strict_f1(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """Micro F1 of entities, as seqeval's strict mode gives it."""
    return float(f1_score([list(t) for t in truth], [list(t) for t in predicted], mode="strict", scheme=IOB2, zero_division=0))


def counts(truth: Sequence[Sequence[object]], found: Sequence[Sequence[object]]) -> FloatArray:
    """How many entities of each row are right, predicted and true, `[rows, 3]`; equal ones count as often as both have them."""
    rows = []
    for real, given in zip(truth, found, strict=True):
        left = list(real)
        right = 0
        for one in given:
            if one in left:
                left.remove(one)
                right += 1
        rows.append((right, len(given), len(real)))
    return np.array(rows, np.float32).reshape(len(rows), 3)


def micro_f1(table: FloatArray, _: FloatArray) -> float:
    """F1 of all rows together, from their counts."""
    right, given, real = table.sum(0)
    return float(2 * right / (given + real)) if given + real else 0.0


def f1_estimate(table: FloatArray, groups: Sequence[str]) -> Estimate:
    """Micro F1 with its interval over draws of whole groups."""
    return bootstrap(micro_f1, table, table, groups)


def f1_difference(first: FloatArray, second: FloatArray, groups: Sequence[str]) -> Estimate:
    """How much higher the first F1 is on the same rows."""
    return paired_difference(micro_f1, first, second, first, groups)
