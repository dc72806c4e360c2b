"""kill -9, a full disk, a locked database: nothing that was acknowledged is lost, no row names a missing file."""

from __future__ import annotations

import json
import os
import queue
import random
import re
import shutil
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage

from core.store import open_store, received_index
from domains.medical.receiving.listener import Listener
from domains.medical.receiving.objects import open_objects

TIMEOUT_S = 10


def associate(port):
    entity = AE(ae_title="SENDER")
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT_S
    entity.add_requested_context(CTImageStorage)
    return entity.associate("127.0.0.1", port, ae_title="TRIVIUM")


def lines_of(process):
    """What the process says, as it says it."""
    said: queue.Queue[dict] = queue.Queue()

    def read():
        for line in process.stdout:
            said.put(json.loads(line))

    threading.Thread(target=read, daemon=True).start()
    return said


def until(said, event, timeout_s=60):
    """The next line of an event."""
    until_s = time.monotonic() + timeout_s
    while True:
        line = said.get(timeout=max(0.1, until_s - time.monotonic()))
        if line["event"] == event:
            return line


@pytest.mark.slow
def test_killed_amid_sending_nothing_acknowledged_is_lost_and_studies_are_handed_on(listener_process, dcmtk, make_ct, tmp_path):
    sent = make_ct(tmp_path / "ct", 300, side=256)
    uids = {str(path): dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in sent}
    moments = random.Random(5)
    acknowledged: set[str] = set()
    for _ in range(3):
        process = listener_process(tmp_path / "site")
        port = until(lines_of(process), "listening")["port"]
        command = [shutil.which("storescu") or "", "-v", "-aec", "TRIVIUM", "127.0.0.1", str(port), *map(str, sent)]
        environment = {**os.environ, "TCP_NODELAY": "1"}
        sender = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        threading.Timer(moments.uniform(0.3, 1.2), process.kill).start()
        output, _ = sender.communicate(timeout=60)
        process.wait(20)
        names = re.findall(r"Sending file: (\S+)|Received Store Response \((Success)", output)
        current = ""
        for name, success in names:
            if success:
                acknowledged.add(uids[current])
            current = name or current

    data = tmp_path / "site" / "data"
    with sqlite3.connect(data / "trivium.db") as database:
        rows = database.execute("SELECT instance_uid, sha256, bytes FROM received_objects").fetchall()
    assert acknowledged
    assert acknowledged <= {uid for uid, _, _ in rows}
    for uid, sha256, size in rows:
        path = data / "received" / sha256[:2] / sha256
        assert path.stat().st_size == size
        assert dcmread(path).SOPInstanceUID == uid

    process = listener_process(tmp_path / "site")
    said = lines_of(process)
    until(said, "listening")
    whole = list((data / "received").glob("[0-9a-f][0-9a-f]/*"))
    assert sorted(path.name for path in whole) == sorted({sha256 for _, sha256, _ in rows})  # no file that no row names
    assert until(said, "study")["objects"] == len(rows)
    process.terminate()
    assert process.wait(30) == 0
    with sqlite3.connect(data / "trivium.db") as database:
        assert database.execute("SELECT count(*) FROM received_objects WHERE handed_on_wall_s IS NULL").fetchone() == (0,)
    assert "Waldmeister" not in (tmp_path / "site" / "log").read_text()


def test_what_a_dead_process_left_half_written_is_removed_and_what_a_live_one_writes_is_not(tmp_path):
    live, dead = open_objects(tmp_path), open_objects(tmp_path)
    (dead.mine / "half").write_bytes(b"x")
    (live.mine / "half").write_bytes(b"x")
    dead._lock.release()  # what the kernel does when a process dies

    open_objects(tmp_path)

    assert not dead.mine.exists()
    assert (live.mine / "half").exists()


def test_file_without_a_row_is_removed_at_the_start(listening):
    one = listening()
    one.listener.stop()
    orphan = one.listener._intake.folder.path_of("ab" + "0" * 62)
    orphan.write_bytes(b"nobody was told of success")

    one.listener.start()

    assert not orphan.exists()


def test_database_that_is_locked_fails_the_object_and_leaves_nothing(listening, make_ct, tmp_path):
    one = listening()
    sent = [dcmread(path) for path in make_ct(tmp_path / "ct", 2)]
    association = associate(one.port)
    blocker = sqlite3.connect(one.folder / "t.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")

    assert association.send_c_store(sent[0]).Status == 0x0110
    assert one.files() == []

    blocker.execute("ROLLBACK")
    assert association.send_c_store(sent[1]).Status == 0
    assert association.send_c_store(sent[0]).Status == 0
    association.release()
    assert len(one.index) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small disk")
def test_full_disk_is_said_and_the_association_goes_on(listening, make_ct, tmp_path):
    folder = tmp_path / "listener-0"
    disk = folder / "objects"
    disk.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        one = listening()
        sent = [dcmread(path) for path in make_ct(tmp_path / "ct", 12, side=512)]
        association = associate(one.port)
        statuses = [association.send_c_store(each).Status for each in sent]

        assert set(statuses) == {0x0000, 0xA700}
        assert statuses[0] == 0
        small = dcmread(make_ct(tmp_path / "small", 1, side=16)[0])
        assert association.send_c_store(small).Status == 0
        association.release()
        assert len(one.files()) == len(one.index) == statuses.count(0) + 1
        one.listener.stop()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_two_listeners_share_a_folder_and_a_database(tmp_path, make_ct, listening):
    one = listening()
    store = open_store(f"sqlite:///{one.folder}/t.db", one.folder / "evidence")
    second = Listener(one.settings, store, one.folder / "objects", lambda *_: None)
    second.start()
    sent = dcmread(make_ct(tmp_path / "ct", 1)[0])

    for port in (one.port, second.port):
        association = associate(port)
        assert association.send_c_store(sent).Status == 0
        association.release()

    [kept] = received_index(store, "medical").objects_of(sent.StudyInstanceUID)
    assert kept.times == 2
    second.stop()
    store.close()


@pytest.mark.slow
def test_memory_stays_flat(listener_process, dcmtk, make_ct, tmp_path):
    sent = make_ct(tmp_path / "ct", 250, side=32)
    process = listener_process(tmp_path / "site")
    said = lines_of(process)
    port = until(said, "listening")["port"]
    resident = []
    for _ in range(4):
        dcmtk("storescu", "-aec", "TRIVIUM", "127.0.0.1", port, *sent)
        status = Path(f"/proc/{process.pid}/status")
        if not status.exists():
            pytest.skip("there is no /proc here")
        resident.append(int(re.search(r"VmRSS:\s+(\d+)", status.read_text())[1]) / 1024)
    process.terminate()

    assert resident[-1] - resident[1] < 8, resident
