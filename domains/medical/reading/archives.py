"""Unpack a ZIP into files that we name, within bounds that hold whatever the archive says of itself."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import mkdtemp

from core.errors import InputError
from domains.medical.reading.bounded import open_bounded
from domains.medical.reading.bounds import MIB, Bounds

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
DIRECTORY_BYTES = 16 * MIB  # what one read may take: zipfile reads the list of entries in one
CHUNK_BYTES = MIB
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
ENCRYPTED = 0x1


def unpack(path: Path, scratch: Path, bounds: Bounds) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write every file of the archive under a number of our own, into a new folder in `scratch`.

    Args:
        path: of the archive.
        scratch: an existing folder that the caller removes.

    Returns:
        The files in the order of their names in the archive (so that a person can find the third), and what was left out.

    Raises:
        InputError: damaged, too many entries, grows too much, or an entry's name climbs out of the archive.
    """
    notices: list[str] = []
    files: list[Path] = []
    try:
        with open_bounded(path, bounds, value_bytes=DIRECTORY_BYTES, total_bytes=sys.maxsize) as file, zipfile.ZipFile(file) as archive:
            entries = sorted((e for e in archive.infolist() if not e.is_dir()), key=lambda e: e.filename)
            _check(entries, bounds)
            folder = Path(mkdtemp(prefix="archive-", dir=scratch))
            room = min(bounds.archive_bytes, max(bounds.archive_free_bytes, file.length * bounds.archive_ratio))
            for number, entry in enumerate(entries, start=1):
                if entry.flag_bits & ENCRYPTED or entry.compress_type not in METHODS:
                    notices.append("an entry of a ZIP is encrypted or packed in a way that is not read")
                    continue
                target = folder / f"{number:06d}"
                room -= _write(archive, entry, target, room, bounds)
                files.append(target)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError, OverflowError) as error:
        raise InputError(f"a ZIP is damaged ({type(error).__name__})") from None
    except Exception as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"a ZIP is damaged ({type(error).__name__})") from None
    return tuple(files), tuple(notices)


def _check(entries: list[zipfile.ZipInfo], bounds: Bounds) -> None:
    if len(entries) > bounds.archive_entries:
        raise InputError(f"a ZIP has {len(entries)} files, more than {bounds.archive_entries}")
    for entry in entries:
        parts = PurePosixPath(entry.filename).parts + PureWindowsPath(entry.filename).parts
        if ".." in parts or entry.filename.startswith(("/", "\\")) or PureWindowsPath(entry.filename).drive:
            raise InputError("a ZIP has an entry whose name climbs out of it; it is not read")


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: int, bounds: Bounds) -> int:
    """Bytes written; what the entry says of its own size is not believed."""
    written = 0
    with archive.open(entry) as packed, target.open("xb") as out:
        while chunk := packed.read(CHUNK_BYTES):
            written += len(chunk)
            if written > room:
                raise InputError(f"a ZIP grows more than {bounds.archive_ratio} times or past {bounds.archive_bytes} bytes")
            if written > bounds.file_bytes:
                raise InputError(f"a file in a ZIP has more than {bounds.file_bytes} bytes")
            out.write(chunk)
    return written
