"""Evidence files: named by their hash, whole or not there, shared by rows."""

from __future__ import annotations

import hashlib
import os
import time

import pytest

from core.alerts import EvidenceKind
from core.errors import StoreError
from core.store import RetentionPolicy
from core.store.evidence import EvidenceFolder


@pytest.fixture
def alert_id(sqlite_store, fall, begin):
    alert = fall()
    sqlite_store.save_alert(alert, begin(sqlite_store))
    return alert.id


def all_files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("as_path", [False, True])
def test_file_is_named_by_its_contents_hash(sqlite_store, alert_id, tmp_path, as_path):
    content = os.urandom(3_000_000)
    (tmp_path / "clip.mp4").write_bytes(content)

    sha256 = sqlite_store.attach(alert_id, EvidenceKind.CLIP, tmp_path / "clip.mp4" if as_path else content, "video/mp4", "clip.mp4")

    assert sha256 == hashlib.sha256(content).hexdigest()
    assert all_files(tmp_path / "evidence") == sorted([f"{sha256[:2]}/{sha256}", "store-id"])
    assert (tmp_path / "evidence" / sha256[:2] / sha256).read_bytes() == content
    assert (tmp_path / "clip.mp4").exists()


@pytest.mark.parametrize("name", ["../../../etc/cron.d/x", "/etc/passwd", "a\x00b", "con", "x" * 5000, "", "..\\..\\x"])
def test_name_is_a_label_and_never_a_path(sqlite_store, alert_id, tmp_path, name):
    sha256 = sqlite_store.attach(alert_id, EvidenceKind.CLIP, b"film", "video/mp4", name)

    assert all_files(tmp_path / "evidence") == sorted([f"{sha256[:2]}/{sha256}", "store-id"])
    assert sqlite_store.alert(alert_id).evidence[0].name == name.replace("\x00", "\ufffd")


@pytest.mark.parametrize("hostile", ["../../x", "", "A" * 64, "0" * 63, "0" * 64 + "\n", "/" * 64])
def test_only_a_hash_becomes_a_path(tmp_path, hostile):
    with pytest.raises(StoreError, match="not a SHA-256"):
        EvidenceFolder(tmp_path).path_of(hostile)


def test_evidence_is_for_its_owner_only(sqlite_store, tmp_path):
    assert (tmp_path / "evidence").stat().st_mode & 0o077 == 0


def test_attaching_the_same_twice_is_one_row(sqlite_store, alert_id):
    for name in ("a.jpg", "b.jpg"):
        sqlite_store.attach(alert_id, EvidenceKind.SNAPSHOT, b"picture", "image/jpeg", name)

    assert [evidence.name for evidence in sqlite_store.alert(alert_id).evidence] == ["b.jpg"]


def test_attaching_to_no_alert_leaves_no_file(sqlite_store, tmp_path):
    with pytest.raises(StoreError, match="no alert"):
        sqlite_store.attach("0" * 32, EvidenceKind.SNAPSHOT, b"picture", "image/jpeg", "a.jpg")

    assert all_files(tmp_path / "evidence") == ["store-id"]


@pytest.mark.parametrize("what", ["missing", "folder", "fifo"])
def test_a_path_that_is_no_file_is_refused_at_once(sqlite_store, alert_id, tmp_path, what):
    path = tmp_path / what
    if what == "folder":
        path.mkdir()
    if what == "fifo":
        os.mkfifo(path)

    with pytest.raises(StoreError, match="is not a file"):
        sqlite_store.attach(alert_id, EvidenceKind.CLIP, path, "video/mp4", "c")


def test_check_names_missing_short_and_changed_files(sqlite_store, alert_id):
    for content in (b"whole", b"gone", b"short", b"other"):
        sqlite_store.attach(alert_id, EvidenceKind.SOUND, content, "audio/wav", content.decode())
    paths = {evidence.name: evidence.path for evidence in sqlite_store.alert(alert_id).evidence}
    paths["gone"].unlink()
    paths["short"].write_bytes(b"sho")
    paths["other"].write_bytes(b"OTHER")

    assert [(fault.path, fault.problem) for fault in sqlite_store.check()] == [(paths["gone"], "missing"), (paths["short"], "wrong size")]
    assert [fault.problem for fault in sqlite_store.check(deep=True)] == ["missing", "wrong size", "wrong hash"]


def test_attaching_again_mends_a_damaged_file(sqlite_store, alert_id):
    sqlite_store.attach(alert_id, EvidenceKind.SOUND, b"sound", "audio/wav", "s")
    sqlite_store.alert(alert_id).evidence[0].path.write_bytes(b"so")

    sqlite_store.attach(alert_id, EvidenceKind.SOUND, b"sound", "audio/wav", "s")

    assert sqlite_store.check(deep=True) == []


def test_purge_removes_unnamed_files_and_stale_temporary_ones_and_nothing_else(sqlite_store, alert_id, tmp_path):
    sha256 = sqlite_store.attach(alert_id, EvidenceKind.SOUND, b"sound", "audio/wav", "s")
    folder = tmp_path / "evidence"
    orphan = hashlib.sha256(b"orphan").hexdigest()
    (folder / orphan[:2]).mkdir(exist_ok=True)
    (folder / orphan[:2] / orphan).write_bytes(b"orphan")
    (folder / orphan[:2] / "notes.txt").write_text("a person's own file")
    (folder / "tmp" / "stale").write_bytes(b"half")
    os.utime(folder / "tmp" / "stale", (time.time() - 3700,) * 2)
    (folder / "tmp" / "fresh").write_bytes(b"half")

    report = sqlite_store.purge(RetentionPolicy())

    assert (report.files, report.bytes, report.temporary_files) == (1, 6, 1)
    assert all_files(folder) == sorted([f"{sha256[:2]}/{sha256}", f"{orphan[:2]}/notes.txt", "store-id", "tmp/fresh"])
