"""The tables of reports: their heads, their versions, their files, the audit trail, and people.

Versions, files and audit entries are only ever added; triggers in the database (migration 0003) refuse everything else. A change of
these tables in a later migration must make the triggers anew where it rebuilds a table (SQLite), and `guards.py` names them all.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.store.models import ID_CHARACTERS, SHA256_CHARACTERS, Base

NAME_CHARACTERS = 64


class ReportRow(Base):
    """The head of a report: what lists are filtered by. It moves only together with a new version."""

    __tablename__ = "reports"
    __table_args__ = (
        Index(None, "created_wall_s", "id"),
        Index(None, "domain", "created_wall_s"),
        Index(None, "state", "created_wall_s"),
        Index(None, "subject", "created_wall_s"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    domain: Mapped[str]
    subject: Mapped[str]
    state: Mapped[str]
    version: Mapped[int]
    created_wall_s: Mapped[float]


class ReportVersionRow(Base):
    """One version, never changed: the body, its hash, who made it, when and why, and the audit entry that says so."""

    __tablename__ = "report_versions"
    __table_args__ = (UniqueConstraint("audit_number"),)

    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]
    by: Mapped[str]
    at_wall_s: Mapped[float]
    reason: Mapped[str]
    previous: Mapped[int | None]
    sha256: Mapped[str] = mapped_column(String(SHA256_CHARACTERS))
    body: Mapped[dict[str, Any]]
    audit_number: Mapped[int] = mapped_column(BigInteger, ForeignKey("audit_entries.number"))


class ReportFileRow(Base):
    """One file of a report; the evidence folder keeps it for as long as this row stands, which is for ever."""

    __tablename__ = "report_files"
    __table_args__ = (UniqueConstraint("report_id", "kind", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id"))
    kind: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(SHA256_CHARACTERS), index=True)
    media_type: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]


class AuditRow(Base):
    """One entry of the audit trail; its hash covers all of it and the hash of the entry before."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "subject", "number"), Index(None, "who", "number"))

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at_wall_s: Mapped[float]
    who: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[dict[str, Any]]
    previous_sha256: Mapped[str] = mapped_column(String(SHA256_CHARACTERS))
    sha256: Mapped[str] = mapped_column(String(SHA256_CHARACTERS))


class PersonRow(Base):
    """One person who may do something, and how often somebody failed to be them since they last succeeded."""

    __tablename__ = "people"

    name: Mapped[str] = mapped_column(String(NAME_CHARACTERS), primary_key=True)
    display_name: Mapped[str]
    roles: Mapped[list[Any]]
    password_hash: Mapped[str]
    failures: Mapped[int]
    locked_until_wall_s: Mapped[float | None]
    created_wall_s: Mapped[float]
