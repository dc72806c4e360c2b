"""Orthanc takes a structured report and an encapsulated PDF, and gives them back as they were."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from report_pieces import VERSIONS, no_files

from domains.medical.report import DraftReport
from domains.medical.reporting import encapsulated, structured_report

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("Orthanc") is None, reason="Orthanc is not installed: apt install orthanc"),
]
PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, content: bytes | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, data=content), timeout=PATIENCE_S) as answer:
        return bytes(answer.read())


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an archive of our own."""
    folder = tmp_path_factory.mktemp("orthanc")
    port = free_port()
    settings = {
        "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"), "HttpPort": port, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomServerEnabled": False, "Plugins": [],
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    process = subprocess.Popen(["Orthanc", folder / "orthanc.json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            ask(f"{address}/system")
        except OSError:
            time.sleep(0.05)  # another program's start has no event to wait for
        else:
            return
    pytest.fail("Orthanc did not start")


def test_every_version_is_taken_and_comes_back_as_it_was(orthanc: str, drafted: DraftReport) -> None:
    for version in VERSIONS:
        for content in (structured_report.render(drafted, version, no_files), _pdf(drafted, version)):
            answer: dict[str, Any] = json.loads(ask(f"{orthanc}/instances", content))
            assert answer["Status"] == "Success"
            assert ask(f"{orthanc}/instances/{answer['ID']}/file") == content
    studies = json.loads(ask(f"{orthanc}/studies?expand"))
    assert [study["MainDicomTags"]["StudyInstanceUID"] for study in studies] == [drafted.study_uid]
    assert len(json.loads(ask(f"{orthanc}/instances"))) == 2 * len(VERSIONS)


def _pdf(report: DraftReport, version: Any) -> bytes:
    made = BytesIO()
    encapsulated.document(report, version, b"%PDF-1.7 of a test").save_as(made, enforce_file_format=True)
    return made.getvalue()


def test_the_archive_finds_the_report_by_its_patient(orthanc: str, drafted: DraftReport, tmp_path: Path) -> None:
    ask(f"{orthanc}/instances", structured_report.render(drafted, VERSIONS[0], no_files))
    query = {"Level": "Instance", "Query": {"PatientID": "PID-7731", "Modality": "SR"}}
    found = json.loads(ask(f"{orthanc}/tools/find", json.dumps(query).encode()))
    document = pydicom.dcmread(BytesIO(ask(f"{orthanc}/instances/{found[0]}/file")))
    assert str(document.PatientName) == "Müller^Anna"
