"""The audit trail: it grows in one chain, and whatever is done to it behind the program's back is found and named."""

from __future__ import annotations

import json
import sqlite3
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import StoreError
from core.store import AuditFilter, open_store
from core.store.audit import FIRST_PREVIOUS
from core.store.canonical import sha256_of
from core.store.guards import missing_guards

BODY = {"sentences": [{"id": "s1", "text": "No effusion."}]}
PASSWORD = "correct horse battery"
pytestmark = pytest.mark.usefixtures("light_hashes")


@pytest.fixture
def filled(sqlite_store):
    """Two people, two reports, one of them signed and amended: 10 entries."""
    store = sqlite_store
    ada = store.add_person("ada", "Ada", {"clinician"}, PASSWORD, "shell:test")
    store.add_person("grace", "Grace", {"signer"}, PASSWORD, "shell:test")
    one = store.save_draft("medical", "1.2", BODY, "model").report_id
    store.save_draft("medical", "1.3", BODY, "model")
    store.edit(one, 1, {**BODY, "x": 1}, ada)
    store.sign(one, 2, "grace", PASSWORD)
    store.record("shell:test", "report.exported", one, {"version": 3})
    store.amend(one, 3, ada, "wrong side")
    store.edit(one, 4, {**BODY, "x": 2}, ada)
    store.sign(one, 5, "grace", PASSWORD)
    return store


@pytest.fixture
def tamper(filled, tmp_path):
    """Runs SQL on the file, as somebody with an editor would: no triggers, no foreign keys."""

    def run(*statements: str) -> None:
        with sqlite3.connect(tmp_path / "store" / "trivium.db", isolation_level=None) as connection:
            triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.execute(statement)
            for _, definition in triggers:
                connection.execute(definition)
        connection.close()

    return run


def test_every_entry_carries_the_hash_of_the_one_before(filled):
    entries = list(reversed(filled.audit_entries()))

    assert [entry.number for entry in entries] == list(range(1, 11))
    assert [entry.previous_sha256 for entry in entries] == [FIRST_PREVIOUS, *(entry.sha256 for entry in entries[:-1])]
    assert [entry.action for entry in entries[-5:]] == [
        "report.signed",
        "report.exported",
        "report.amended",
        "report.edited",
        "report.signed",
    ]
    assert entries[5].details | {"sha256": ""} == {"version": 3, "state": "final", "sha256": "", "reason": "", "signer": "Grace"}
    checked = filled.verify_audit()
    assert (checked.entries, checked.broken, checked.anchor) == (10, None, f"10:{entries[-1].sha256}")


def test_filter_finds_what_it_names_and_pages_backwards(filled):
    assert [e.number for e in filled.audit_entries(AuditFilter(who="grace"))] == [10, 6]
    assert [e.number for e in filled.audit_entries(AuditFilter(action="person.added"))] == [2, 1]
    assert [e.number for e in filled.audit_entries(AuditFilter(subject="ada"))] == [1]
    assert [e.number for e in filled.audit_entries(AuditFilter(limit=2, before=9))] == [8, 7]
    with pytest.raises(StoreError):
        filled.audit_entries(AuditFilter(limit=0))


def test_what_only_the_store_tells_of_cannot_be_recorded(filled):
    for action in ("report.signed", "person.added"):
        with pytest.raises(StoreError, match="told by the store itself"):
            filled.record("eve", action, "x")


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("UPDATE audit_entries SET who = 'eve' WHERE number = 6", 6),
        ("UPDATE audit_entries SET at_wall_s = at_wall_s + 1 WHERE number = 1", 1),
        ("UPDATE audit_entries SET details = '{}' WHERE number = 8", 8),
        ("UPDATE audit_entries SET details = 'no JSON' WHERE number = 8", 8),
        (f"UPDATE audit_entries SET details = '{'[' * 100_000}' WHERE number = 8", 8),
        ("UPDATE audit_entries SET details = x'ff00' WHERE number = 8", 8),
        ("UPDATE audit_entries SET at_wall_s = 'yesterday' WHERE number = 3", 3),
        ("DELETE FROM audit_entries WHERE number = 4", 4),
        ("DELETE FROM audit_entries WHERE number = 1", 1),
        ("DELETE FROM audit_entries WHERE number = 10", 10),  # the version that it told of is still there
        ("DELETE FROM audit_entries", 3),
        ("UPDATE report_versions SET body = '{\"sentences\": []}' WHERE number = 3", 6),
        ("UPDATE report_versions SET body = 'no JSON' WHERE number = 3", 6),
        ("UPDATE report_versions SET by = 'eve' WHERE number = 3", 6),
        ("UPDATE report_versions SET at_wall_s = 0 WHERE number = 3", 6),
        ("UPDATE report_versions SET state = 'draft' WHERE number = 3", 6),
        ("UPDATE report_versions SET reason = 'none' WHERE number = 4", 8),
        ("DELETE FROM report_versions WHERE number = 2", 5),
        ("UPDATE reports SET state = 'draft' WHERE state = 'amended'", 10),
        ("UPDATE reports SET version = 3 WHERE state = 'amended'", 10),
        ("DELETE FROM reports WHERE state = 'amended'", 10),
    ],
)
def test_what_was_changed_behind_the_programs_back_is_named(filled, tamper, statement, number):
    tamper(statement)

    checked = filled.verify_audit()

    assert (checked.broken, checked.missing_guards) == (number, ())
    assert checked.problem
    assert "\n" not in checked.problem


def test_entries_that_changed_places_are_found(filled, tamper):
    tamper(
        "UPDATE audit_entries SET number = -1 WHERE number = 5",
        "UPDATE audit_entries SET number = 5 WHERE number = 6",
        "UPDATE audit_entries SET number = 6 WHERE number = -1",
    )

    assert filled.verify_audit().broken == 5


def test_entry_with_a_hash_made_to_fit_breaks_the_next_one(filled, tamper):
    entry = next(entry for entry in filled.audit_entries() if entry.number == 7)
    values = {name: getattr(entry, name) for name in ("number", "at_wall_s", "who", "action", "subject", "details", "previous_sha256")}
    tamper(f"UPDATE audit_entries SET who = 'eve', sha256 = '{sha256_of(values | {'who': 'eve'})}' WHERE number = 7")

    checked = filled.verify_audit()

    assert (checked.broken, checked.problem) == (8, "does not follow the entry before it")


def test_tail_that_was_cut_off_with_all_that_it_told_of_is_found_by_the_anchor(filled, tamper):
    anchor = filled.verify_audit().anchor
    tamper(
        "DELETE FROM report_versions WHERE number >= 4",
        "DELETE FROM audit_entries WHERE number >= 8",
        "UPDATE reports SET state = 'final', version = 3 WHERE state = 'amended'",
    )

    assert filled.verify_audit().broken is None  # whole in itself
    assert (filled.verify_audit(anchor).broken, filled.verify_audit(anchor).entries) == (8, 7)


def test_chain_written_anew_is_found_by_the_anchor(filled, tmp_path):
    anchor = filled.verify_audit().anchor
    other = open_store(f"sqlite:///{tmp_path}/other.db", tmp_path / "other")
    for _ in range(12):
        other.record("eve", "x", "y")

    assert other.verify_audit().broken is None
    assert other.verify_audit(anchor).broken == 10
    assert other.verify_audit(f"0:{FIRST_PREVIOUS}").broken is None
    other.close()
    for bad in ("", "10", "x:" + "0" * 64, "10:" + "0" * 63):
        with pytest.raises(StoreError, match="not an anchor"):
            filled.verify_audit(bad)


def test_anchor_of_before_still_holds_after_more_was_written(filled):
    anchor = filled.verify_audit().anchor
    filled.record("shell:test", "report.exported", "x")

    assert filled.verify_audit(anchor).broken is None
    assert filled.verify_audit(anchor).entries == 11


def test_guards_that_were_dropped_or_switched_off_are_named(store):
    assert store.verify_audit().missing_guards == ()
    is_postgresql = store._database.is_postgresql
    with store._database.write() as session:
        connection = session.connection()
        if is_postgresql:
            connection.exec_driver_sql("ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_change")
            connection.exec_driver_sql("DROP TRIGGER reports_truncate ON reports")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_entries_update")
    with store._database.read() as session:
        assert missing_guards(session) == (("audit_entries_change", "reports_truncate") if is_postgresql else ("audit_entries_update",))


def test_trail_is_longer_than_a_read(sqlite_store, monkeypatch):
    monkeypatch.setattr("core.store.audit_check.ENTRIES_A_READ", 3)
    for number in range(7):
        sqlite_store.record("shell:test", "x", str(number))

    checked = sqlite_store.verify_audit()

    assert (checked.entries, checked.broken) == (7, None)


WRITE = """
import sys
from pathlib import Path
from core.store import open_store
store = open_store(sys.argv[1], Path(sys.argv[2]))
print("ready", flush=True)
for number in range(40):
    store.record("child", "x", str(number))
"""


def test_writers_in_threads_and_processes_make_one_chain(store, database_url, tmp_path, child):
    writers = [child(WRITE, database_url, tmp_path / "evidence") for _ in range(2)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    threads = [threading.Thread(target=lambda: [store.record("thread", "x", "y") for _ in range(10)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [writer.wait() for writer in writers] == [0, 0]

    checked = store.verify_audit()
    assert (checked.entries, checked.broken) == (100, None)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(details=st.dictionaries(st.text(max_size=8), json_values, max_size=4), who=st.text(max_size=20), subject=st.text(max_size=20))
def test_whatever_is_told_holds_when_it_is_read_again(store, details, who, subject):
    entry = store.record(who, "x", subject, details)

    (read,) = store.audit_entries(AuditFilter(limit=1))
    assert read == entry
    json.dumps(read.details)
    assert store.verify_audit().broken is None
