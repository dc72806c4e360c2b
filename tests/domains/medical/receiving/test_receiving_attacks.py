"""Senders that mean harm or are broken: each costs its own association or object, never the listener."""

from __future__ import annotations

import os
import socket
import struct
import time
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import CTImageStorage, Verification

TIMEOUT_S = 10
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR UI")


def associate(port, handlers=(), max_pdu=16_384):
    entity = AE(ae_title="SENDER")
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = TIMEOUT_S
    entity.add_requested_context(Verification)
    entity.add_requested_context(CTImageStorage, ImplicitVRLittleEndian)
    return entity.associate("127.0.0.1", port, ae_title="TRIVIUM", evt_handlers=list(handlers), max_pdu=max_pdu)


def raw(association):
    """The socket of an association, to send on it what its library never would."""
    return association.dul.socket.socket


def still_works(one, make_ct, tmp_path):
    association = associate(one.port)
    assert association.is_established
    sent = dcmread(make_ct(tmp_path / f"again-{time.monotonic_ns()}", 1)[0])
    assert association.send_c_store(sent).Status == 0
    association.release()


@pytest.mark.parametrize("where", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("uid", ["../../../../tmp/owned", "1.2.3/../../x", "C:/x", "1.2.3\n4", ""])
def test_identifier_that_is_a_path_is_refused_and_nothing_is_written(listening, make_ct, tmp_path, where, uid):
    one = listening()
    sent = dcmread(make_ct(tmp_path / "ct", 1)[0])
    setattr(sent, where, uid)
    sent.file_meta.MediaStorageSOPInstanceUID = sent.SOPInstanceUID or "1.2.3"
    before = set(Path(one.folder).rglob("*"))
    association = associate(one.port)

    try:
        status = association.send_c_store(sent)
    except (ValueError, AttributeError, TypeError):  # the sending library will not say it
        status = None

    assert status is None or getattr(status, "Status", None) in (None, 0xC000, 0xA900)
    association.abort()
    one.until(lambda: one.listener.status().associations == 0)
    assert {path for path in set(Path(one.folder).rglob("*")) - before if "t.db" not in path.name} == set()
    still_works(one, make_ct, tmp_path)


def test_object_other_than_announced_is_refused(listening, make_ct, tmp_path):
    one = listening()
    first, second = (dcmread(path) for path in make_ct(tmp_path / "ct", 2))
    association = associate(one.port)

    def lie(event):
        if event.message.__class__.__name__ == "C_STORE_RQ":
            event.message.command_set.AffectedSOPInstanceUID = second.SOPInstanceUID

    association.bind(evt.EVT_DIMSE_SENT, lie)
    assert association.send_c_store(first).Status == 0xA900
    association.release()
    assert one.files() == []


def test_unit_that_claims_four_gigabytes_ends_its_association_at_once(listening, make_ct, tmp_path):
    one = listening()
    association = associate(one.port)
    began_s = time.monotonic()

    raw(association).sendall(b"\x04\x00\xff\xff\xff\xff" + os.urandom(100_000))

    one.until(lambda: one.listener.status().associations == 0)
    assert time.monotonic() - began_s < 5
    still_works(one, make_ct, tmp_path)


def test_first_unit_that_claims_four_gigabytes_is_not_waited_for(listening, make_ct, tmp_path):
    one = listening()
    with socket.create_connection(("127.0.0.1", one.port), timeout=TIMEOUT_S) as line:
        line.sendall(b"\x01\x00\xff\xff\xff\xff")
        answer = line.recv(100)

    assert answer[:1] in (b"\x07", b"")
    still_works(one, make_ct, tmp_path)


@given(garbage=st.binary(min_size=1, max_size=3000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_on_the_port_leaves_nothing_and_the_listener_listening(attacked, garbage):
    with socket.create_connection(("127.0.0.1", attacked.port), timeout=TIMEOUT_S) as line:
        line.sendall(garbage)
        line.shutdown(socket.SHUT_WR)
        while True:
            try:
                if not line.recv(4096):
                    break
            except ConnectionResetError:
                break
    assert attacked.listener.status().associations == 0
    assert attacked.files() == []


@given(garbage=st.binary(min_size=1, max_size=3000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_inside_an_association_ends_it_and_nothing_else(attacked, garbage):
    association = associate(attacked.port)
    assert association.is_established
    unit = struct.pack(">I", len(garbage) + 1) + b"\x01" + garbage
    raw(association).sendall(b"\x04\x00" + struct.pack(">I", len(unit)) + unit)
    association.abort()

    attacked.until(lambda: attacked.listener.status().associations == 0)
    assert attacked.files() == []


@pytest.fixture
def attacked(listening):
    return listening(request_timeout_s=2.0, network_timeout_s=2.0)


def test_sender_that_trickles_is_cut_off(listening, make_ct, tmp_path):
    one = listening(network_timeout_s=1.0)
    association = associate(one.port)
    line = raw(association)
    line.sendall(b"\x04\x00" + struct.pack(">I", 1000))
    began_s = time.monotonic()

    def trickle():
        while time.monotonic() - began_s < 8:
            line.sendall(b"\0")
            time.sleep(0.1)  # the slowness is what is tested

    with pytest.raises(OSError):  # noqa: PT011  whatever the kernel says of a line that is cut
        trickle()

    assert time.monotonic() - began_s < 5
    one.until(lambda: one.listener.status().associations == 0)
    still_works(one, make_ct, tmp_path)


def test_sender_that_says_nothing_is_cut_off(listening):
    one = listening(request_timeout_s=0.5, network_timeout_s=0.5)
    association = associate(one.port)
    with socket.create_connection(("127.0.0.1", one.port), timeout=5) as line:
        assert line.recv(100) in (b"", b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00", b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00")
    one.until(lambda: one.listener.status().associations == 0)
    assert not association.is_established or association.is_aborted


def test_connections_without_an_association_are_bounded(listening, make_ct, tmp_path):
    one = listening(associations=1, request_timeout_s=1.0)
    lines = [socket.create_connection(("127.0.0.1", one.port), timeout=5) for _ in range(40)]

    one.until(lambda: one.listener.status().rejected > 0)
    assert len(one.listener._server.active_associations) <= 2 * 1 + 4
    for line in lines:
        line.close()
    one.until(lambda: not one.listener._server.active_associations)
    for _ in range(10):
        still_works(one, make_ct, tmp_path)
        one.until(lambda: one.listener.status().associations == 0)


def test_object_larger_than_may_be_ends_its_association_and_leaves_nothing(listening, make_ct, tmp_path):
    one = listening(max_object_mb=0.2)
    association = associate(one.port)

    status = association.send_c_store(dcmread(make_ct(tmp_path / "ct", 1, side=512)[0]))

    assert not status
    one.until(lambda: one.listener.status().associations == 0)
    assert one.files() == []
    still_works(one, make_ct, tmp_path)


@pytest.mark.parametrize("ends", ["abort", "close", "reset"])
def test_half_sent_object_leaves_nothing(listening, make_ct, tmp_path, ends):
    one = listening()
    sent = dcmread(make_ct(tmp_path / "ct", 1, side=512)[0])
    begun = []

    def stop_amid(event):
        begun.append(len(event.data))
        if sum(begun) > 200_000:
            line = event.assoc.dul.socket.socket
            if ends == "reset":
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if ends == "abort":
                line.sendall(b"\x07\x00\x00\x00\x00\x04\x00\x00\x00\x00")
            line.close()

    association = associate(one.port, [(evt.EVT_DATA_SENT, stop_amid)])
    association.send_c_store(sent)

    one.until(lambda: one.listener.status().associations == 0)
    assert one.files() == []
    assert len(one.index) == 0
    still_works(one, make_ct, tmp_path)


def test_sequences_that_nest_without_end_are_refused(listening, make_ct, tmp_path):
    one = listening()
    sent = dcmread(make_ct(tmp_path / "ct", 1)[0])
    nested = b"\x08\x00\x40\x11\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 5000  # a sequence, its item, a sequence...
    head = b"\x08\x00\x16\x00\x1a\x00\x00\x00" + b"1.2.840.10008.5.1.4.1.1.2\0"
    association = associate(one.port)

    status = send_bytes(association, sent, head + nested)

    assert status.Status == 0xC000
    association.release()
    still_works(one, make_ct, tmp_path)


@given(data=st.binary(max_size=2000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_data_set_of_garbage_is_refused_and_the_association_goes_on(attacked, data):
    association = associate(attacked.port)

    status = send_bytes(association, dcmread(get_testdata_file("CT_small.dcm")), data or b"\0")

    assert status.Status in (0xC000, 0xA900)
    assert association.send_c_echo().Status == 0
    association.release()
    assert attacked.files() == []


def send_bytes(association, announced, data):
    """Announce an object and send these bytes as its data set."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = announced.SOPClassUID, announced.SOPInstanceUID
    request.DataSet = BytesIO(data)
    context = next(each for each in association.accepted_contexts if each.abstract_syntax == CTImageStorage)
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.001)
    association.dimse.send_msg(request, context.context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return answer
