"""The lag bench hides no event: what was never alerted is infinitely late, and frames dropped are shown beside those due."""

from __future__ import annotations

import math
import time
import uuid
from pathlib import Path

import pytest

from core.alerts import Alert, AlertState
from core.store import open_store
from domains.surveillance.benches.streams import QUIET_S, VISIT_S, frame_metrics, lag_metrics, visit_lags

ROUND_S = QUIET_S + VISIT_S


def test_lags_are_by_the_film_and_a_visit_without_an_alert_is_never(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'trivium.db'}", tmp_path / "data" / "evidence")
    run = store.begin_run("watch", "surveillance", "cam0", {}, {}, None)
    now = time.time()
    for start_s in (QUIET_S, QUIET_S + 0.1, QUIET_S + 2 * ROUND_S + 3.0):  # two of the first visit, none of the second, a late one
        alert_id = uuid.uuid4().hex
        store.save_alert(
            Alert(alert_id, "surveillance", "cam0", "rule:person", "rule", AlertState.CLOSED, start_s, start_s, now, now, 1.0, "why"), run
        )
    store.close()

    first, second, third = visit_lags(tmp_path, {"cam0": 3 * ROUND_S + 1.0})

    assert first == pytest.approx(0.0, abs=1.0)
    assert second == math.inf
    assert third == pytest.approx(3.0, abs=1.0)


def test_a_missed_event_breaks_the_bound_when_there_are_enough_of_them() -> None:
    p95, _, missed = lag_metrics([0.1] * 9 + [math.inf], "")
    assert p95.holds is False
    assert missed.value == 1.0

    p95, _, missed = lag_metrics([0.1] * 40 + [math.inf], "")
    assert p95.value == 0.1
    assert missed.value == 1.0


def test_frames_read_due_and_dropped_are_all_shown() -> None:
    counts = {
        "frames": 100, "frames_damaged": 1, "frames_due": 20, "frames_dropped": 3, "inspected": 9, "sound_blocks": 40, "sounds_dropped": 2,
    }  # fmt: skip
    status = {"sources": [{"fps": 10.0, "counts": counts}, {"fps": 10.0, "counts": counts}]}

    found = {metric.name: metric.value for metric in frame_metrics([status], "")}

    assert found["frames read"] == 200.0
    assert (found["frames due"], found["frames due and dropped"], found["blocks of sound dropped"]) == (40.0, 6.0, 4.0)
