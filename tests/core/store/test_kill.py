"""kill -9 at random moments: every acknowledged alert is there, no row names a missing or half file."""

from __future__ import annotations

import random
import time

import pytest

from core.store import AlertFilter, RetentionPolicy, open_store

KILLS = 15
SAVE_FOR_EVER = """
import itertools, os, sys, uuid
from pathlib import Path
from core.alerts import Alert, AlertState, EvidenceKind
from core.store import RetentionPolicy, open_store
store = open_store(sys.argv[1], Path(sys.argv[2]))
print("ready", flush=True)
run = store.begin_run("watch", "surveillance", "door", {}, {}, None)
for number in itertools.count():
    alert = Alert(uuid.uuid4().hex, "surveillance", "door", "fall", "rule", AlertState.OPEN, 1.0, 2.0, None, None, 0.5, "why")
    store.save_alert(alert, run)
    print("alert", alert.id, flush=True)
    sha256 = store.attach(alert.id, EvidenceKind.CLIP, os.urandom(200_000), "video/mp4", "clip.mp4")
    print("evidence", alert.id, sha256, flush=True)
    store.attach(alert.id, EvidenceKind.SNAPSHOT, b"%d" % (number % 3), "image/jpeg", "shared.jpg")
    if number % 5 == 4:
        store.purge(RetentionPolicy(max_bytes=10**9))
"""


@pytest.mark.slow
def test_kill_at_any_moment_loses_nothing_that_was_acknowledged(database_url, child, tmp_path):
    chance = random.Random(3)
    alerts, evidence = set(), set()
    for _ in range(KILLS):
        process = child(SAVE_FOR_EVER, database_url, tmp_path / "evidence")
        assert process.stdout.readline() == "ready\n"
        said = "".join(process.stdout.readline() for _ in range(chance.randrange(6)))
        time.sleep(chance.uniform(0.0, 0.04))  # a moment anywhere between two commits
        process.kill()
        said += process.stdout.read()
        assert process.wait() == -9, process.stderr.read()
        for line in said.splitlines(keepends=True):
            word, *rest = line.split()
            if line.endswith("\n"):
                (alerts if word == "alert" else evidence).add(tuple(rest))

    store = open_store(database_url, tmp_path / "evidence")
    found = store.alerts(AlertFilter(limit=10_000))
    assert len(alerts) >= KILLS
    assert alerts <= {(stored.alert.id,) for stored in found}
    assert evidence <= {(stored.alert.id, piece.sha256) for stored in found for piece in stored.evidence}
    assert store.check(deep=True) == []
    store.purge(RetentionPolicy())
    assert store.check(deep=True) == []
    named = {piece.path for stored in found for piece in stored.evidence}
    assert named == set((tmp_path / "evidence").glob("??/*"))
    store.close()
