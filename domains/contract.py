"""What a domain must provide.

A domain registers an object of this shape under the entry-point group `trivium.domains`; it then works in every command.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pydantic import BaseModel

from core.alerts import Alert, EvidenceKind
from core.encoders.contract import Encoder
from core.samples import Modality, Sample

if TYPE_CHECKING:
    from core.store.report_values import ReportFile


@dataclass(frozen=True, slots=True)
class Silence:
    """What a person does not want to be told for now.

    Attributes:
        source: only this source, or None for all.
        kind: only this kind of alert, or None for all.
    """

    source: str | None = None
    kind: str | None = None

    def covers(self, source: str, kind: str) -> bool:
        """Whether an alert of this kind from this source is muted."""
        return self.source in (None, source) and self.kind in (None, kind)


def _never_muted(wall_s: float | None) -> tuple[Silence, ...]:  # noqa: ARG001 - the shape of `Surroundings.mutes`
    return ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pipeline lends to a domain while it runs.

    Attributes:
        state_folder: where what was learned about a source is kept between runs.
        scratch_folder: for files in the making; emptied by the pipeline.
        threads: processor threads the models may use.
        mutes: what is muted at a Unix time; asked often, so it must be cheap.
    """

    state_folder: Path
    scratch_folder: Path
    threads: int = 2
    mutes: Callable[[float | None], Sequence[Silence]] = _never_muted


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a source fares, for the table that a person watches.

    Attributes:
        name: the source.
        state: one word: `online`, `offline`, `starting`, `ended`.
        since_wall_s: Unix time at which that state began.
        fps: frames read a second, lately.
        queue: things read and waiting.
        dropped: frames and blocks lost since the start, for whatever cause.
        lag_s: age of the newest thing that was judged, or None.
        last_alert: kind of the newest alert, or empty.
        note: one line on what is wrong, or empty.
        counts: everything else that was counted.
    """

    name: str
    state: str
    since_wall_s: float = 0.0
    fps: float = 0.0
    queue: int = 0
    dropped: int = 0
    lag_s: float | None = None
    last_alert: str = ""
    note: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportDraft:
    """A report that a domain drafted, for a person to review.

    Attributes:
        id: 32 hexadecimal digits.
        domain: whose body it has.
        subject: what it is about, such as a study's UID.
        body: JSON, the domain's own.
        by: what software drafted it.
        files: pictures that it points at, by the hash of their content.
    """

    id: str
    domain: str
    subject: str = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    by: str
    files: tuple[ReportFile, ...] = field(default=(), repr=False)


class Sink(Protocol):
    """Where a domain's findings go; safe to call from several threads."""

    def save(self, alert: Alert) -> None:
        """Commit an alert, new or changed.

        Raises:
            StoreError: it could not be committed.
        """
        ...

    def attach(
        self, alert_id: str, kind: EvidenceKind, content: bytes | Path, media_type: str, name: str, start_s: float | None = None
    ) -> None:
        """Keep a piece of evidence with a saved alert; a path is moved in.

        Raises:
            StoreError: it could not be kept.
        """
        ...

    def draft(self, draft: ReportDraft) -> None:
        """Commit a draft report with its files, as its first version.

        Raises:
            StoreError: it could not be committed.
        """
        ...


class Watch(Protocol):
    """A domain at work on its live sources."""

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set; then close what is open and return."""
        ...

    def status(self) -> tuple[SourceStatus, ...]:
        """How every source fares now; safe to call from another thread."""
        ...


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
        benches: benchmark name to `module:function`, a `core.benchmark.Bench`.
    """

    name: str
    summary: str
    settings: type[BaseModel]
    labels: tuple[str, ...]
    benches: Mapping[str, str]

    def open(self, location: str, settings: Any) -> Source:
        """Samples from one place.

        Raises:
            InputError: nothing there, or nothing that can be read.
        """
        ...

    def recordings(self, location: str) -> tuple[str, ...]:
        """The recordings at a place: the file itself, or every one in a folder.

        Raises:
            InputError: nothing there.
        """
        ...

    def analyse(
        self, location: str, settings: Any, sink: Sink, surroundings: Surroundings, progress: Callable[[float, float | None], None]
    ) -> Mapping[str, float]:
        """Judge a recording from its begin to its end, as fast as it goes.

        Args:
            location: a file.
            settings: the field's part of the configuration.
            sink: takes the alerts.
            surroundings: lent by the pipeline.
            progress: told seconds done and seconds in all (None where it is not known).

        Returns:
            What was counted.

        Raises:
            InputError: it cannot be read.
        """
        ...

    def watch(self, settings: Any, sink: Sink, surroundings: Surroundings) -> Watch:
        """Get ready to watch every live source in the settings.

        Raises:
            ConfigError: nothing to watch.
            ModelError: weights are missing.
        """
        ...

    def with_sources(self, settings: Any, locations: Mapping[str, str]) -> Any:
        """The settings with live sources added, name to location.

        Raises:
            ConfigError: a location cannot be used.
        """
        ...

    def encoders(self, settings: Any, threads: int) -> Mapping[Modality, Encoder]:
        """The encoders that its samples are read with.

        Raises:
            ModelError: weights are missing.
        """
        ...

    def probe(self, settings: Any) -> tuple[SourceStatus, ...]:
        """Ask every live source once whether it answers."""
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
