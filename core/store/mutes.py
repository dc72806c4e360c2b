"""Mutes: what an operator does not want to hear of for a while."""

from __future__ import annotations

import math
import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import StoreError
from core.store.cleaning import clean_text
from core.store.models import MuteRow
from core.store.values import Mute


def add_mute(session: Session, source: str | None, kind: str | None, until_wall_s: float, note: str) -> Mute:
    """Mute a source, a kind, or both together.

    Raises:
        StoreError: neither is named, or the end is not a time.
    """
    if source is None and kind is None:
        raise StoreError("a mute names neither a source nor a kind; name at least one of them")
    if not math.isfinite(until_wall_s):
        raise StoreError("a mute has no end; give the time at which it ends")
    row = MuteRow(
        source=None if source is None else clean_text(source),
        kind=None if kind is None else clean_text(kind),
        until_wall_s=float(until_wall_s),
        note=clean_text(note),
        created_wall_s=time.time(),
    )
    session.add(row)
    session.flush()
    return _mute(row)


def mutes_at(session: Session, at_wall_s: float) -> list[Mute]:
    """The mutes that hold at a moment, the one that ends first at the front."""
    query = select(MuteRow).where(MuteRow.until_wall_s > at_wall_s).order_by(MuteRow.until_wall_s, MuteRow.id)
    return [_mute(row) for row in session.scalars(query)]


def remove_mute(session: Session, mute_id: int) -> None:
    """End a mute now.

    Raises:
        StoreError: there is no such mute.
    """
    row = session.get(MuteRow, mute_id)
    if row is None:
        raise StoreError(f"there is no mute {mute_id}; list the mutes to see their numbers")
    session.delete(row)


def _mute(row: MuteRow) -> Mute:
    return Mute(row.id, row.source, row.kind, row.until_wall_s, row.note, row.created_wall_s)
