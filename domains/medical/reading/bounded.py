"""Open a DICOM file so that no length written in it decides how much is read, and nothing inflates without a bound.

Whatever lies on disk comes out as a Part 10 stream (PS3.10): a data set without file meta gets one, and a deflated one is
inflated here, because pydicom inflates without a bound.
"""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from core.errors import InputError
from domains.medical.reading.bounds import Bounds

PREAMBLE_BYTES = 128
PREFIX = b"DICM"
META_BYTES = 1 << 16  # file meta is some hundred bytes
CHUNK_BYTES = 1 << 16
ENDINGS = (1, 8)  # what pydicom asks for to see whether there is more: a byte, the head of an element
_LONG_LENGTH = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}  # PS3.5 7.1.2


class BoundedFile(io.BufferedReader):
    """A file that never reads, and so never allocates, past its own end or past a bound.

    Args:
        raw: what is read.
        length: of it.
        value_bytes: at most in one read.
        total_bytes, reads: at most in all.

    Attributes:
        ran_short: more was wanted than is there, as in a file that was cut short.
    """

    def __init__(self, raw: io.RawIOBase, length: int, *, value_bytes: int, total_bytes: int, reads: int) -> None:
        super().__init__(raw)
        self.length = length
        self.ran_short = False
        self._value_bytes = value_bytes
        self._bytes_left = total_bytes
        self._reads_left = reads

    @property
    def name(self) -> str:
        """Empty: nothing that is read from here is to be found again by its path."""
        return ""

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise InputError("its header has too many elements to read")
        left = max(0, self.length - self.tell())
        wanted = left if size is None or size < 0 else min(size, left)
        self.ran_short |= size is not None and size > left and (left > 0 or size not in ENDINGS)
        if wanted > self._value_bytes:
            raise InputError(f"one value takes {wanted} bytes, more than {self._value_bytes}")
        self._bytes_left -= wanted
        if self._bytes_left < 0:
            raise InputError("its header is too large to read")
        return super().read(wanted)

    def seek(self, target: int, whence: int = io.SEEK_SET, /) -> int:
        position = super().seek(target, whence)
        self.ran_short |= position > self.length
        return position

    def chunk(self) -> bytes:
        """The next bytes, of which the caller counts how many there are in all."""
        return super().read(CHUNK_BYTES)


@contextmanager
def open_bounded(path: Path, bounds: Bounds, *, value_bytes: int | None = None, total_bytes: int | None = None) -> Iterator[BoundedFile]:
    """A regular file, as bytes.

    Args:
        value_bytes, total_bytes: at most in one read and in all; by default what a header may take.

    Raises:
        InputError: it is not a regular file, cannot be opened, or is larger than bounded.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError("it is not a regular file")
        if status.st_size > bounds.file_bytes:
            raise InputError(f"it has {status.st_size} bytes, more than {bounds.file_bytes}")
        raw = io.FileIO(path)
    except OSError as error:
        raise InputError(f"it cannot be opened ({error.strerror})") from None
    with _bounded(raw, status.st_size, bounds, value_bytes, total_bytes) as file:
        yield file


@contextmanager
def open_dicom(path: Path, bounds: Bounds, *, value_bytes: int | None = None, total_bytes: int | None = None) -> Iterator[BoundedFile]:
    """A DICOM file as a Part 10 stream from its preamble on, whose transfer syntax is never the deflated one.

    Args:
        value_bytes, total_bytes: at most in one read and in all; by default what a header may take.

    Raises:
        InputError: it is not DICOM, or inflates past its bound.
    """
    with open_bounded(path, bounds, value_bytes=value_bytes, total_bytes=total_bytes) as file:
        head = file.read(PREAMBLE_BYTES + len(PREFIX))
        if head[PREAMBLE_BYTES:] == PREFIX:
            syntax, start = _file_meta(file)
            if syntax == DeflatedExplicitVRLittleEndian:
                file.seek(start)
                inflated = _inflate(file, bounds.inflated_bytes)
                with _in_memory([_part_10_head(ExplicitVRLittleEndian), inflated], bounds, value_bytes, total_bytes) as made:
                    yield made
                return
            if syntax:
                file.seek(0)
                yield file
                return
            file.seek(start)
        else:
            file.seek(0)
        with _in_memory(_with_meta(file, bounds), bounds, value_bytes, total_bytes) as made:
            yield made


def data_set_sha256(path: Path, bounds: Bounds) -> str:
    """Of all behind the file meta.

    Raises:
        InputError: it is not DICOM.
    """
    with open_dicom(path, bounds) as file:
        file.seek(PREAMBLE_BYTES + len(PREFIX))
        _, start = _file_meta(file)
        file.seek(start)
        return hashlib.file_digest(file, "sha256").hexdigest()


def transfer_syntax(path: Path) -> str:
    """As a Part 10 file's meta names it; empty where there is none."""
    with path.open("rb") as file:
        if file.read(PREAMBLE_BYTES + len(PREFIX))[PREAMBLE_BYTES:] != PREFIX:
            return ""
        return _file_meta(file)[0]


def preamble(path: Path, bounds: Bounds) -> bytes:
    """The first 128 bytes where the file has a Part 10 prefix, else nothing.

    Raises:
        InputError: it cannot be read.
    """
    with open_bounded(path, bounds) as file:
        head = file.read(PREAMBLE_BYTES + len(PREFIX))
    return head[:PREAMBLE_BYTES] if head[PREAMBLE_BYTES:] == PREFIX else b""


def _file_meta(file: BinaryIO) -> tuple[str, int]:
    """The transfer syntax that the file meta names (empty where it names none) and where the data set begins (PS3.10 7.1).

    The group's own length is not believed; its elements are walked.
    """
    syntax = ""
    begin = file.tell()
    while True:
        start = file.tell()
        head = file.read(8)
        if len(head) < 8 or head[:2] != b"\x02\x00" or start - begin > META_BYTES:
            return syntax, start
        element, representation, length = struct.unpack("<2xH2sH", head)
        if representation in _LONG_LENGTH:
            extra = file.read(4)
            if len(extra) < 4:
                return syntax, start
            (length,) = struct.unpack("<L", extra)
        if element == 0x0010:
            syntax = file.read(min(length, 64)).rstrip(b" \x00").decode("ascii", "replace")
        else:
            file.seek(file.tell() + length)


def _inflate(file: BoundedFile, at_most: int) -> bytes:
    """Raw deflate (PS3.5 A.5), a piece at a time.

    Raises:
        InputError: it grows past the bound or is not deflated.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    grown = 0
    try:
        while not inflater.eof and (piece := inflater.unconsumed_tail or file.chunk()):
            pieces.append(inflater.decompress(piece, CHUNK_BYTES * 16))
            grown += len(pieces[-1])
            if grown > at_most:
                raise InputError(f"its deflated data grow past {at_most} bytes")
    except zlib.error:
        raise InputError("its deflated data are damaged") from None
    return b"".join(pieces)


def _with_meta(file: BoundedFile, bounds: Bounds) -> list[bytes]:
    """A data set without file meta, behind one made for it.

    Raises:
        InputError: it does not begin as a data set does.
    """
    start = file.tell()
    head = file.read(8)
    if start == 0 and head[:2] == b"\x02\x00":  # file meta without a preamble
        file.seek(0)
        return [bytes(PREAMBLE_BYTES) + PREFIX, _rest(file, bounds)]
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    if len(head) == 8 and head[:2] == b"\x08\x00":
        syntax = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    elif len(head) == 8 and head[:2] == b"\x00\x08" and explicit:
        syntax = ExplicitVRBigEndian
    else:
        raise InputError("it is not DICOM")
    file.seek(start)
    return [_part_10_head(syntax), _rest(file, bounds)]


def _rest(file: BoundedFile, bounds: Bounds) -> bytes:
    left = file.length - file.tell()
    if left > bounds.inflated_bytes:
        raise InputError(f"it has no file meta and {left} bytes, more than {bounds.inflated_bytes}")
    return b"".join(iter(file.chunk, b""))


def _part_10_head(syntax: UID) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    out = DicomBytesIO()
    out.write(bytes(PREAMBLE_BYTES) + PREFIX)
    write_file_meta_info(out, meta, enforce_standard=False)
    return out.getvalue()


def _in_memory(pieces: list[bytes], bounds: Bounds, value_bytes: int | None, total_bytes: int | None) -> BoundedFile:
    content = b"".join(pieces)
    return _bounded(cast(io.RawIOBase, io.BytesIO(content)), len(content), bounds, value_bytes, total_bytes)


def _bounded(raw: io.RawIOBase, length: int, bounds: Bounds, value_bytes: int | None, total_bytes: int | None) -> BoundedFile:
    value_bytes, total_bytes = value_bytes or bounds.value_bytes, total_bytes or bounds.header_bytes
    return BoundedFile(raw, length, value_bytes=value_bytes, total_bytes=total_bytes, reads=bounds.header_reads)
