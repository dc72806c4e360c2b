"""Runs, the processes that they were, and the alerts that a dead one left open."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Mapping

import psutil
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.alerts import AlertState
from core.errors import StoreError
from core.store.cleaning import clean_json, clean_text
from core.store.models import AlertRow, RunRow

INTERRUPTED = "interrupted"
START_TOLERANCE_S = 5.0  # a process's start is reckoned from the boot time, which moves a little with the clock
SILENT_HOST_S = 24 * 3600.0  # open alerts of another host (a container that is gone) are given up after this


def begin_run(
    session: Session,
    pipeline: str,
    domain: str,
    input: str,
    configuration: Mapping[str, object],
    versions: Mapping[str, object],
    checkpoint: str | None,
) -> str:
    """Note a run of this process; see `Store.begin_run`."""
    run_id = uuid.uuid4().hex
    session.add(
        RunRow(
            id=run_id,
            pipeline=clean_text(pipeline),
            domain=clean_text(domain),
            input=clean_text(input),
            configuration=clean_json(configuration, "the run's configuration"),
            versions=clean_json(versions, "the run's versions"),
            checkpoint=None if checkpoint is None else clean_text(checkpoint),
            host=socket.gethostname(),
            process_id=os.getpid(),
            process_started_s=psutil.Process().create_time(),
            started_wall_s=time.time(),
            counts={},
        )
    )
    return run_id


def finish_run(session: Session, run_id: str, outcome: str, counts: Mapping[str, object]) -> None:
    """Note how a run ended.

    Raises:
        StoreError: there is no such run.
    """
    row = session.get(RunRow, run_id)
    if row is None:
        raise StoreError(f"there is no run {run_id[:80]!r} in the database; begin a run before finishing it")
    row.outcome, row.finished_wall_s = clean_text(outcome), time.time()
    row.counts = clean_json(counts, "the run's counts")


def interrupt_open_alerts(session: Session) -> int:
    """Mark alerts that dead processes left open; their end stays the last moment known.

    Returns:
        How many there were.
    """
    opened = select(AlertRow.run_id).where(AlertRow.state == AlertState.OPEN.value).distinct()
    now_s, count = time.time(), 0
    for run in session.scalars(select(RunRow).where(RunRow.id.in_(opened))).all():
        stale = update(AlertRow).where(AlertRow.run_id == run.id, AlertRow.state == AlertState.OPEN.value)
        if run.outcome is None and run.host != socket.gethostname():
            stale = stale.where(AlertRow.updated_wall_s < now_s - SILENT_HOST_S)
        elif run.outcome is None:
            if _is_alive(run):
                continue
            run.outcome = INTERRUPTED
        changed = session.scalars(stale.values(state=AlertState.INTERRUPTED.value, updated_wall_s=now_s).returning(AlertRow.id))
        count += len(changed.all())
    return count


def _is_alive(run: RunRow) -> bool:
    try:
        process = psutil.Process(run.process_id)
        started_s, status = process.create_time(), process.status()
    except psutil.AccessDenied:
        return True
    except psutil.Error:
        return False
    return status != psutil.STATUS_ZOMBIE and abs(started_s - run.process_started_s) <= START_TOLERANCE_S
