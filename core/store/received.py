"""Objects that were received from elsewhere: which there are, what each holds, and which studies still wait to be handed on.

The index names no patient: identifiers of study, series and instance, the file's hash, and who sent it. A row is committed before
its sender is told of success, and after the file that it names lies under its name.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Connection,
    Index,
    String,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    func,
    insert,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.store.cleaning import clean_text
from core.store.database import EVIDENCE_LOCK, Database
from core.store.models import ID_CHARACTERS, SHA256_CHARACTERS, Base
from core.store.store import Store

UID_CHARACTERS = 64
ASKED_AT_ONCE = 400  # rows named in one question; SQLite takes some thousand values in one statement


class Arrival(enum.Enum):
    """What an object was to the index.

    Attributes:
        NEW: the first of its identifier.
        DUPLICATE: the same content is here already; it was counted.
        CONFLICT: the same identifier with other content; both are kept, and both are flagged.
    """

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


class ReceivedRow(Base):
    """One object: one content of one instance identifier."""

    __tablename__ = "received_objects"
    __table_args__ = (
        UniqueConstraint("instance_uid", "sha256"),
        Index(None, "study_uid", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    domain: Mapped[str]
    sender: Mapped[str]
    association: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    study_uid: Mapped[str] = mapped_column(String(UID_CHARACTERS))
    series_uid: Mapped[str] = mapped_column(String(UID_CHARACTERS))
    instance_uid: Mapped[str] = mapped_column(String(UID_CHARACTERS))
    class_uid: Mapped[str] = mapped_column(String(UID_CHARACTERS))
    transfer_syntax: Mapped[str] = mapped_column(String(UID_CHARACTERS))
    sha256: Mapped[str] = mapped_column(String(SHA256_CHARACTERS), index=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    received_wall_s: Mapped[float]
    times: Mapped[int]
    is_conflict: Mapped[bool]
    handed_on_wall_s: Mapped[float | None]


@dataclass(frozen=True, slots=True)
class ReceivedObject:
    """One object as it came.

    Attributes:
        sender: the application entity's title, or the kind of service it was fetched from.
        association: an id of the exchange in which it came.
        study_uid, series_uid, instance_uid: what it says it is.
        class_uid, transfer_syntax: its kind, and how it is encoded.
        sha256: of its file.
        bytes: of its file.
        received_wall_s: Unix time.
    """

    sender: str
    association: str
    study_uid: str
    series_uid: str
    instance_uid: str
    class_uid: str
    transfer_syntax: str
    sha256: str
    bytes: int
    received_wall_s: float


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object as the index has it.

    Attributes:
        id: grows with every object.
        object: as it first came.
        times: how often it came.
        is_conflict: other content came under the same identifier.
    """

    id: int
    object: ReceivedObject
    times: int
    is_conflict: bool


@dataclass(frozen=True, slots=True)
class ReceivedIndex:
    """What one domain received. Safe to use from several threads.

    Attributes:
        domain: whose objects these are.
    """

    _database: Database
    domain: str

    def add(self, objects: Sequence[ReceivedObject], put_in_place: Callable[[], None]) -> list[Arrival]:
        """Index objects, all or none, committed on return.

        Args:
            objects: in the order in which they came.
            put_in_place: gives the files their names, for good; called inside the transaction, in which nobody else does so.

        Returns:
            What each was.

        Raises:
            StoreError: the database cannot be written, or not in time.
            OSError: the files could not be put in place; nothing is indexed.
        """
        with self._database.connect(writes=True) as connection, connection.begin():
            if self._database.is_postgresql:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": EVIDENCE_LOCK})
            known = _known(connection, {each.instance_uid for each in objects})
            put_in_place()
            return [self._add(connection, each, known.setdefault(each.instance_uid, {})) for each in objects]

    def _add(self, connection: Connection, received: ReceivedObject, known: dict[str, int]) -> Arrival:
        """Args: known: rows of the same identifier, by their content."""
        if received.sha256 in known:
            connection.execute(_COUNT, {"row_id": known[received.sha256]})
            return Arrival.DUPLICATE
        values = {name: getattr(received, name) for name in ReceivedObject.__slots__}
        values |= {"domain": self.domain, "sender": clean_text(received.sender), "times": 1, "is_conflict": bool(known)}
        result = connection.execute(_INSERT, values)
        if known:
            connection.execute(_FLAG, {"row_ids": list(known.values())})
        known[received.sha256] = int(cast("tuple[int]", result.inserted_primary_key)[0])
        return Arrival.CONFLICT if len(known) > 1 else Arrival.NEW

    def waiting_studies(self) -> list[str]:
        """Studies with objects that were not handed on yet, the one that has waited longest first.

        Asked once, at the start, and looks at every row: one more index would cost every object that comes.
        """
        with self._database.read() as session:
            query = select(ReceivedRow.study_uid).where(ReceivedRow.handed_on_wall_s.is_(None), ReceivedRow.domain == self.domain)
            return list(session.scalars(query.group_by(ReceivedRow.study_uid).order_by(func.min(ReceivedRow.id))))

    def objects_of(self, study_uid: str) -> list[StoredObject]:
        """Everything of one study, in the order in which it came."""
        with self._database.read() as session:
            query = select(ReceivedRow).where(ReceivedRow.study_uid == study_uid, ReceivedRow.domain == self.domain)
            return [_stored(row) for row in session.scalars(query.order_by(ReceivedRow.id))]

    def handed_on(self, study_uid: str, up_to: int) -> None:
        """Note that a study's objects, up to this id, were handed on."""
        with self._database.write() as session:
            of_study = and_(ReceivedRow.study_uid == study_uid, ReceivedRow.domain == self.domain, ReceivedRow.id <= up_to)
            waits = update(ReceivedRow).where(of_study, ReceivedRow.handed_on_wall_s.is_(None))
            session.execute(waits.values(handed_on_wall_s=time.time()))

    def kept(self, wanted: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of these (class, instance) identifiers that are here: what a storage commitment may promise."""
        found: set[tuple[str, str]] = set()
        with self._database.read() as session:
            for part in _parts(wanted):
                query = select(ReceivedRow.class_uid, ReceivedRow.instance_uid).where(ReceivedRow.domain == self.domain)
                rows = session.execute(query.where(tuple_(ReceivedRow.class_uid, ReceivedRow.instance_uid).in_(part)))
                found |= {(str(a), str(b)) for a, b in rows}
        return found

    def named(self, hashes: Iterable[str]) -> set[str]:
        """Those of these hashes that rows name."""
        found: set[str] = set()
        with self._database.read() as session:
            for part in _parts(sorted(hashes)):
                found |= set(session.scalars(select(ReceivedRow.sha256).where(ReceivedRow.sha256.in_(part))))
        return found

    def remove_unnamed(self, hashes: Iterable[str], remove: Callable[[str], None]) -> int:
        """Call `remove` for each of these hashes that no row names, while nobody puts files in place; says how many."""
        with self._database.write(holds_files=True) as session:
            gone = 0
            for part in _parts(sorted(hashes)):
                named = set(session.scalars(select(ReceivedRow.sha256).where(ReceivedRow.sha256.in_(part))))
                for sha256 in part:
                    if sha256 not in named:
                        remove(sha256)
                        gone += 1
        return gone

    def __len__(self) -> int:
        """Objects that are kept."""
        with self._database.read() as session:
            return int(session.scalar(select(func.count()).select_from(ReceivedRow).where(ReceivedRow.domain == self.domain)) or 0)


def received_index(store: Store, domain: str) -> ReceivedIndex:
    """The index of what a domain received, in an open store."""
    return ReceivedIndex(store._database, domain)


# Built once: building a statement takes longer than executing it, and an object waits for three of them.
_TABLE = cast("Table", ReceivedRow.__table__)
_KNOWN = select(_TABLE.c.instance_uid, _TABLE.c.sha256, _TABLE.c.id).where(_TABLE.c.instance_uid.in_(bindparam("uids", expanding=True)))
_INSERT = insert(_TABLE)
_COUNT = update(_TABLE).where(_TABLE.c.id == bindparam("row_id")).values(times=_TABLE.c.times + 1)
_FLAG = update(_TABLE).where(_TABLE.c.id.in_(bindparam("row_ids", expanding=True))).values(is_conflict=True)


def _known(connection: Connection, instance_uids: set[str]) -> dict[str, dict[str, int]]:
    """Rows of these identifiers: their ids by content, by identifier."""
    known: dict[str, dict[str, int]] = {}
    for part in _parts(sorted(instance_uids)):
        for instance_uid, sha256, row_id in connection.execute(_KNOWN, {"uids": part}):
            known.setdefault(instance_uid, {})[sha256] = row_id
    return known


def _parts(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + ASKED_AT_ONCE] for start in range(0, len(values), ASKED_AT_ONCE))


def _stored(row: ReceivedRow) -> StoredObject:
    received = ReceivedObject(**{name: getattr(row, name) for name in ReceivedObject.__slots__})
    return StoredObject(row.id, received, row.times, row.is_conflict)
