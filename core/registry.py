"""Domains and encoders, found by entry points and imported when they are asked for.

A domain of another distribution registers under `trivium.domains`, an encoder under `trivium.encoders`; both then work
in every command. A plugin that is broken is one clear error when it is asked for, and the others go on working.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, cast

from core.errors import ConfigError, TriviumError

if TYPE_CHECKING:
    from core.encoders.contract import Encoder

DOMAIN_GROUP = "trivium.domains"
ENCODER_GROUP = "trivium.encoders"
DOMAIN_PARTS = (
    *("name", "summary", "settings", "labels", "benches"),
    *("open", "recordings", "analyse", "watch", "probe", "policy", "draft", "examples"),
)


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that could not be loaded.

    Attributes:
        name: under which it is registered.
        distribution: who registered it.
        reason: one line on what is wrong.
    """

    name: str
    distribution: str
    reason: str


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a mistyped one was probably meant to be."""
    by_lower_case = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), by_lower_case, n=1, cutoff=0.6)
    return by_lower_case[found[0]] if found else None


def names(group: str = DOMAIN_GROUP) -> tuple[str, ...]:
    """What is registered, without importing any of it."""
    return tuple(sorted(_registered(group)))


def domain(name: str) -> object:
    """One domain, an object of `domains.contract.Domain`'s shape.

    Raises:
        ConfigError: no such domain, or its plugin is broken.
    """
    found = _load(DOMAIN_GROUP, name, "domain")
    missing = [part for part in DOMAIN_PARTS if not hasattr(found, part)]
    if missing:
        entry = _registered(DOMAIN_GROUP)[name]
        raise ConfigError(f"domain {name!r} of {_owner(entry)} is no domain: it lacks {', '.join(missing)}; update or uninstall it")
    return found


def domains() -> tuple[dict[str, object], tuple[BrokenPlugin, ...]]:
    """Every domain that loads, by name, and those that do not."""
    working: dict[str, object] = {}
    broken: list[BrokenPlugin] = []
    for name, entry in sorted(_registered(DOMAIN_GROUP).items()):
        try:
            working[name] = domain(name)
        except TriviumError as error:
            broken.append(BrokenPlugin(name, _owner(entry), str(error)))
    return working, tuple(broken)


def encoder(name: str) -> Callable[..., Encoder]:
    """What makes one encoder.

    Raises:
        ConfigError: no such encoder, or its plugin is broken.
    """
    factory = _load(ENCODER_GROUP, name, "encoder")
    if not callable(factory):
        raise ConfigError(f"encoder {name!r} of {_owner(_registered(ENCODER_GROUP)[name])} cannot be called; update or uninstall it")
    return cast("Callable[..., Encoder]", factory)


def _registered(group: str) -> dict[str, EntryPoint]:
    """Entry points by name; where two distributions claim a name, Trivium's own wins, else the first by its name."""
    chosen: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=group), key=lambda each: (_owner(each) != "trivium", _owner(each))):
        chosen.setdefault(entry.name, entry)
    return chosen


def _load(group: str, name: str, what: str) -> object:
    registered = _registered(group)
    if name not in registered:
        near = nearest(name, registered)
        advice = f"did you mean {near!r}?" if near else f"there are: {', '.join(sorted(registered)) or 'none'}"
        raise ConfigError(f"no {what} is named {name!r}; {advice}")
    entry = registered[name]
    try:
        return cast("object", entry.load())
    except Exception as error:  # a plugin is a stranger's code: whatever it raises, the others must go on
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ConfigError(
            f"{what} {name!r} ({entry.value}, from {_owner(entry)}) cannot be loaded: {reason}; update or uninstall it"
        ) from error


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "an unnamed distribution"
