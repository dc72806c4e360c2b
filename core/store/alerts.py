"""Save alerts and find them again."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from core.alerts import Alert, AlertState, Box, EvidenceKind
from core.errors import StoreError
from core.store.cleaning import clean_json, clean_text
from core.store.evidence import EvidenceFolder
from core.store.models import AlertRow, EvidenceRow, RunRow
from core.store.pages import begins_with, check_limit, is_id, parse_cursor, the_only
from core.store.values import AlertFilter, StoredAlert, StoredEvidence

_KEPT_ON_UPDATE = ("id", "created_wall_s")
_IDS_A_QUERY = 500


def save_alert(session: Session, alert: Alert, run_id: str) -> None:
    """Insert the alert, or update the one of the same id.

    Raises:
        StoreError: its id, numbers or details cannot be stored, or there is no such run.
    """
    _check(alert)
    if session.get(RunRow, run_id) is None:
        raise StoreError(f"there is no run {run_id[:80]!r} in the database; begin a run before saving its alerts")
    now_s = time.time()
    values = {
        "id": alert.id,
        "run_id": run_id,
        "domain": clean_text(alert.domain),
        "source": clean_text(alert.source),
        "kind": clean_text(alert.kind),
        "way": clean_text(alert.way),
        "state": AlertState(alert.state).value,
        "start_s": float(alert.start_s),
        "end_s": float(alert.end_s),
        "wall_start_s": None if alert.wall_start_s is None else float(alert.wall_start_s),
        "wall_end_s": None if alert.wall_end_s is None else float(alert.wall_end_s),
        "score": float(alert.score),
        "reason": clean_text(alert.reason),
        "contributions": clean_json(alert.contributions, f"the contributions of alert {alert.id}"),
        "boxes": clean_json({"boxes": [asdict(box) for box in alert.boxes]}, f"the boxes of alert {alert.id}")["boxes"],
        "details": clean_json(alert.details, f"the details of alert {alert.id}"),
        "at_wall_s": now_s if alert.wall_start_s is None else float(alert.wall_start_s),
        "created_wall_s": now_s,
        "updated_wall_s": now_s,
    }
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = (postgresql_insert if is_postgresql else sqlite_insert)(AlertRow).values(values)
    changes: dict[str, Any] = {name: insert.excluded[name] for name in values if name not in _KEPT_ON_UPDATE}
    changes["at_wall_s"] = func.coalesce(insert.excluded.wall_start_s, AlertRow.created_wall_s)
    session.execute(insert.on_conflict_do_update(index_elements=[AlertRow.id], set_=changes))


def find_alerts(session: Session, wanted: AlertFilter, folder: EvidenceFolder) -> list[StoredAlert]:
    """The alerts that the filter asks for, newest first.

    Raises:
        StoreError: the limit or the cursor cannot be.
    """
    check_limit(wanted.limit, "alerts")
    query = _filtered(select(AlertRow), wanted)
    if wanted.after is not None:
        query = query.where(tuple_(AlertRow.at_wall_s, AlertRow.id) < tuple_(*parse_cursor(wanted.after, "alert")))
    rows = session.scalars(query.order_by(AlertRow.at_wall_s.desc(), AlertRow.id.desc()).limit(wanted.limit)).all()
    return _stored(session, rows, folder)


def find_alert(session: Session, prefix: str, folder: EvidenceFolder) -> StoredAlert:
    """The one alert whose id begins so.

    Raises:
        StoreError: no alert's does, or more than one's.
    """
    query = select(AlertRow).where(begins_with(AlertRow.id, prefix, "alert")).order_by(AlertRow.id).limit(2)
    return _stored(session, [the_only(session.scalars(query).all(), prefix, "alert")], folder)[0]


def _check(alert: Alert) -> None:
    if not is_id(alert.id):
        raise StoreError(f"{alert.id[:80]!r} cannot be an alert's id; it must be 32 hexadecimal digits")
    numbers = (alert.start_s, alert.end_s, alert.score, alert.wall_start_s or 0.0, alert.wall_end_s or 0.0)
    if not all(math.isfinite(number) for number in numbers):
        raise StoreError(f"alert {alert.id} has a time or a score that is not a finite number")


def _filtered(query: Select[AlertRow], wanted: AlertFilter) -> Select[AlertRow]:
    equal = (
        (AlertRow.source, wanted.source),
        (AlertRow.kind, wanted.kind),
        (AlertRow.way, wanted.way),
        (AlertRow.domain, wanted.domain),
        (AlertRow.state, wanted.state),
        (AlertRow.run_id, wanted.run),
    )
    for column, value in equal:
        if value is not None:
            query = query.where(column == clean_text(str(value)))
    if wanted.since_wall_s is not None:
        query = query.where(AlertRow.at_wall_s >= wanted.since_wall_s)
    if wanted.until_wall_s is not None:
        query = query.where(AlertRow.at_wall_s < wanted.until_wall_s)
    if wanted.min_score is not None:
        query = query.where(AlertRow.score >= wanted.min_score)
    return query


def _stored(session: Session, rows: Sequence[AlertRow], folder: EvidenceFolder) -> list[StoredAlert]:
    evidence: dict[str, list[StoredEvidence]] = {row.id: [] for row in rows}
    ids = list(evidence)
    for start in range(0, len(ids), _IDS_A_QUERY):
        query = select(EvidenceRow).where(EvidenceRow.alert_id.in_(ids[start : start + _IDS_A_QUERY])).order_by(EvidenceRow.id)
        for row in session.scalars(query):
            evidence[row.alert_id].append(stored_evidence(row, folder))
    return [StoredAlert(_alert(row), row.run_id, row.created_wall_s, row.at_wall_s, tuple(evidence[row.id])) for row in rows]


def stored_evidence(row: EvidenceRow, folder: EvidenceFolder) -> StoredEvidence:
    """The value of a row of evidence."""
    return StoredEvidence(EvidenceKind(row.kind), row.sha256, folder.path_of(row.sha256), row.media_type, row.bytes, row.name, row.start_s)


def _alert(row: AlertRow) -> Alert:
    return Alert(
        id=row.id,
        domain=row.domain,
        source=row.source,
        kind=row.kind,
        way=row.way,
        state=AlertState(row.state),
        start_s=row.start_s,
        end_s=row.end_s,
        wall_start_s=row.wall_start_s,
        wall_end_s=row.wall_end_s,
        score=row.score,
        reason=row.reason,
        contributions=row.contributions,
        boxes=tuple(Box(**box) for box in row.boxes),
        details=row.details,
    )
