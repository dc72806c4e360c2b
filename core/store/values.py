"""What comes out of the store: stored alerts with their evidence, mutes, and the filter that asks for alerts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.alerts import Alert, AlertState, EvidenceKind

DEFAULT_LIMIT = 100
LIMIT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class StoredEvidence:
    """One piece of evidence.

    Attributes:
        kind: what it shows.
        sha256: its content's hash, 64 hexadecimal digits.
        path: the file, named by that hash.
        media_type: such as `video/mp4`.
        bytes: the file's size.
        name: what to call it when it is exported; a label, never a path.
        start_s: the moment of its beginning, in the source's own clock, or None.
    """

    kind: EvidenceKind
    sha256: str
    path: Path
    media_type: str
    bytes: int
    name: str
    start_s: float | None


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as it lies in the database.

    Attributes:
        alert: the alert.
        run_id: the run that raised it.
        created_wall_s: Unix time at which it was first committed.
        at_wall_s: Unix time that lists are ordered by: its start on the wall clock, or `created_wall_s` where it has none.
        evidence: in the order in which it was attached.
    """

    alert: Alert
    run_id: str
    created_wall_s: float
    at_wall_s: float
    evidence: tuple[StoredEvidence, ...]

    @property
    def cursor(self) -> str:
        """Where to go on after this one: `AlertFilter(after=cursor)`."""
        return f"{self.at_wall_s!r}:{self.alert.id}"


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts to list; newest first. A None asks for all.

    Attributes:
        source, kind, way, domain, state, run: only those that are equal.
        since_wall_s, until_wall_s: Unix times; from the first, up to but without the second.
        min_score: only those at least this sure.
        limit: how many at most, 1 to 10000.
        after: the cursor of the last alert of the page before.
    """

    source: str | None = None
    kind: str | None = None
    way: str | None = None
    domain: str | None = None
    state: AlertState | None = None
    since_wall_s: float | None = None
    until_wall_s: float | None = None
    min_score: float | None = None
    run: str | None = None
    limit: int = DEFAULT_LIMIT
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Mute:
    """A source, a kind, or both together, silenced for a while.

    Attributes:
        id: to unmute it by.
        source, kind: what is muted; None is any.
        until_wall_s: Unix time at which it ends.
        note: why, in a person's words.
        created_wall_s: Unix time at which it was set.
    """

    id: int
    source: str | None
    kind: str | None
    until_wall_s: float
    note: str
    created_wall_s: float

    def silences(self, source: str, kind: str) -> bool:
        """Whether an alert of this source and kind is muted by it."""
        return self.source in (None, source) and self.kind in (None, kind)
