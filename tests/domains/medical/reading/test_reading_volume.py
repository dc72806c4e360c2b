"""A volume is sorted and spaced by geometry; what does not belong or is missing is said. Key images are drawn from it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from core.errors import InputError
from domains.medical.reading import DEFAULT_BOUNDS, Decoder, is_volume, key_images, read_study, read_volume
from domains.medical.study import Volume

AXIAL = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [0.8, 0.7], "SliceThickness": 9.0}


def slices(make: Callable[..., Path], positions_mm: list[float], **elements: object) -> None:
    """One slice a position, numbered in the order given; its pixels hold its position."""
    for number, z in enumerate(positions_mm):
        given = {"ImagePositionPatient": [0, 0, z], "InstanceNumber": number, **AXIAL, **elements}
        make(f"in/{number:03d}.dcm", pixels=np.full((16, 16), int(z), np.int16), **given)


def volume_in(folder: Path, decoder: Decoder) -> Volume:
    (study,) = read_study(folder, scratch=folder)
    return read_volume(study.series[0], decoder)


def test_slices_are_sorted_by_place_and_spaced_by_positions(make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path) -> None:
    slices(make_dicom, [30.0, 10.0, 20.0, 0.0])
    volume = volume_in(tmp_path / "in", decoder)
    assert volume.values[:, 0, 0].tolist() == [0, 10, 20, 30]
    assert volume.spacing_mm == (10.0, 0.8, 0.7)  # not the thickness
    assert volume.positions_mm.tolist() == [0, 10, 20, 30]
    assert volume.normal == (0, 0, 1)
    assert volume.frames == (0, 0, 0, 0)
    assert not volume.notices


def test_values_are_hounsfield_units(make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path) -> None:
    slices(make_dicom, [0, 10], RescaleSlope=2, RescaleIntercept=-1000)
    assert volume_in(tmp_path / "in", decoder).values[:, 0, 0].tolist() == [-1000, -980]


@pytest.mark.parametrize(
    ("positions", "words", "spacing"),
    [
        ([0, 10, 20, 50, 60, 70], "2 slices seem to be missing", 10),
        ([0, 10, 21, 31, 41], "not evenly spaced", 10),
        ([0, 10, 20, 20, 30], "lie where another lies", 10),
    ],
)
def test_what_is_uneven_missing_or_doubled_is_said(
    positions: list[float], words: str, spacing: float, make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path
) -> None:
    slices(make_dicom, positions)
    volume = volume_in(tmp_path / "in", decoder)
    assert any(words in n for n in volume.notices)
    assert volume.spacing_mm[0] == pytest.approx(spacing, abs=0.6)


def test_a_localizer_and_a_slice_of_another_size_stay_out(make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path) -> None:
    slices(make_dicom, [0, 10, 20])
    make_dicom("in/scout.dcm", ImagePositionPatient=[0, 0, 0], **(AXIAL | {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}))
    make_dicom("in/small.dcm", pixels=np.zeros((8, 8), np.int16), ImagePositionPatient=[0, 0, 30], **AXIAL)
    volume = volume_in(tmp_path / "in", decoder)
    assert len(volume.values) == 3
    assert any("2 of 5 slices lie otherwise" in n for n in volume.notices)


def test_a_coronal_series_looks_along_y(make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path) -> None:
    for number, y in enumerate((5.0, 0.0)):
        make_dicom(f"in/{number}.dcm", ImagePositionPatient=[0, y, 0], **(AXIAL | {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}))
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    assert read_volume(study.series[0], decoder).normal == (0, 1, 0)
    assert key_images(study, decoder, at_most=1).images[0].details["plane"] == "coronal"


def test_a_block_beyond_its_bound_takes_every_other_slice(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    slices(make_dicom, [0, 10, 20, 30, 40, 50])
    with Decoder(bounds=replace(DEFAULT_BOUNDS, volume_bytes=3 * 16 * 16 * 4)) as small:
        volume = volume_in(tmp_path / "in", small)
    assert volume.positions_mm.tolist() == [0, 20, 40]
    assert any("one in 2 of 6 slices" in n for n in volume.notices)


def test_an_enhanced_object_gives_its_frames_their_places(make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path) -> None:
    def group(**sequences: Dataset) -> Dataset:
        made = Dataset()
        for keyword, item in sequences.items():
            setattr(made, keyword, [item])
        return made

    def item(**elements: object) -> Dataset:
        made = Dataset()
        for keyword, value in elements.items():
            setattr(made, keyword, value)
        return made

    heights = [20.0, 0.0, 10.0]
    stored = np.stack([np.full((16, 16), int(z), np.int16) for z in heights])
    path = make_dicom(
        "enhanced.dcm",
        NumberOfFrames=3,
        PixelData=stored.tobytes(),
        SharedFunctionalGroupsSequence=[
            group(
                PixelMeasuresSequence=item(PixelSpacing=[0.5, 0.5], SliceThickness=1),
                PlaneOrientationSequence=item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
                PixelValueTransformationSequence=item(RescaleSlope=1, RescaleIntercept=-1000, RescaleType="HU"),
            )
        ],
        PerFrameFunctionalGroupsSequence=[group(PlanePositionSequence=item(ImagePositionPatient=[0, 0, z])) for z in heights],
    )
    (study,) = read_study(path, scratch=tmp_path)
    assert is_volume(study.series[0])
    volume = read_volume(study.series[0], decoder)
    assert volume.values[:, 0, 0].tolist() == [-1000, -990, -980]
    assert volume.frames == (1, 2, 0)
    assert volume.spacing_mm == (10.0, 0.5, 0.5)


def test_one_slice_is_no_volume(make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path) -> None:
    slices(make_dicom, [0])
    with pytest.raises(InputError, match="fewer than two"):
        volume_in(tmp_path / "in", decoder)


def test_chest_slices_lie_in_the_body_and_are_named_with_their_windows(
    make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path
) -> None:
    body = np.full((16, 16), -1000, np.int16)
    for number in range(40):
        stored = body.copy()
        if 10 <= number < 30:
            stored[4:12, 4:12] = 40
        place = {"ImagePositionPatient": [0, 0, number], "InstanceNumber": number, **AXIAL}
        make_dicom(f"in/{number:02d}.dcm", pixels=stored, BodyPartExamined="CHEST", **place)
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    found = key_images(study, decoder, at_most=6)
    numbers = [int(i.details["slice"].split()[0]) for i in found.images]
    assert len(set(numbers)) == 3
    assert all(11 <= n <= 30 for n in numbers)
    assert [i.details["window"] for i in found.images] == ["lung", "mediastinum"] * 3
    assert found.images[0].name == f"axial slice {numbers[0]} of 40, lung window"
    assert found.images[0].window == (-600.0, 1500.0)
    assert found.images[0].spacing_mm == (0.8, 0.7)
    assert not found.volumes
    assert key_images(study, decoder, at_most=1, keep_volumes=True).volumes.keys() == {study.series[0].uid}


def test_every_series_gives_some_when_there_are_more_than_wanted(make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path) -> None:
    slices(make_dicom, [0, 10, 20])
    for number in range(5):
        make_dicom(f"in/film{number}.dcm", Modality="DX", SeriesInstanceUID="1.9", InstanceNumber=number)
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    found = key_images(study, decoder, at_most=4)
    assert [i.details["kind"] for i in found.images] == ["slice", "slice", "film", "film"]
    assert [i.id for i in found.images] == [f"image-{n}" for n in (1, 2, 3, 4)]


def test_a_film_that_cannot_be_decoded_costs_only_itself(
    make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path, real: Callable[[str], Path]
) -> None:
    make_dicom("in/a.dcm", Modality="DX")
    (study,) = read_study(tmp_path / "in", scratch=tmp_path)
    (other,) = read_study(real("JPEG-lossy.dcm"), scratch=tmp_path)
    both = replace(study, series=(*study.series, *other.series))
    found = key_images(both, decoder)
    assert len(found.images) == 1
    assert any("cannot be decoded" in n for n in found.notices)
    with pytest.raises(InputError, match="no picture of the study can be shown"):
        key_images(other, decoder)


@pytest.mark.slow
def test_300_slices_stay_within_memory(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(-1000, 400, (512, 512)).astype(np.int16)
    for number in range(300):
        make_dicom(f"in/{number:03d}.dcm", pixels=one, ImagePositionPatient=[0, 0, number], **AXIAL)
    program = (
        "import sys; from pathlib import Path; from domains.medical.reading import *\n"
        "study, = read_study(sys.argv[1], scratch=Path(sys.argv[1]))\n"
        "with Decoder() as d: assert len(key_images(study, d).images) == 8\n"
        # not getrusage: its figure survives exec, so it would be the peak of the process that runs the tests
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "in")], capture_output=True, text=True, cwd=root, check=True)
    assert int(done.stdout) < 700_000  # KiB; the block itself is 307,200
