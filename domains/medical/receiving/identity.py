"""Who an object says it is: its identifiers, read from its first bytes only, each checked before it is believed."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from pydicom.dataelem import RawDataElement
from pydicom.filereader import data_element_generator
from pydicom.tag import BaseTag
from pydicom.uid import UID

from core.errors import InputError

CLASS_UID, INSTANCE_UID, STUDY_UID, SERIES_UID = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
WANTED = {CLASS_UID: "SOP class", INSTANCE_UID: "SOP instance", STUDY_UID: "study", SERIES_UID: "series"}
DEEP_HEAD_BYTES = 1 << 22  # how far a header may reach before its series is named
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")  # PS3.5 9.1, but for leading zeros, which some devices write
_UID_CHARACTERS = 64


class CutShortError(InputError):
    """The bytes end before all identifiers were found."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The identifiers of one object."""

    class_uid: str
    instance_uid: str
    study_uid: str
    series_uid: str


def read_identity(head: bytes | bytearray, transfer_syntax: str) -> Identity:
    """Read the identifiers from the first bytes of a data set (without file meta).

    Args:
        head: of the data set; whatever a length in it claims, no more than this is read.
        transfer_syntax: how it is encoded.

    Raises:
        CutShortError: one of them was not found in these bytes.
        InputError: it is no data set, or an identifier is not one. The message quotes nothing.
    """
    syntax = UID(transfer_syntax)
    found: dict[int, str] = {}

    def is_past(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return int(tag) > SERIES_UID

    try:
        elements = data_element_generator(
            io.BytesIO(head),
            syntax.is_implicit_VR,
            syntax.is_little_endian,
            stop_when=is_past,
            specific_tags=[BaseTag(tag) for tag in WANTED],
        )
        for element in elements:
            if isinstance(element, RawDataElement) and int(element.tag) in WANTED and len(element.value or b"") == element.length:
                found[int(element.tag)] = (element.value or b"").decode("ascii").rstrip("\0 ")
    except UnicodeDecodeError:
        raise InputError("an identifier holds what no identifier may") from None
    except RecursionError:
        raise InputError("its sequences nest too deeply") from None
    except Exception as error:  # pydicom raises what the damage leads it to
        raise InputError(f"it is no DICOM data set ({type(error).__name__})") from None
    for tag, name in WANTED.items():
        if tag not in found:
            raise CutShortError(f"its {name} has no identifier")
        if not is_uid(found[tag]):
            raise InputError(f"the identifier of its {name} is not one")
    return Identity(found[CLASS_UID], found[INSTANCE_UID], found[STUDY_UID], found[SERIES_UID])


def is_uid(text: str) -> bool:
    """Whether it is an identifier as PS3.5 9.1 has them."""
    return len(text) <= _UID_CHARACTERS and _UID.fullmatch(text) is not None
