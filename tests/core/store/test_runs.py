"""Runs know whether their process still lives; what a dead one left open becomes interrupted."""

from __future__ import annotations

from core.alerts import AlertState
from core.store import open_store
from core.store.database import open_database
from core.store.models import AlertRow, RunRow

RUN_AND_OPEN_ALERT = """
import sys, threading, uuid
from pathlib import Path
from core.alerts import Alert, AlertState
from core.store import open_store
store = open_store(sys.argv[1], Path(sys.argv[2]))
run = store.begin_run("watch", "surveillance", "door", {}, {}, None)
alert = Alert(uuid.uuid4().hex, "surveillance", "door", "fall", "rule", AlertState.OPEN, 1.0, 2.5, None, None, 0.5, "why")
store.save_alert(alert, run)
print(alert.id, flush=True)
threading.Event().wait()
"""


def test_alert_of_a_killed_process_becomes_interrupted_and_that_of_a_living_one_stays(store, database_url, child, tmp_path):
    killed, living = (child(RUN_AND_OPEN_ALERT, database_url, tmp_path / "evidence") for _ in range(2))
    killed_alert, living_alert = killed.stdout.readline().strip(), living.stdout.readline().strip()
    assert store.interrupt_open_alerts() == 0
    killed.kill()  # and not yet waited for: a zombie is dead, too

    while store.interrupt_open_alerts() == 0:
        assert killed.poll() is None or killed.wait() == -9

    assert store.alert(killed_alert).alert.state is AlertState.INTERRUPTED
    assert store.alert(killed_alert).alert.end_s == 2.5
    assert store.alert(living_alert).alert.state is AlertState.OPEN
    assert store.interrupt_open_alerts() == 0


def change_run(database_url, run, **changes):
    database = open_database(database_url)
    with database.write() as session:
        row = session.get(RunRow, run)
        for name, value in changes.items():
            setattr(row, name, value)
    database.engine.dispose()


def test_process_number_taken_by_another_process_counts_as_dead(store, database_url, fall, begin):
    run, alert = begin(store), fall(state=AlertState.OPEN)
    store.save_alert(alert, run)
    change_run(database_url, run, process_started_s=1.0)

    assert store.interrupt_open_alerts() == 1


def test_other_hosts_run_is_left_alone_until_it_was_silent_for_a_day(store, database_url, fall, begin):
    run, alert = begin(store), fall(state=AlertState.OPEN)
    store.save_alert(alert, run)
    change_run(database_url, run, host="another", process_started_s=1.0)
    assert store.interrupt_open_alerts() == 0

    database = open_database(database_url)
    with database.write() as session:
        session.get(AlertRow, alert.id).updated_wall_s -= 25 * 3600
    database.engine.dispose()

    assert store.interrupt_open_alerts() == 1


def test_finished_run_leaves_nothing_open(store, fall, begin, database_url, tmp_path):
    run, open_alert, closed = begin(store), fall(state=AlertState.OPEN), fall()
    store.save_alert(open_alert, run)
    store.save_alert(closed, run)
    store.finish_run(run, "done", {"frames": 10})

    assert open_store(database_url, tmp_path / "evidence").interrupt_open_alerts() == 1
    assert store.alert(closed.id).alert.state is AlertState.CLOSED
