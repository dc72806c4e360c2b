"""Receivers of DICOM as processes of their own: ours, Orthanc, DCMTK's storescp; and objects to send to them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import UID, generate_uid

READY_S = 60.0
ASK_S = 0.02
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}  # else DCMTK and Orthanc wait 40 ms for each message
UID_ROOT = "1.2.826.0.1.3680043.8.498."
SERIAL_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Receiver:
    """One that takes objects.

    Attributes:
        name: of it.
        title: its application entity title.
        port: where it listens.
        process: itself.
        folder: of its own, fresh.
    """

    name: str
    title: str
    port: int
    process: psutil.Process
    folder: Path


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def trivium(folder: Path) -> Iterator[Receiver]:
    """`trivium medical listen`, which drafts nothing meanwhile: studies are never quiet here."""
    folder.mkdir(parents=True)
    configuration = folder / "trivium.yaml"
    configuration.write_text(f"data_folder: {folder / 'data'}\nmedical: {{listen: {{port: 0, quiet_s: 86400, quiet_open_s: 86400}}}}\n")
    command = [sys.executable, "-m", "pipelines", "--config", str(configuration), "medical", "listen", "--json"]
    with _child(command, folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the listener did not start:\n{(folder / 'log').read_text()[-2000:]}")
        yield Receiver("Trivium", "TRIVIUM", int(json.loads(line)["port"]), psutil.Process(process.pid), folder)


@contextmanager
def orthanc(folder: Path) -> Iterator[Receiver]:
    """Orthanc as it is installed, its files and its index in a fresh folder; it fsyncs each file by default."""
    folder.mkdir(parents=True)
    web, port = free_port(), free_port()
    settings = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": web,
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    program = program_of("Orthanc") or "Orthanc"
    with _child([program, str(folder / "orthanc.json")], folder) as process:
        _wait_for(port, process)
        yield Receiver("Orthanc", "ORTHANC", port, psutil.Process(process.pid), folder)


@contextmanager
def storescp(folder: Path) -> Iterator[Receiver]:
    """DCMTK's storescp, which writes files, fsyncs nothing and has no index."""
    folder.mkdir(parents=True)
    port = free_port()
    command = [program_of("storescp") or "storescp", "-aet", "STORESCP", "+xa", "-od", str(folder), str(port)]
    with _child(command, folder) as process:
        _wait_for(port, process)
        yield Receiver("storescp", "STORESCP", port, psutil.Process(process.pid), folder)


def program_of(name: str) -> str | None:
    """Where a program is, also where only root looks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


def sender(receiver: Receiver, paths: list[Path]) -> subprocess.Popen[str]:
    """storescu, sending these in one association."""
    command = [program_of("storescu") or "storescu", "-aec", receiver.title, "127.0.0.1", str(receiver.port)]
    listed = [str(path) for path in paths]
    return subprocess.Popen([*command, *listed], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)


def send(receiver: Receiver, paths: list[Path]) -> float:
    """Send by storescu, and say how many objects a second that was.

    Raises:
        RuntimeError: not all were taken.
    """
    began_s = time.perf_counter()
    process = sender(receiver, paths)
    _, said = process.communicate(timeout=300)
    took_s = time.perf_counter() - began_s
    if process.returncode:
        raise RuntimeError(f"{receiver.name} did not take all: {said[-500:]}")
    return len(paths) / took_s


def make_objects(folder: Path, count: int, side: int, start: int = 0) -> list[Path]:
    """CT slices of one study, `side` x `side` pixels of noise, each with an identifier of its own.

    One is written by pydicom, the others are it with another number at the end of its identifier.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ct = dcmread(str(get_testdata_file("CT_small.dcm")))
    ct.StudyInstanceUID, ct.SeriesInstanceUID = generate_uid(), generate_uid()
    serial = "9" * SERIAL_DIGITS
    ct.SOPInstanceUID = ct.file_meta.MediaStorageSOPInstanceUID = UID(UID_ROOT + "1" + serial)
    ct.Rows = ct.Columns = side
    ct.PixelData = np.random.default_rng(start).integers(0, 2000, (side, side), dtype=np.uint16).tobytes()
    template_path = folder / "template"
    ct.save_as(template_path)
    template = template_path.read_bytes()
    template_path.unlink()
    paths = []
    for number in range(start, start + count):
        paths.append(folder / f"{number:06}.dcm")
        paths[-1].write_bytes(template.replace(serial.encode(), f"{number:0{SERIAL_DIGITS}}".encode()))
    return paths


@contextmanager
def _child(command: list[str], folder: Path, stdout: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=stdout, stderr=log, text=True, env=ENVIRONMENT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def _wait_for(port: int, process: subprocess.Popen[str]) -> None:
    until_s = time.monotonic() + READY_S
    while time.monotonic() < until_s and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(ASK_S)  # a server that starts rings no bell
    raise RuntimeError("the receiver does not answer")


RECEIVERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "Trivium": ("", trivium),
    "Orthanc": ("Orthanc", orthanc),
    "storescp": ("storescp", storescp),
}
