"""A listener at work, real senders, and CT slices that are as large as a test needs."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from pynetdicom.dimse import DIMSEServiceProvider

from core.store import Store, open_store, received_index
from domains.medical.receiving.listener import Listener
from domains.medical.receiving.settings import ReceivingSettings

REPOSITORY = Path(__file__).resolve().parents[4]


@pytest.fixture(autouse=True)
def _a_sender_gets_its_own_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """pynetdicom's reactor keeps its hands off the answer that a `send_*` of the same association waits for.

    It may have passed its checkpoint just before the sender closed it (`Association._run_reactor`, 3.0.4); it then takes the answer, and
    the sender gets an empty status.
    """
    take = DIMSEServiceProvider.get_msg

    def get_msg(self: Any, block: bool = False) -> Any:
        is_being_sent = not self.assoc._reactor_checkpoint.is_set()
        return (None, None) if is_being_sent and not block else take(self, block)

    monkeypatch.setattr(DIMSEServiceProvider, "get_msg", get_msg)


class Listening:
    """A listener in this process, and what it handed on."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.settings = ReceivingSettings(**{"port": 0, "quiet_s": 0.2, "quiet_open_s": 5.0, **settings})
        self.studies: queue.Queue[tuple[str, tuple[Path, ...]]] = queue.Queue()
        self.news: queue.Queue[tuple[str, dict[str, object]]] = queue.Queue()
        self.on_study: Callable[[str, tuple[Path, ...]], None] = lambda uid, paths: self.studies.put((uid, paths))
        self.store: Store = open_store(f"sqlite:///{folder}/t.db", folder / "evidence", deadline_s=2.0)
        self.index = received_index(self.store, "medical")
        self.listener = Listener(
            self.settings, self.store, folder / "objects", lambda u, p: self.on_study(u, p), lambda e, d: self.news.put((e, d))
        )

    def __enter__(self) -> Listening:
        self.listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.stop()
        self.store.close()

    @property
    def port(self) -> int:
        return self.listener.port

    def files(self) -> list[Path]:
        """Every file in the folder of objects but the locks."""
        return [path for path in (self.folder / "objects").rglob("*") if path.is_file() and path.suffix != ".lock"]

    def until(self, holds: Callable[[], bool], within_s: float = 10.0) -> None:
        """Wait for something that nobody tells."""
        until_s = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < until_s, "it did not come to hold"
            time.sleep(0.02)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Callable[..., Listening]]:
    """Starts listeners with these settings, each in a folder of its own; stops them at the end."""
    started: list[Listening] = []

    def start(**settings: Any) -> Listening:
        folder = tmp_path / f"listener-{len(started)}"
        folder.mkdir(exist_ok=True)
        one = Listening(folder, **settings)
        one.__enter__()
        started.append(one)
        return one

    yield start
    for one in started:
        one.__exit__()


@pytest.fixture(scope="session")
def dcmtk() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program of DCMTK, or skips: `dcmtk("storescu", ...)`; it does not wait 40 ms for every message."""

    def run(program: str, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        found = shutil.which(program)
        if found is None:
            pytest.skip(f"{program} is not installed: apt install dcmtk")
        environment = {**os.environ, "TCP_NODELAY": "1"}
        done = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True, timeout=60, env=environment)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def make_ct() -> Callable[..., list[Path]]:
    """Writes slices of one new study: `make_ct(folder, 3, side=64, study="1.2.3")`."""

    def make(folder: Path, slices: int, side: int = 64, study: str | None = None, seed: int = 7) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        ct = dcmread(get_testdata_file("CT_small.dcm"))
        ct.StudyInstanceUID, ct.SeriesInstanceUID = study or generate_uid(), generate_uid()
        del ct[0xFFFC, 0xFFFC]  # trailing padding, which DCMTK leaves out
        ct.PatientName, ct.PatientID = "Waldmeister^Edeltraud", "PATIENT-4711"
        paths = []
        for number in range(slices):
            ct.SOPInstanceUID = ct.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            ct.InstanceNumber, ct.Rows, ct.Columns = number, side, side
            ct.PixelData = random.integers(0, 2000, (side, side), dtype=np.uint16).tobytes()
            paths.append(folder / f"{number:05}.dcm")
            ct.save_as(paths[-1])
        return paths

    return make


@pytest.fixture
def listener_process(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `trivium medical listen --json` on a folder; its first line has the port. Killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path, *options: str) -> subprocess.Popen[str]:
        folder.mkdir(exist_ok=True)
        configuration = folder / "trivium.yaml"
        configuration.write_text(f"data_folder: {folder / 'data'}\nmedical: {{listen: {{port: 0, quiet_s: 0.3}}}}\n")
        command = [sys.executable, "-m", "pipelines", "--config", str(configuration), "medical", "listen", "--json", *options]
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=REPOSITORY)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
