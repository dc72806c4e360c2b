"""A ZIP is unpacked within bounds, under our own names; a hostile one is refused whole."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import InputError
from domains.medical.reading import DEFAULT_BOUNDS, Decoder, read_study


def test_studies_of_a_zip_are_read_and_lie_under_our_own_names(make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(make_dicom("a.dcm"), "Quagga^Zebra/a.dcm")
        archive.write(make_dicom("b.dcm", StudyInstanceUID="9.8.7"), "Quagga^Zebra/b.dcm")
        archive.writestr("readme.txt", "hello")
    studies = read_study(tmp_path / "in.zip", scratch=scratch)
    assert {s.uid for s in studies} == {"1.2.3", "9.8.7"}
    paths = [i.path for s in studies for i in s.instances]
    assert all(p.is_relative_to(scratch) and p.name.isdigit() for p in paths)
    assert decoder.frame(studies[0].instances[0]).values.shape == (1, 16, 16)
    assert any("neither DICOM nor pictures" in n for n in studies[0].notices)


@pytest.mark.parametrize("name", ["../evil.dcm", "a/../../evil.dcm", "/etc/evil.dcm", "..\\evil.dcm", "C:\\evil.dcm"])
def test_an_entry_that_climbs_out_refuses_the_archive(name: str, make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.write(make_dicom("a.dcm"), "a.dcm")
        entry = zipfile.ZipInfo("placeholder")
        entry.filename = name
        archive.writestr(entry, b"evil")
    with pytest.raises(InputError, match="climbs out"):
        read_study(tmp_path / "in.zip", scratch=scratch)
    assert not list(tmp_path.rglob("evil*"))
    assert not [p for p in scratch.rglob("*") if p.is_file()]


def test_a_zip_that_grows_a_thousand_times_is_stopped(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.dcm", bytes(16 << 20))
    with pytest.raises(InputError, match="grows more than 100 times"):
        read_study(tmp_path / "bomb.zip", scratch=tmp_path)
    assert sum(p.stat().st_size for p in tmp_path.rglob("0*")) <= DEFAULT_BOUNDS.archive_free_bytes + (1 << 20)


def test_a_size_that_an_entry_lies_about_does_not_help_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", bytes(32 << 20))
    content = bytearray((tmp_path / "bomb.zip").read_bytes())
    size = (32 << 20).to_bytes(4, "little")
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = (1000).to_bytes(4, "little")
    (tmp_path / "bomb.zip").write_bytes(content)
    with pytest.raises(InputError):
        read_study(tmp_path / "bomb.zip", scratch=tmp_path)
    assert sum(p.stat().st_size for p in tmp_path.rglob("0*")) <= 1 << 20


def test_more_entries_than_bounded_are_refused_before_one_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(50):
            archive.writestr(f"{number}", b"")
    with pytest.raises(InputError, match="50 files, more than 20"):
        read_study(tmp_path / "many.zip", scratch=tmp_path, bounds=replace(DEFAULT_BOUNDS, archive_entries=20))


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(range(256)) * 8])
def test_a_damaged_zip_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_study(tmp_path / "bad.zip", scratch=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_hostile_zip_in_a_folder_costs_only_itself(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    make_dicom("in/a.dcm")
    with zipfile.ZipFile(tmp_path / "in" / "b.zip", "w") as archive:
        archive.writestr("../x.dcm", b"evil")
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    assert any("climbs out" in n for n in study.notices)


def test_links_that_lead_out_of_a_folder_are_left(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    make_dicom("in/a.dcm")
    outside = make_dicom("outside.dcm", StudyInstanceUID="6.6.6")
    make_dicom("other/deep.dcm", StudyInstanceUID="7.7.7")
    (tmp_path / "in" / "link.dcm").symlink_to(outside)
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "other")
    os.mkfifo(tmp_path / "in" / "pipe.dcm")
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    assert study.uid == "1.2.3"
    assert any("link" in n for n in study.notices)


def test_a_pipe_or_nothing_is_no_place(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in ("pipe", "missing"):
        with pytest.raises(InputError, match="nothing lies at the place"):
            read_study(tmp_path / place, scratch=tmp_path)
