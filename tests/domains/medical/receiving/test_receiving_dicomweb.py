"""Fetching by DICOMweb: from a real Orthanc, and from servers that mean harm, each of which is told in one line."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from core.errors import InputError
from core.store import open_store, received_index
from domains.medical.receiving.dicomweb import PullBounds, pull

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
STUDY = "1.2.3.4"
SMALL = PullBounds(answer_bytes=100_000, object_bytes=200_000, study_bytes=500_000, silence_s=1.0, total_s=2.0)
LOGIN = {"TRIVIUM_DICOMWEB_USER": "reader", "TRIVIUM_DICOMWEB_PASSWORD": "hunter2-secret"}


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path}/t.db", tmp_path / "evidence")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    """Orthanc with DICOMweb and a login: its HTTP and DICOM ports."""
    program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if program is None or not PLUGIN.exists():
        pytest.skip("Orthanc with DICOMweb is not installed: apt install orthanc orthanc-dicomweb")
    folder = tmp_path_factory.mktemp("orthanc")
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        web, dicom = one.getsockname()[1], two.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": web,
        "DicomPort": dicom,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"reader": LOGIN["TRIVIUM_DICOMWEB_PASSWORD"]},
        "DicomAlwaysAllowStore": True,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    process = subprocess.Popen([program, folder / "orthanc.json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until_s = time.monotonic() + 20
    for port in (web, dicom):
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert process.poll() is None
            assert time.monotonic() < until_s
            time.sleep(0.05)  # a server that starts rings no bell
    yield f"http://127.0.0.1:{web}/dicom-web", dicom
    process.terminate()
    process.wait(20)


def test_study_is_fetched_as_it_would_have_been_sent(orthanc, store, dcmtk, make_ct, listening, tmp_path):
    url, dicom = orthanc
    sent = make_ct(tmp_path / "ct", 3)
    dcmtk("storescu", "127.0.0.1", dicom, *sent)
    study = dcmread(sent[0]).StudyInstanceUID
    drafted = []

    [pulled] = pull(url, store, tmp_path / "objects", study_uid=study, on_study=lambda *a: drafted.append(a), environ=LOGIN)

    assert (pulled.objects, pulled.duplicates, pulled.conflicts) == (3, 0, 0)
    [(uid, paths)] = drafted
    assert uid == study
    assert {dcmread(path).SOPInstanceUID for path in paths} == {dcmread(path).SOPInstanceUID for path in sent}
    assert received_index(store, "medical").waiting_studies() == []
    [again] = pull(url, store, tmp_path / "objects", study_uid=study, environ=LOGIN)
    assert (again.objects, again.duplicates) == (0, 3)


def test_search_finds_studies_and_none_is_said(orthanc, store, dcmtk, make_ct, tmp_path):
    url, dicom = orthanc
    sent = make_ct(tmp_path / "ct", 1)
    dcmtk("storescu", "127.0.0.1", dicom, *sent)
    study = dcmread(sent[0]).StudyInstanceUID

    found = pull(url, store, tmp_path / "objects", query={"StudyInstanceUID": study}, environ=LOGIN)

    assert [each.study_uid for each in found] == [study]
    with pytest.raises(InputError, match="no study that this search finds"):
        pull(url, store, tmp_path / "objects", query={"PatientID": "NOBODY"}, environ=LOGIN)


def test_wrong_login_is_said_without_it(orthanc, store, tmp_path, caplog):
    caplog.set_level("DEBUG")
    wrong = {**LOGIN, "TRIVIUM_DICOMWEB_PASSWORD": "wrong-secret"}

    with pytest.raises(InputError, match="refuses the login") as caught:
        pull(orthanc[0], store, tmp_path / "objects", study_uid=STUDY, environ=wrong)

    assert "wrong-secret" not in str(caught.value) + caplog.text
    assert b"wrong-secret" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_login_in_the_address_is_refused_and_not_repeated(store, tmp_path):
    with pytest.raises(InputError, match="holds a login") as caught:
        pull("http://reader:hunter2@127.0.0.1:1/dicom-web", store, tmp_path / "objects", study_uid=STUDY)

    assert "hunter2" not in str(caught.value)


def multipart(*parts, boundary=b"xyz"):
    body = b"".join(b"--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n" for part in parts)
    return body + b"--" + boundary + b"--\r\n"


def small_ct(study=STUDY):
    ct = dcmread(get_testdata_file("CT_small.dcm"))
    ct.StudyInstanceUID = study
    ct.file_meta.MediaStorageSOPInstanceUID = ct.SOPInstanceUID
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"trivium-test-{os.getpid()}.dcm"
    ct.save_as(path)
    data = path.read_bytes()
    path.unlink()
    return data


RELATED = 'multipart/related; type="application/dicom"; boundary=xyz'


def endless(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", RELATED)
    handler.end_headers()
    handler.wfile.write(b"--xyz\r\nContent-Type: application/dicom\r\n\r\n")
    while True:
        handler.wfile.write(b"x" * 65_536)


def trickle(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", RELATED)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.2)


def silent(handler):
    time.sleep(3)


def answer(body, kind=RELATED, status=200, **headers):
    def handle(handler):
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return handle


@pytest.fixture
def serve():
    """A server whose every answer is one function's."""
    servers = []

    def start(handle):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    handle(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/dicom-web"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("handle", "said"),
    [
        (endless, "sends more than is taken"),
        (trickle, "in time|breaks off"),
        (silent, "does not answer in time"),
        (answer(b"<html>hello</html>", "text/html"), "something else than DICOM"),
        (answer(multipart(b"MZ not dicom")), "no DICOM file"),
        (answer(multipart(bytes(128) + b"DICM" + b"\x02\0\0\0UL\x04\0\xff\xff\xff\xff")), "damaged file meta"),
        (answer(multipart(small_ct("1.9.9"))), "another study"),
        (answer(multipart()), "no objects|something else than DICOM"),
        (answer(b"", status=302, Location="http://127.0.0.1:9/elsewhere"), "points elsewhere"),
        (answer(b"Waldmeister", "text/plain", status=500), r"answers with an error \(500\)"),
    ],
    ids=["endless", "trickle", "silent", "html", "not-dicom", "meta", "other-study", "empty", "redirect", "error"],
)
def test_hostile_server_is_told_in_one_line_and_leaves_nothing(serve, store, tmp_path, handle, said):
    url = serve(handle)
    began_s = time.monotonic()

    with pytest.raises(InputError, match=said) as caught:
        pull(url, store, tmp_path / "objects", study_uid=STUDY, bounds=SMALL)

    assert time.monotonic() - began_s < 8
    assert "\n" not in str(caught.value)
    assert "Waldmeister" not in str(caught.value)
    assert [path for path in (tmp_path / "objects").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "found",
    [b"[" * 100_000, b'{"0020000D": 1}', b'[{"0020000D": {"Value": ["../../x"]}}]', b"x" * 200_000, b"not json"],
    ids=["deep", "mapping", "path", "long", "text"],
)
def test_hostile_answer_to_a_search_is_told_in_one_line(serve, store, tmp_path, found):
    url = serve(answer(found, "application/dicom+json"))

    with pytest.raises(InputError) as caught:
        pull(url, store, tmp_path / "objects", query={"PatientID": "1"}, bounds=SMALL)

    assert "\n" not in str(caught.value)


def test_login_is_not_sent_to_where_a_server_points(serve, store, tmp_path):
    seen = []

    def note(handler):
        seen.append(handler.headers.get("Authorization"))
        answer(b"")(handler)

    elsewhere = serve(note)
    url = serve(answer(b"", status=307, Location=elsewhere))

    with pytest.raises(InputError, match="points elsewhere"):
        pull(url, store, tmp_path / "objects", study_uid=STUDY, environ=LOGIN)

    assert seen == []


def test_what_is_no_study_identifier_is_not_asked_for(store, tmp_path):
    with pytest.raises(InputError, match="identifier is not one"):
        pull("http://127.0.0.1:9", store, tmp_path / "objects", study_uid="../admin")


def test_nobody_there_is_said(store, tmp_path):
    with pytest.raises(InputError, match="cannot be reached"):
        pull("http://127.0.0.1:9/dicom-web", store, tmp_path / "objects", study_uid=STUDY, environ={})
