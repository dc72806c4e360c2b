"""People: nobody gets in by guessing, and a refusal never says what was wrong."""

from __future__ import annotations

import threading

import pytest
import time_machine

from core.errors import StoreError
from core.store import AuditFilter, passwords, people

PASSWORD = "correct horse battery"
WRONG = "wrong horse battery"
pytestmark = pytest.mark.usefixtures("light_hashes")


@pytest.fixture
def ada(store):
    return store.add_person("ada", "Dr. Ada", {"signer", "clinician"}, PASSWORD, "shell:test")


def refused(store, name, password):
    with pytest.raises(StoreError) as caught:
        store.check_password(name, password)
    return str(caught.value)


def test_right_password_gives_the_person_with_their_roles(store, ada):
    assert store.check_password("ada", PASSWORD) == ada
    assert (ada.name, ada.display_name, ada.roles) == ("ada", "Dr. Ada", ("clinician", "signer"))
    assert store.people() == [ada]


def test_only_an_argon2id_hash_is_kept(sqlite_store, tmp_path):
    sqlite_store.add_person("ada", "Ada", (), PASSWORD, "shell:test")
    sqlite_store.close()

    kept = b"".join(path.read_bytes() for path in (tmp_path / "store").glob("*"))
    assert b"$argon2id$v=19$" in kept
    assert PASSWORD.encode() not in kept


def test_default_parameters_are_rfc_9106s(monkeypatch):
    monkeypatch.undo()

    assert passwords.hash_password("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_refusal_says_the_same_whatever_was_wrong(store, ada):
    said = {refused(store, name, password) for name, password in (("ada", WRONG), ("bob", PASSWORD), ("", ""), ("' OR 1=1 --", "x"))}
    for _ in range(6):
        refused(store, "ada", WRONG)
    said.add(refused(store, "ada", PASSWORD))  # locked

    assert said == {people.REFUSED}


def test_every_refusal_reckons_one_hash(store, ada, monkeypatch):
    reckoned = []
    monkeypatch.setattr(passwords, "is_password", lambda password_hash, _password: reckoned.append(password_hash) and False)
    for _ in range(6):
        refused(store, "ada", WRONG)
    refused(store, "ada", PASSWORD)  # locked
    refused(store, "bob", PASSWORD)

    assert len(reckoned) == 8
    assert all(each.startswith("$argon2id$") for each in reckoned)


def test_failures_in_a_row_lock_for_longer_and_longer(store, ada):
    with time_machine.travel(1_800_000_000.0, tick=False) as clock:
        for _ in range(5):
            refused(store, "ada", WRONG)
        refused(store, "ada", PASSWORD)
        clock.shift(29.0)
        refused(store, "ada", PASSWORD)
        clock.shift(2.0)
        refused(store, "ada", WRONG)  # the sixth: now 60 s
        clock.shift(59.0)
        refused(store, "ada", PASSWORD)
        clock.shift(2.0)
        assert store.check_password("ada", PASSWORD) == ada
        for _ in range(4):  # counted from nothing again
            refused(store, "ada", WRONG)
        assert store.check_password("ada", PASSWORD) == ada


def test_back_off_doubles_up_to_an_hour():
    assert [people.lock_after(failures) for failures in (0, 4, 5, 6, 7, 11, 12, 10**9)] == [0, 0, 30, 60, 120, 1920, 3600, 3600]


def test_guesses_at_the_same_time_do_not_get_around_the_lock(store, ada, monkeypatch):
    tried, together = [], threading.Barrier(12)
    real = passwords.is_password

    def counted(password_hash, password):
        if password_hash != passwords.nobodys_hash():
            tried.append(password)
        return real(password_hash, password)

    monkeypatch.setattr(passwords, "is_password", counted)

    def guess() -> None:
        together.wait()
        refused(store, "ada", WRONG)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(tried) == people.FREE_FAILURES


def test_unlocking_and_a_new_password_end_a_lock(store, ada):
    for _ in range(5):
        refused(store, "ada", WRONG)
    store.unlock_person("ada", "root")
    assert store.check_password("ada", PASSWORD) == ada
    for _ in range(5):
        refused(store, "ada", WRONG)
    store.set_password("ada", WRONG, "root")

    assert store.check_password("ada", WRONG) == ada
    assert refused(store, "ada", PASSWORD)


def test_everything_about_people_is_audited_without_what_was_typed(store, ada):
    refused(store, "ada", WRONG)
    refused(store, "MyPasswordInTheWrongField", WRONG)
    store.set_roles("ada", ["viewer"], "root")

    entries = store.audit_entries()
    assert [(e.who, e.action, e.subject) for e in entries] == [
        ("root", "person.roles", "ada"),
        ("unknown", "person.refused", "unknown"),
        ("ada", "person.refused", "ada"),
        ("shell:test", "person.added", "ada"),
    ]
    assert entries[0].details == {"roles": ["viewer"], "before": ["clinician", "signer"]}
    assert all(typed not in repr(entries) for typed in (WRONG, PASSWORD, "MyPassword", "argon2"))
    assert store.audit_entries(AuditFilter(who="nobody")) == []
    assert store.verify_audit().broken is None


@pytest.mark.parametrize("name", ["", "A", "a b", "../x", "a/b", "-a", "x" * 65, "model", "shell:root", "ä", "a\n", "a."])
def test_name_that_could_be_mistaken_is_refused(sqlite_store, name):
    with pytest.raises(StoreError, match="cannot be a person's name"):
        sqlite_store.add_person(name, "X", (), PASSWORD, "shell:test")
    assert sqlite_store.people() == []


@pytest.mark.parametrize("password", ["short", "x" * 513, "aaaaaaaaaaaaaaaa", "xx ada lovelace xx", "ADA LOVELACE 1815"])
def test_password_that_is_guessed_first_is_refused_without_repeating_it(sqlite_store, password):
    with pytest.raises(StoreError, match="password") as caught:
        sqlite_store.add_person("ada", "Ada", (), password, "shell:test")
    assert password not in str(caught.value)
    assert sqlite_store.people() == []


def test_nonsense_about_people_is_refused(sqlite_store):
    sqlite_store.add_person("ada", "Ada", (), PASSWORD, "shell:test")
    with pytest.raises(StoreError, match="there is a person ada already"):
        sqlite_store.add_person("ada", "Another", (), PASSWORD, "shell:test")
    with pytest.raises(StoreError, match="no role 'king'"):
        sqlite_store.set_roles("ada", ["king"], "root")
    with pytest.raises(StoreError, match="no person 'bob'"):
        sqlite_store.set_roles("bob", ["viewer"], "root")
    for shown in ("", "  ", "a\nb", "x" * 201):
        with pytest.raises(StoreError, match="display name"):
            sqlite_store.add_person("bob", shown, (), PASSWORD, "shell:test")


def test_the_same_password_typed_on_another_keyboard_fits(store):
    store.add_person("ada", "Ada", (), "Zürich: grün über blau", "shell:test")

    assert store.check_password("ada", "Zu\u0308rich: gru\u0308n u\u0308ber blau")
    for hostile in ("\ud800" * 20, "x" * 1_000_000, "\x00" * 20):
        assert refused(store, "ada", hostile)
    store.unlock_person("ada", "root")


def test_weaker_hash_is_renewed_at_the_next_success(store, ada, monkeypatch):
    monkeypatch.setattr(passwords, "TIME_COST", 2)
    assert store.check_password("ada", PASSWORD) == ada
    with store._database.read() as session:
        (kept,) = session.connection().exec_driver_sql("SELECT password_hash FROM people").scalars()
    assert ",t=2," in kept
    assert store.check_password("ada", PASSWORD) == ada
