"""What comes out of the store about reports, people and the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.store.values import DEFAULT_LIMIT

ROLES = ("viewer", "operator", "clinician", "signer", "admin")


class ReportState(StrEnum):
    """Of a report, or of one of its versions (only a version can be `amended-draft`)."""

    DRAFT = "draft"
    FINAL = "final"
    AMENDED_DRAFT = "amended-draft"
    AMENDED = "amended"

    @property
    def is_signed(self) -> bool:
        """Whether a person has signed it."""
        return self in (ReportState.FINAL, ReportState.AMENDED)


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file to keep with a report.

    Attributes:
        kind: what it is, such as `key image`.
        content: its bytes, or a file to copy in (which stays the caller's).
        media_type: such as `image/png`.
        name: what to call it; a label, never a path.
    """

    kind: str
    content: bytes | Path = field(repr=False)
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class StoredReportFile:
    """A file that is kept with a report; `path` is named by the hash."""

    kind: str
    sha256: str
    path: Path
    media_type: str
    bytes: int
    name: str


@dataclass(frozen=True, slots=True)
class ReportVersion:
    """One version of a report, as it was written; it never changes.

    Attributes:
        report_id, number: which; numbers count from 1.
        state: draft, final, amended-draft or amended.
        by: who made it: a person's name, or what software it was.
        at_wall_s: Unix time.
        reason: why, in their words.
        previous: the version that it follows, None for the first.
        sha256: of the body's canonical JSON.
        body: JSON; the domain knows what it means.
        audit_number: the audit entry that tells of it.
    """

    report_id: str
    number: int
    state: ReportState
    by: str
    at_wall_s: float
    reason: str
    previous: int | None
    sha256: str
    body: Mapping[str, Any] = field(repr=False)
    audit_number: int


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The head of a report.

    Attributes:
        id: 32 hexadecimal digits.
        domain: whose body it has.
        subject: what it is about, such as a study's UID.
        state: draft, final or amended; an amendment that is not signed yet leaves it as it was.
        version: the newest version's number.
        version_state: that version's state.
        created_wall_s: Unix time of the first version.
    """

    id: str
    domain: str
    subject: str = field(repr=False)
    state: ReportState
    version: int
    version_state: ReportState
    created_wall_s: float

    @property
    def cursor(self) -> str:
        """Where to go on after this one: `ReportFilter(after=cursor)`."""
        return f"{self.created_wall_s!r}:{self.id}"


@dataclass(frozen=True, slots=True)
class ReportFilter:
    """Which reports to list, newest first. A None asks for all.

    Attributes:
        domain, subject, state: only those that are equal.
        since_wall_s, until_wall_s: Unix times of the first version; from the first, up to but without the second.
        limit: how many at most, 1 to 10000.
        after: the cursor of the last report of the page before.
    """

    domain: str | None = None
    subject: str | None = field(default=None, repr=False)
    state: ReportState | None = None
    since_wall_s: float | None = None
    until_wall_s: float | None = None
    limit: int = DEFAULT_LIMIT
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may do something here.

    Attributes:
        name: what they sign in with.
        display_name: how reports show them.
        roles: of `ROLES`.
    """

    name: str
    display_name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit trail.

    Attributes:
        number: from 1 up, without a gap.
        at_wall_s: Unix time.
        who: a person's name, `shell:USER`, or what software it was.
        action: such as `report.signed`.
        subject: a report's id or a person's name.
        details: JSON.
        previous_sha256: the hash of the entry before; 64 zeros for the first.
        sha256: over the canonical JSON of all of the above.
    """

    number: int
    at_wall_s: float
    who: str
    action: str
    subject: str
    details: Mapping[str, Any]
    previous_sha256: str
    sha256: str


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which audit entries to list, newest first; None asks for all.

    Attributes:
        who, action, subject: only those that are equal.
        before: only entries with a smaller number: the last one of the page before.
        limit: how many at most, 1 to 10000.
    """

    who: str | None = None
    action: str | None = None
    subject: str | None = None
    before: int | None = None
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What a check of the whole audit trail found.

    Attributes:
        entries: how many hold, from the first on.
        sha256: the hash of the last of them.
        broken: the number of the first entry that does not hold, or None.
        problem: what is wrong with it.
        missing_guards: triggers that should refuse changes and are gone.
    """

    entries: int
    sha256: str
    broken: int | None = None
    problem: str = ""
    missing_guards: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """To be kept elsewhere: given back as `expect`, it shows whether entries were cut off the end since."""
        return f"{self.entries}:{self.sha256}"
