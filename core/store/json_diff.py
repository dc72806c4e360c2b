"""What is different between two JSON values, in words a person can follow.

Elements of a list that all have an `id` (or all a `name`) are matched by it, so one sentence put between two others is one addition and
not a change of all that follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

KEYS = ("id", "name")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        path: where, such as `sentences[s3].text`.
        kind: `added`, `removed`, `changed`; or `moved`, where matched elements stand in another order: their keys then and now.
        before, after: the values; None where there was, or is, none.
    """

    path: str
    kind: Literal["added", "removed", "changed", "moved"]
    before: Any
    after: Any


def changes_between(before: Any, after: Any) -> tuple[Change, ...]:
    """Every difference, in the order of the values; empty exactly where they are the same JSON."""
    return tuple(_compare("", before, after))


def _compare(path: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _compare_members(path, before, after, "{}.{}" if path else "{}{}")
    elif isinstance(before, list) and isinstance(after, list):
        yield from _compare_lists(path, before, after)
    elif not _is_same(before, after):
        yield Change(path, "changed", before, after)


def _compare_lists(path: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Change]:
    key = _key_of(before, after)
    if key is None:
        old, new = ({str(index): element for index, element in enumerate(elements)} for elements in (before, after))
    else:
        old, new = ({element[key]: element for element in elements} for elements in (before, after))
    yield from _compare_members(path, old, new, "{}[{}]")
    if key is None:
        return
    were, are = [name for name in old if name in new], [name for name in new if name in old]
    if were != are:
        yield Change(path, "moved", were, are)


def _compare_members(path: str, before: Mapping[str, Any], after: Mapping[str, Any], pattern: str) -> Iterator[Change]:
    for name in [*before, *(name for name in after if name not in before)]:
        place = pattern.format(path, name)
        if name not in after:
            yield Change(place, "removed", before[name], None)
        elif name not in before:
            yield Change(place, "added", None, after[name])
        else:
            yield from _compare(place, before[name], after[name])


def _key_of(before: Sequence[Any], after: Sequence[Any]) -> str | None:
    """The member that names every element, each only once on its side; None where there is none."""
    for key in KEYS:
        if all(_is_named(elements, key) for elements in (before, after)):
            return key
    return None


def _is_named(elements: Sequence[Any], key: str) -> bool:
    names = [element[key] for element in elements if isinstance(element, Mapping) and isinstance(element.get(key), str)]
    return len(names) == len(elements) == len(set(names))


def _is_same(before: Any, after: Any) -> bool:
    """JSON's sameness: `true` is not 1, and 1 is not 1.0."""
    return type(before) is type(after) and bool(before == after)
