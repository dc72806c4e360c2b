"""Archives are hostile: only the named files come out, with the expected size and hash."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from core.errors import ModelError
from core.weights.archive import take
from core.weights.manifest import WantedFile

CONTENT = b"weights " * 100


def wanted(member: str = "package/model.bin", content: bytes = CONTENT) -> WantedFile:
    return WantedFile(member, hashlib.sha256(content).hexdigest(), len(content))


def make_wheel(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "made.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_tgz(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "made.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


MAKERS = [make_wheel, make_tgz]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("make", MAKERS)
def test_only_the_named_file_comes_out(make, tmp_path, out):
    archive = make(tmp_path, {"package/other.py": b"import os", "package/model.bin": CONTENT})

    take(archive, [wanted()], out)

    assert {p.name: p.read_bytes() for p in out.iterdir()} == {"model.bin": CONTENT}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("path", ["../evil.bin", "/etc/evil.bin", "package/../../evil.bin", "C:\\evil.bin", "..\\evil.bin"])
def test_archive_that_leads_out_of_itself_is_refused(make, path, tmp_path, out):
    archive = make(tmp_path, {path: b"x", "package/model.bin": CONTENT})

    with pytest.raises(ModelError, match="leads out of it"):
        take(archive, [wanted()], out)

    assert not list(out.iterdir())


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("content", [CONTENT[:-1] + b"!", CONTENT[:-1], CONTENT + b"x", b"", b"\0" * 50_000_000])
def test_another_file_under_the_same_name_is_refused_and_not_left_behind(make, content, tmp_path, out):
    archive = make(tmp_path, {"package/model.bin": content})

    with pytest.raises(ModelError, match="not the expected file"):
        take(archive, [wanted()], out)

    assert not list(out.iterdir())


@pytest.mark.parametrize("make", MAKERS)
def test_missing_file_is_named(make, tmp_path, out):
    with pytest.raises(ModelError, match=r"holds no package/model\.bin"):
        take(make(tmp_path, {"package/else.bin": b"x"}), [wanted()], out)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("kept", [0, 10, 0.5])
def test_truncated_archive_is_one_clear_error(make, kept, tmp_path, out):
    archive = make(tmp_path, {"package/model.bin": CONTENT})
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * kept) if isinstance(kept, float) else kept])

    with pytest.raises(ModelError, match=r"damaged|holds no"):
        take(archive, [wanted()], out)


def test_link_in_place_of_the_file_is_refused(tmp_path, out):
    path = tmp_path / "made.tgz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("package/model.bin")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)

    with pytest.raises(ModelError, match="not a plain file"):
        take(path, [wanted()], out)
