"""TLS: a certificate made here, a client that trusts it, one whose own certificate is asked for, and one that speaks plainly."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess

import pytest
from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage

from core.errors import ConfigError

TIMEOUT_S = 10


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate of its own for 127.0.0.1, and one for a client, each signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt install openssl")
    folder = tmp_path_factory.mktemp("tls")
    for name in ("server", "client"):
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def associate(port, certificates, client=None):
    context = ssl.create_default_context(cafile=certificates / "server.pem")
    if client is not None:
        context.load_cert_chain(certificates / f"{client}.pem", certificates / f"{client}.key")
    entity = AE(ae_title="SENDER")
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT_S
    entity.add_requested_context(CTImageStorage)
    return entity.associate("127.0.0.1", port, ae_title="TRIVIUM", tls_args=(context, "127.0.0.1"))


def tls(certificates, **more):
    return {"certificate": certificates / "server.pem", "key": certificates / "server.key", **more}


def test_object_goes_through_tls(listening, make_ct, tmp_path, certificates):
    one = listening(tls=tls(certificates))
    sent = dcmread(make_ct(tmp_path / "ct", 1, side=512)[0])

    association = associate(one.port, certificates)
    assert association.send_c_store(sent).Status == 0
    association.release()

    assert dcmread(one.files()[0]).PixelData == sent.PixelData


def test_only_clients_with_a_certificate_of_the_authority_may_send(listening, make_ct, tmp_path, certificates):
    one = listening(tls=tls(certificates, client_authority=certificates / "client.pem"))
    sent = dcmread(make_ct(tmp_path / "ct", 1)[0])

    known = associate(one.port, certificates, client="client")
    assert known.send_c_store(sent).Status == 0
    known.release()
    assert not associate(one.port, certificates).is_established
    assert not associate(one.port, certificates, client="server").is_established
    one.until(lambda: one.listener.status().rejected == 2)


def test_who_speaks_plainly_is_cut_off_and_keeps_nobody_waiting(listening, certificates):
    one = listening(tls=tls(certificates), request_timeout_s=1.0)
    with socket.create_connection(("127.0.0.1", one.port), timeout=5), socket.create_connection(("127.0.0.1", one.port), timeout=5) as line:
        line.sendall(b"\x01\x00\x00\x00\x00\x44" + bytes(68))
        association = associate(one.port, certificates)  # while the first says nothing at all
        assert association.is_established
        association.release()
    one.until(lambda: one.listener.status().rejected == 2)


@pytest.mark.parametrize("wrong", ["missing", "not-pem", "other-key"])
def test_certificate_that_cannot_be_used_is_said_in_one_line(listening, certificates, tmp_path, wrong):
    files = tls(certificates)
    if wrong == "missing":
        files["certificate"] = tmp_path / "nothing.pem"
    elif wrong == "not-pem":
        (tmp_path / "text.pem").write_text("no certificate")
        files["certificate"] = tmp_path / "text.pem"
    else:
        files["key"] = certificates / "client.key"

    with pytest.raises(ConfigError, match="TLS certificate or key") as caught:
        listening(tls=files)

    assert "\n" not in str(caught.value)
