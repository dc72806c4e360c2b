"""What a domain must provide.

A domain registers an object of this shape under the entry-point group `trivium.domains`; it then works in every command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from core.alerts import Alert
from core.samples import Sample


class Source(Protocol):
    """Yields samples: a file, a folder, a live stream, a log."""

    def __iter__(self) -> Iterator[Sample]: ...

    def close(self) -> None: ...


class Policy(Protocol):
    """A domain's rules over judgements in time."""

    def step(self, judgements: Sequence[Any], time_s: float, wall_s: float | None) -> tuple[Alert, ...]:
        """Alerts that opened, changed or closed at this moment."""
        ...

    def finish(self) -> tuple[Alert, ...]:
        """Close what is still open: the source has ended."""
        ...


@runtime_checkable
class Domain(Protocol):
    """A field.

    Attributes:
        name: one word, used in commands and in the store.
        summary: one line for `trivium --help`.
        settings: the pydantic model of the field's part of the configuration.
        labels: what its shipped task tells apart.
    """

    name: str
    summary: str
    settings: type[BaseModel]
    labels: tuple[str, ...]

    def open(self, location: str, settings: Any) -> Source:
        """Samples from one place.

        Raises:
            InputError: nothing there, or nothing that can be read.
        """
        ...

    def policy(self, settings: Any) -> Policy:
        """A fresh policy; it carries state."""
        ...

    def draft(self, alerts: Sequence[Alert]) -> str:
        """A DRAFT report over alerts, in Markdown, each sentence with the ids of the alerts it rests on."""
        ...

    def examples(self, dataset: Path) -> Sequence[Sample]:
        """Labelled samples of a dataset folder, each with its group.

        Raises:
            InputError: the folder is not a dataset that the domain knows.
        """
        ...
