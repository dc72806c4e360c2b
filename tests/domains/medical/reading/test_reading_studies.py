"""Files become studies: grouped, ordered, each once; a bad one costs only itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from core.errors import ConfigError, InputError
from domains.medical.reading import read_study

PLACE = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [0.8, 0.7], "SliceThickness": 2.5}


def test_a_bad_file_costs_only_itself(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    make_dicom("in/a.dcm")
    (tmp_path / "in" / "b.dcm").write_bytes(make_dicom("whole.dcm").read_bytes()[:600])
    (tmp_path / "in" / "c.txt").write_text("notes")
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    assert len(study.instances) == 1
    assert any("1 of 2 files left out (number 2 in the order of names)" in n for n in study.notices)
    assert any("1 file(s) are neither" in n for n in study.notices)


def test_a_folder_without_a_study_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "c.txt").write_text("notes")
    with pytest.raises(InputError, match="no study that can be read"):
        read_study(tmp_path / "in", scratch=tmp_path)


def test_slices_come_by_geometry_and_not_by_number(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    for name, number, z in (("a", 1, 30.0), ("b", 2, 10.0), ("c", 3, 20.0)):
        make_dicom(f"in/{name}.dcm", InstanceNumber=number, ImagePositionPatient=[0, 0, z], **PLACE)
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    assert [i.number for i in study.instances] == [2, 3, 1]
    geometry = study.instances[0].geometry
    assert geometry is not None
    assert (geometry.position_mm, geometry.spacing_mm, geometry.thickness_mm) == ((0.0, 0.0, 10.0), (0.8, 0.7), 2.5)


@pytest.mark.parametrize("orientation", [[1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0], [5, 0, 0, 0, 5, 0]])
def test_an_orientation_that_is_none_gives_no_geometry(orientation: list[float], make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    path = make_dicom("a.dcm", ImagePositionPatient=[0, 0, 0], **(PLACE | {"ImageOrientationPatient": orientation}))
    assert read_study(path, scratch=tmp_path)[0].instances[0].geometry is None


def test_the_same_file_counts_once(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    shutil.copy(make_dicom("in/a.dcm"), tmp_path / "in" / "copy.dcm")
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    assert len(study.instances) == 1
    assert not study.notices


def test_the_same_content_from_another_sender_counts_once(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    content = make_dicom("in/a.dcm").read_bytes()
    (tmp_path / "in" / "b.dcm").write_bytes(b"\x01" * 128 + content[128:])
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    assert len(study.instances) == 1


def test_one_uid_for_two_contents_keeps_both_and_says_so(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    make_dicom("in/a.dcm", SOPInstanceUID="1.2.3.4.5", InstanceNumber=1)
    make_dicom("in/b.dcm", SOPInstanceUID="1.2.3.4.5", InstanceNumber=2)
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    assert [i.number for i in study.instances] == [1, 2]
    assert any("different content" in n for n in study.notices)


def test_several_studies_come_by_time(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    make_dicom("in/a.dcm", StudyInstanceUID="1.1", StudyDate="20240302", StudyTime="080000")
    make_dicom("in/b.dcm", StudyInstanceUID="1.2", StudyDate="20240301", StudyTime="080000", PatientID="P2")
    make_dicom("in/c.dcm", StudyInstanceUID="1.3")
    studies = read_study(tmp_path / "in", scratch=tmp_path)
    assert [s.uid for s in studies] == ["1.2", "1.1", "1.3"]
    assert [s.patient.id for s in studies] == ["P2", "P1", "P1"]


@pytest.mark.parametrize(
    ("elements", "zone", "expected"),
    [
        ({"StudyDate": "20240701", "StudyTime": "120000"}, "UTC", 1719835200.0),
        ({"StudyDate": "20240701", "StudyTime": "120000"}, "Europe/Berlin", 1719835200.0 - 7200),
        ({"StudyDate": "20240701", "StudyTime": "120000", "TimezoneOffsetFromUTC": "-0500"}, "Europe/Berlin", 1719835200.0 + 18000),
        ({"StudyDate": "20240701", "StudyTime": "120000.250000"}, "UTC", 1719835200.25),
        ({"StudyDate": "20240701"}, "UTC", 1719792000.0),
        ({"StudyDate": "20241301", "StudyTime": "120000"}, "UTC", None),
        ({"StudyTime": "120000"}, "UTC", None),
    ],
)
def test_times_without_an_offset_are_of_the_settings_time_zone(
    elements: dict[str, str], zone: str, expected: float | None, make_dicom: Callable[..., Path], tmp_path: Path
) -> None:
    (study,) = read_study(make_dicom("a.dcm", **elements), scratch=tmp_path, timezone=zone)
    assert study.taken_wall_s == expected


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", ""])
def test_a_time_zone_that_is_none_is_said(zone: str, make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="time zone"):
        read_study(make_dicom("a.dcm"), scratch=tmp_path, timezone=zone)


def test_what_a_header_says_of_a_film_is_kept(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    path = make_dicom(
        "a.dcm",
        Modality="DX",
        BodyPartExamined="CHEST",
        ViewPosition="PA",
        ImageLaterality="L",
        ImagerPixelSpacing=[0.15, 0.15],
        PatientName="Müller^Änne",
        SpecificCharacterSet="ISO_IR 100",
        PatientBirthDate="19500101",
        PatientSex="f",
        AcquisitionDateTime="20240701120000.5+0200",
        AccessionNumber="A7",
    )
    (study,) = read_study(path, scratch=tmp_path)
    (film,) = study.instances
    assert (film.modality, film.body_part, film.view, film.laterality, film.spacing_mm) == ("DX", "chest", "PA", "L", (0.15, 0.15))
    assert film.acquired_wall_s == 1719828000.5
    assert (study.patient.name, study.patient.birth_date, study.patient.sex) == ("Müller, Änne", "1950-01-01", "F")
    assert study.accession == "A7"


def test_the_regions_of_an_ultrasound_picture_give_its_spacing(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    region = Dataset()
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.05, 0.04
    (study,) = read_study(make_dicom("a.dcm", Modality="US", SequenceOfUltrasoundRegions=[region]), scratch=tmp_path)
    assert study.instances[0].spacing_mm == (0.4, 0.5)


def test_blank_ids_do_not_hide_another_patient(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    make_dicom("in/a.dcm", PatientID="", PatientName="One^A")
    make_dicom("in/b.dcm", PatientID="P1", PatientName="Two^B")
    with pytest.raises(InputError, match="several patients"):
        read_study(tmp_path / "in", scratch=tmp_path)
