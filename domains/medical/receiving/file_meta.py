"""The beginning of a DICOM file: preamble, prefix and file meta information (PS3.10 7.1), as written before a received data set.

Written by hand because it is needed before every object: by pydicom it takes a tenth of the time that receiving one takes.
"""

from __future__ import annotations

from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION

PREAMBLE_BYTES = 128
_LONG = {b"OB"}  # those of the value representations here whose length takes four bytes (PS3.5 7.1.2)


def file_beginning(class_uid: str, instance_uid: str, transfer_syntax: str) -> bytes:
    """Preamble, prefix and file meta of an object; its data set follows.

    Args:
        class_uid, instance_uid, transfer_syntax: identifiers, already checked to be such.
    """
    elements = b"".join(
        (
            _element(0x0001, b"OB", b"\x00\x01"),
            _element(0x0002, b"UI", _uid(class_uid)),
            _element(0x0003, b"UI", _uid(instance_uid)),
            _element(0x0010, b"UI", _uid(transfer_syntax)),
            _element(0x0012, b"UI", _uid(PYNETDICOM_IMPLEMENTATION_UID)),
            _element(0x0013, b"SH", _even(PYNETDICOM_IMPLEMENTATION_VERSION.encode(), b" ")),
        )
    )
    length = _element(0x0000, b"UL", len(elements).to_bytes(4, "little"))
    return bytes(PREAMBLE_BYTES) + b"DICM" + length + elements


def _element(number: int, representation: bytes, value: bytes) -> bytes:
    head = b"\x02\x00" + number.to_bytes(2, "little") + representation
    if representation in _LONG:
        return head + bytes(2) + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


def _uid(uid: str) -> bytes:
    return _even(uid.encode("ascii"), b"\0")


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding if len(value) % 2 else value
