"""The tables: runs, alerts, their evidence, mutes, and the store's own identity.

What these classes say and what the migrations build must be the same; a test compares them. Times are Unix seconds
(UTC) where the name has `wall`, else seconds in the source's own clock.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, MetaData, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID_CHARACTERS = 32
SHA256_CHARACTERS = 64


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can change it later on either database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {float: Double(), dict[str, Any]: JSON(), list[Any]: JSON()}  # noqa: RUF012 (SQLAlchemy's own way)


class RunRow(Base):
    """One execution of a pipeline, and the process that it was."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    pipeline: Mapped[str]
    domain: Mapped[str]
    input: Mapped[str]
    configuration: Mapped[dict[str, Any]]
    versions: Mapped[dict[str, Any]]
    checkpoint: Mapped[str | None]
    host: Mapped[str]
    process_id: Mapped[int] = mapped_column(BigInteger)
    process_started_s: Mapped[float]
    started_wall_s: Mapped[float] = mapped_column(index=True)
    finished_wall_s: Mapped[float | None]
    outcome: Mapped[str | None]
    counts: Mapped[dict[str, Any]]


class AlertRow(Base):
    """One alert, as its policy last said it.

    `at_wall_s` is what lists are ordered by: when it began on the wall clock, or, for a source that has none, when
    it was first stored.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        Index(None, "at_wall_s", "id"),
        Index(None, "run_id", "at_wall_s"),
        Index(None, "source", "at_wall_s"),
        Index(None, "kind", "at_wall_s"),
        Index(None, "way", "at_wall_s"),
        Index(None, "domain", "at_wall_s"),
        Index(None, "state", "at_wall_s"),
    )

    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))
    domain: Mapped[str]
    source: Mapped[str]
    kind: Mapped[str]
    way: Mapped[str]
    state: Mapped[str]
    start_s: Mapped[float]
    end_s: Mapped[float]
    wall_start_s: Mapped[float | None]
    wall_end_s: Mapped[float | None]
    score: Mapped[float]
    reason: Mapped[str]
    contributions: Mapped[dict[str, Any]]
    boxes: Mapped[list[Any]]
    details: Mapped[dict[str, Any]]
    at_wall_s: Mapped[float]
    created_wall_s: Mapped[float] = mapped_column(index=True)
    updated_wall_s: Mapped[float]


class EvidenceRow(Base):
    """One piece of evidence of one alert; the file that it names may be named by others too."""

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("alert_id", "kind", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"))
    kind: Mapped[str]
    sha256: Mapped[str] = mapped_column(String(SHA256_CHARACTERS), index=True)
    media_type: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str]
    start_s: Mapped[float | None]


class MuteRow(Base):
    """Until when a source, a kind, or both together raise nothing."""

    __tablename__ = "mutes"

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str | None]
    kind: Mapped[str | None]
    until_wall_s: Mapped[float] = mapped_column(index=True)
    note: Mapped[str]
    created_wall_s: Mapped[float]


class IdentityRow(Base):
    """The one row that says which store this is, so that no other store cleans its evidence folder."""

    __tablename__ = "identity"

    id: Mapped[int] = mapped_column(primary_key=True)
    store_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
