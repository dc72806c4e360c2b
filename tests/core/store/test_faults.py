"""What may go wrong with a disk or a database: each is a `StoreError` of one line, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time

import pytest

from core.alerts import EvidenceKind
from core.errors import StoreError
from core.store import AlertFilter, RetentionPolicy, open_store

HOLD_THE_LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""
FILL_THE_DISK = """
import os, sys, uuid
from pathlib import Path
from core.alerts import Alert, AlertState, EvidenceKind
from core.errors import StoreError
from core.store import AlertFilter, RetentionPolicy, open_store
folder = Path(sys.argv[1])
url = f"sqlite:///{folder}/trivium.db"
store = open_store(url, folder / "evidence")
run = store.begin_run("watch", "surveillance", "door", {}, {}, None)
saved, errors = [], []
def alert(size):
    return Alert(uuid.uuid4().hex, "surveillance", "door", "fall", "rule", AlertState.CLOSED, 1.0, 2.0, None, None, 0.5, "w" * size)
first = alert(1)
store.save_alert(first, run)
saved.append(first.id)
kept = store.attach(first.id, EvidenceKind.CLIP, os.urandom(1_000_000), "video/mp4", "kept.mp4")
try:
    store.attach(first.id, EvidenceKind.CLIP, os.urandom(20_000_000), "video/mp4", "big.mp4")
except StoreError as error:
    errors.append(str(error))
try:
    while True:
        last = alert(10_000)
        store.save_alert(last, run)
        saved.append(last.id)
except StoreError as error:
    errors.append(str(error))
assert len(errors) == 2, errors
assert all("disk is full" in error or "free some space" in error for error in errors), errors
assert not any("\\n" in error for error in errors), errors
for reader in (store, open_store(url, folder / "evidence")):
    found = {stored.alert.id for stored in reader.alerts(AlertFilter(limit=10_000))}
    assert found == set(saved), (len(found), len(saved))
    assert reader.check(deep=True) == []
assert list((folder / "evidence" / "tmp").iterdir()) == []
(folder / "ballast").unlink()
report = store.purge(RetentionPolicy(max_bytes=0))
assert report.bytes == 1_000_000, report
store.save_alert(alert(1), run)
print("good", len(saved))
"""


def one_line(caught):
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_full_disk_is_one_line_and_all_that_was_stored_stays_readable(child, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(mount).returncode:
        pytest.skip("a small disk cannot be mounted here: not root, or no mount")
    try:
        (disk / "ballast").write_bytes(b"\0" * 1_000_000)
        process = child(FILL_THE_DISK, disk)
        out, error = process.communicate(timeout=60)
    finally:
        subprocess.run(["umount", disk], check=True)

    assert out.startswith("good"), error


def test_locked_database_is_an_error_within_the_deadline_and_still_readable(fall, begin, child, tmp_path):
    url = f"sqlite:///{tmp_path}/t.db"
    store = open_store(url, tmp_path / "evidence", deadline_s=0.5)
    run, alert = begin(store), fall()
    store.save_alert(alert, run)
    process = child(HOLD_THE_LOCK.replace("sys.stdin.read()", "__import__('threading').Event().wait()"), tmp_path / "t.db")
    assert process.stdout.readline() == "locked\n"

    for write in (
        lambda: store.save_alert(fall(), run),
        lambda: store.attach(alert.id, EvidenceKind.SNAPSHOT, b"picture", "image/jpeg", "s.jpg"),
        lambda: store.purge(RetentionPolicy(max_age_s=0.0)),
    ):
        began_s = time.monotonic()
        with pytest.raises(StoreError, match="in use by another process") as caught:
            write()
        one_line(caught)
        assert 0.4 < time.monotonic() - began_s < 3.0

    assert [stored.alert.id for stored in store.alerts()] == [alert.id]
    reader = open_store(url, tmp_path / "evidence", deadline_s=0.5)
    assert reader.alert(alert.id).evidence == ()
    process.kill()
    process.wait()
    store.save_alert(fall(), run)
    assert len(reader.alerts()) == 2


@pytest.mark.parametrize(
    "content", [b"this is a text file, not a database\n" * 100, b"SQLite format 3\x00" + b"\xff" * 4096], ids=["text", "header"]
)
def test_file_that_is_no_database_is_refused_and_not_touched(tmp_path, content):
    (tmp_path / "t.db").write_bytes(content)

    with pytest.raises(StoreError) as caught:
        open_store(f"sqlite:///{tmp_path}/t.db", tmp_path / "evidence")

    assert str(tmp_path / "t.db") in one_line(caught)
    assert (tmp_path / "t.db").read_bytes() == content


def test_damaged_database_is_one_line_that_says_what_to_do(sqlite_store, fall, begin, tmp_path):
    run = begin(sqlite_store)
    for _ in range(50):
        sqlite_store.save_alert(fall(reason="w" * 2000), run)
    sqlite_store.close()
    file = tmp_path / "store" / "trivium.db"
    sqlite3.connect(file).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    size = file.stat().st_size
    with file.open("r+b") as pages:
        pages.seek(4096)
        pages.write(b"\xa5" * (size - 4096))

    with pytest.raises(StoreError, match=r"damaged|cannot do this") as caught:
        open_store(f"sqlite:///{file}", tmp_path / "evidence").alerts(AlertFilter(limit=10_000))
    one_line(caught)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "cannot be read"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://u:hunter2@h/d", "kind mysql"),
        ("sqlite:////proc/nowhere/t.db", "folder /proc/nowhere"),
        ("sqlite:////proc", "database /proc"),
    ],
)
def test_url_that_cannot_be_is_one_line_without_its_password(tmp_path, url, says):
    with pytest.raises(StoreError, match=says) as caught:
        open_store(url, tmp_path / "evidence")
    assert "hunter2" not in one_line(caught)


def test_evidence_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreError, match="evidence folder") as caught:
        open_store(f"sqlite:///{tmp_path}/t.db", tmp_path / "file" / "evidence")
    one_line(caught)


def test_read_only_disk_is_one_line(sqlite_store, tmp_path):
    sqlite_store.close()
    folder = tmp_path / "read-only"
    shutil.copytree(tmp_path / "store", folder)
    bind = ["mount", "--bind", folder, folder]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(bind).returncode:
        pytest.skip("a read-only disk cannot be mounted here: not root, or no mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        for url in (f"sqlite:///{folder}/trivium.db", f"sqlite:///{folder}/new.db"):
            with pytest.raises(StoreError, match="cannot be") as caught:
                open_store(url, tmp_path / "evidence").begin_run("watch", "surveillance", "door", {}, {}, None)
            one_line(caught)
        with pytest.raises(StoreError, match="evidence folder"):
            open_store(f"sqlite:///{tmp_path}/store/trivium.db", folder / "evidence")
    finally:
        subprocess.run(["umount", folder], check=True)


WRITE_SOME = """
import sys, uuid
from pathlib import Path
from core.alerts import Alert, AlertState, EvidenceKind
from core.store import open_store
store = open_store(sys.argv[1], Path(sys.argv[2]))
run = store.begin_run("watch", "surveillance", "door", {}, {}, None)
for number in range(40):
    alert = Alert(uuid.uuid4().hex, "surveillance", "door", "fall", "rule", AlertState.CLOSED, 1.0, 2.0, None, None, 0.5, "why")
    store.save_alert(alert, run)
    store.attach(alert.id, EvidenceKind.SNAPSHOT, b"%d" % (number % 4), "image/jpeg", "s.jpg")
"""


def test_processes_that_open_and_write_a_fresh_store_at_once_lose_nothing(database_url, child, tmp_path):
    writers = [child(WRITE_SOME, database_url, tmp_path / "evidence") for _ in range(3)]
    for writer in writers:
        _, error = writer.communicate(timeout=120)
        assert writer.returncode == 0, error

    store = open_store(database_url, tmp_path / "evidence")
    assert len(store.alerts(AlertFilter(limit=1000))) == 120
    assert store.evidence_bytes == 4
    assert store.check(deep=True) == []
    store.close()


def test_cleaning_never_takes_a_file_that_is_being_attached_anew(database_url, child, tmp_path):
    """The rows and files of four hashes come and go all the time, while two processes attach them."""
    store = open_store(database_url, tmp_path / "evidence")
    writers = [child(WRITE_SOME, database_url, tmp_path / "evidence") for _ in range(2)]
    files = 0
    while any(writer.poll() is None for writer in writers):
        files += store.purge(RetentionPolicy(max_bytes=0)).files
        assert store.check() == []

    for writer in writers:
        _, error = writer.communicate()
        assert writer.returncode == 0, error
    assert files > 0  # how often the two meet is the machine's affair
    assert store.check(deep=True) == []
    store.close()
