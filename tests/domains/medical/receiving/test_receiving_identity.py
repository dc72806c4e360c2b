"""Headers, file meta and answers as bytes: read within bounds whatever they claim, written as the libraries write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import create_file_meta, encode, encode_file_meta
from pynetdicom.pdu import P_DATA_TF

from core.errors import InputError
from domains.medical.receiving.answers import store_answer
from domains.medical.receiving.file_meta import data_set_of, file_beginning
from domains.medical.receiving.identity import CutShortError, is_uid, read_identity

SYNTAXES = [(True, True, ImplicitVRLittleEndian), (False, True, ExplicitVRLittleEndian), (False, False, ExplicitVRBigEndian)]
CT = "1.2.840.10008.5.1.4.1.1.2"


def header(implicit, little):
    ct = dcmread(get_testdata_file("MR_small.dcm"), stop_before_pixels=True)
    ct = ct[0x00080000:0x00210000]  # up to what names the series
    return ct, encode(ct, implicit, little)


@pytest.mark.parametrize(("implicit", "little", "syntax"), SYNTAXES)
def test_identifiers_are_read_in_every_encoding(implicit, little, syntax):
    data, encoded = header(implicit, little)

    identity = read_identity(encoded, syntax)

    assert (identity.class_uid, identity.instance_uid) == (data.SOPClassUID, data.SOPInstanceUID)
    assert (identity.study_uid, identity.series_uid) == (data.StudyInstanceUID, data.SeriesInstanceUID)


def test_every_cut_is_found_and_never_half_an_identifier_believed():
    data, encoded = header(False, True)
    for end in range(0, len(encoded), 3):
        try:
            identity = read_identity(encoded[:end], ExplicitVRLittleEndian)
        except InputError:
            continue
        assert identity.series_uid == data.SeriesInstanceUID


@given(st.binary(max_size=400), st.sampled_from([syntax for *_, syntax in SYNTAXES]))
def test_any_bytes_are_read_or_refused(data, syntax):
    try:
        identity = read_identity(data, syntax)
    except InputError:
        return
    assert is_uid(identity.study_uid)


def test_length_that_lies_reads_no_further_than_the_bytes():
    lie = b"\x08\x00\x16\x00\xf0\xff\xff\x7f" + b"1.2"

    with pytest.raises(CutShortError):
        read_identity(lie, ImplicitVRLittleEndian)


@pytest.mark.parametrize("text", ["", "1", "1..2", ".1.2", "1.2.", "../1.2", "1.2/3", "1.2\n", "1.2 ", "1." + "2" * 63, "١.٢"])
def test_what_is_no_identifier(text):
    assert not is_uid(text)


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=6))
def test_file_meta_is_byte_for_byte_what_pydicom_writes(numbers):
    uid = ".".join(map(str, numbers))
    meta = create_file_meta(sop_class_uid=CT, sop_instance_uid=uid, transfer_syntax=ExplicitVRLittleEndian)

    assert file_beginning(CT, uid, ExplicitVRLittleEndian) == bytes(128) + b"DICM" + encode_file_meta(meta)


def test_file_is_taken_apart_and_put_together_again():
    file = file_beginning(CT, "1.2.3", ExplicitVRLittleEndian) + b"the data set"

    part = data_set_of(file)

    assert (part.class_uid, part.instance_uid, part.transfer_syntax) == (CT, "1.2.3", ExplicitVRLittleEndian)
    assert bytes(part.data_set) == b"the data set"


@given(st.binary(max_size=300))
def test_what_is_no_file_is_refused(data):
    for file in (data, bytes(128) + b"DICM" + data):
        with pytest.raises(InputError):
            data_set_of(file)


def test_deflated_file_is_refused():
    with pytest.raises(InputError, match="deflated"):
        data_set_of(file_beginning(CT, "1.2.3", "1.2.840.10008.1.2.1.99"))


@given(
    st.integers(0, 65_535),
    st.sampled_from([0x0000, 0xA700, 0xA900, 0xC000, 0x0110]),
    st.lists(st.integers(0, 10**6), min_size=2, max_size=8),
)
def test_answer_is_byte_for_byte_what_pynetdicom_writes(message_id, status, numbers):
    uid = ".".join(map(str, numbers))
    primitive = C_STORE()
    primitive.MessageID = primitive.MessageIDBeingRespondedTo = message_id
    primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID, primitive.Status = CT, uid, status
    message = C_STORE_RSP()
    message.primitive_to_message(primitive)
    message.context_id = 5
    [part] = list(message.encode_msg(5, 16_384))

    assert store_answer(5, message_id, CT, uid, status) == P_DATA_TF(part).encode()
