"""PostgreSQL: a server that dies, comes back, falls silent or refuses us."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from core.errors import StoreError
from core.store import open_store


class Relay:
    """Stands between a client and a server; `stall` keeps every connection open and says nothing more."""

    def __init__(self, target: int) -> None:
        self._target, self._flows = target, threading.Event()
        self._flows.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                self._flows.wait()
                other.sendall(data)
        except OSError:
            return
        finally:
            other.close()


@pytest.fixture
def relay(postgres):
    between = Relay(postgres.port)
    yield between
    between.flow()
    between.close()


def test_silent_server_is_an_error_within_the_deadline_and_good_again_after(postgres, relay, fall, begin, tmp_path):
    store = open_store(postgres.url(postgres.new_database(), relay.port), tmp_path / "evidence", deadline_s=1.0)
    run, alert = begin(store), fall()
    relay.stall()

    for _ in range(2):
        began_s = time.monotonic()
        with pytest.raises(StoreError, match="did not answer within 1 s") as caught:
            store.save_alert(alert, run)
        assert "\n" not in str(caught.value)
        assert time.monotonic() - began_s < 4.0  # connecting anew has 2 s, the least that libpq takes

    relay.flow()
    store.save_alert(alert, run)
    assert store.alert(alert.id).alert == alert
    store.close()


def test_server_that_falls_silent_inside_a_transaction_is_noticed(postgres, relay, tmp_path):
    store = open_store(postgres.url(postgres.new_database(), relay.port), tmp_path / "evidence", deadline_s=1.0)
    began_s = time.monotonic()

    def talk() -> None:
        with store._database.write() as session:
            relay.stall()
            session.connection().exec_driver_sql("SELECT 1")

    with pytest.raises(StoreError, match="did not answer within 1 s"):
        talk()

    assert time.monotonic() - began_s < 2.0
    store.close()


def test_silent_server_at_the_first_connection_is_noticed(postgres, relay, tmp_path):
    url = postgres.url(postgres.new_database(), relay.port)
    relay.stall()

    with pytest.raises(StoreError, match="did not answer"):
        open_store(url, tmp_path / "evidence", deadline_s=1.0)


def test_killed_server_loses_no_committed_alert_and_needs_no_new_store(postgres, fall, begin, tmp_path):
    store = open_store(postgres.url(postgres.new_database()), tmp_path / "evidence", deadline_s=5.0)
    run, before, after = begin(store), fall(), fall()
    store.save_alert(before, run)

    postgres.kill()
    with pytest.raises(StoreError, match=r"(closed|refuses) the connection") as caught:
        store.save_alert(after, run)
    assert "\n" not in str(caught.value)
    postgres.start()
    store.save_alert(after, run)

    assert {stored.alert.id for stored in store.alerts()} == {before.id, after.id}
    store.close()


def test_server_restarted_between_two_calls_is_not_noticed(postgres, fall, begin, tmp_path):
    store = open_store(postgres.url(postgres.new_database()), tmp_path / "evidence")
    run = begin(store)
    postgres.kill()
    postgres.start()

    store.save_alert(fall(), run)

    assert len(store.alerts()) == 1
    store.close()


def test_wrong_password_is_one_line_that_does_not_print_it(postgres, tmp_path):
    url = postgres.url("postgres", password="hunter2")

    with pytest.raises(StoreError, match="refuses the user name or the password") as caught:
        open_store(url, tmp_path / "evidence")

    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://u:hunter2@127.0.0.1:1/d", "refuses the connection"),
        ("postgresql://u:hunter2@127.0.0.1:1/d?sslmode=hunter2", "cannot"),
        ("postgresql://u:12/hunter2@127.0.0.1:1/d", "refuses the connection"),
        ("postgresql://u:x@hunter2@127.0.0.1:1/d", "write / and @ inside the password"),
        ("postgresql://u:x@y/hunter2@127.0.0.1:1/d", "write / and @ inside the password"),
        ("postgresql://u@127.0.0.1:1/d?password=hunter2&nonsense=1", "cannot"),
    ],
)
def test_url_that_leads_nowhere_is_one_line_without_its_password(tmp_path, url, says):
    with pytest.raises(StoreError, match=says) as caught:
        open_store(url, tmp_path / "evidence", deadline_s=2.0)
    assert "hunter2" not in str(caught.value)


def test_missing_database_is_one_line(postgres, tmp_path):
    with pytest.raises(StoreError, match="no such database"):
        open_store(postgres.url("nowhere"), tmp_path / "evidence")


def test_waiting_behind_anothers_transaction_ends_at_the_deadline(postgres, fall, begin, tmp_path):
    url = postgres.url(postgres.new_database())
    store, other = (open_store(url, tmp_path / "evidence", deadline_s=seconds) for seconds in (0.5, 30.0))
    run, alert = begin(store), fall()
    store.save_alert(alert, run)

    with other._database.write() as session:
        session.connection().exec_driver_sql("UPDATE alerts SET score = 0")
        began_s = time.monotonic()
        with pytest.raises(StoreError, match=r"within 0\.5 s"):
            store.save_alert(alert, run)
        assert time.monotonic() - began_s < 2.0

    store.save_alert(alert, run)
    store.close()
    other.close()
