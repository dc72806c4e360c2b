"""Every file of pydicom's test data is read or says in one line why not; pictures agree with DCMTK's."""

from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from domains.medical.reading import Decoder, frame_data, key_images, read_header, read_study, show

REFUSED = {
    "bad_sequence.dcm": "is not a UID",  # UIDs that are hashes in hexadecimal
    "MR_truncated.dcm": "fewer than its header says",
    "JPEG2000-embedded-sequence-delimiter.dcm": "cannot be decoded",
    "JPEG-lossy.dcm": "cannot be decoded",  # 12-bit JPEG, which only a GPL decoder reads
    "JPGExtended.dcm": "cannot be decoded",
    "JPEGLSNearLossless_08.dcm": "StudyInstanceUID is missing",
    "JPEGLSNearLossless_16.dcm": "StudyInstanceUID is missing",
    "SC_rgb_jls_lossy_sample.dcm": "StudyInstanceUID is missing",
    "no_meta.dcm": "no DICOM file",
    "badVR.dcm": "number of frames",
}
ABOUT_PICTURES = {"RTDOSE", "RTPLAN", "RTSTRUCT", "SEG", "SR", "ECG"}
COMPARED = {
    "CT_small.dcm": ["+Wm"],
    "MR_small.dcm": ["+Wi", "1"],
    "MR_small_bigendian.dcm": ["+Wi", "1"],
    "MR_small_RLE.dcm": ["+Wi", "1"],
    "MR-SIEMENS-DICOM-WithOverlays.dcm": ["+Wi", "1"],
    "emri_small.dcm": ["+Wm"],
    "RG1_UNCR.dcm": ["+Wi", "1"],  # MONOCHROME1, 15 bits
    "US1_UNCR.dcm": [],
    "OBXXXX1A.dcm": [],  # PALETTE COLOR
    "OBXXXX1A_rle_2frame.dcm": [],
    "OT-PAL-8-face.dcm": [],
    "color-pl.dcm": [],  # planar
    "ExplVR_BigEnd.dcm": [],
    "examples_ybr_color.dcm": [],  # JPEG, YBR_FULL_422
    "SC_ybr_full_422_uncompressed.dcm": [],
    "SC_rgb_16bit.dcm": [],
    "JPGLosslessP14SV1_1s_1f_8b.dcm": ["+Wi", "1"],
    "JPEG2000_UNC.dcm": ["+Wm"],  # signed
    "JPEG-LL.dcm": ["+Wm"],
    "image_dfl.dcm": ["+Wm"],  # deflated
    "mlut_18.dcm": ["+Wm"],  # modality table
    "vlut_04.dcm": ["+Wl", "1"],  # VOI table
}


@pytest.fixture(scope="session")
def listed(shared_data: Path) -> list[dict[str, str]]:
    index = shared_data / "medical" / "dicom_pydicom_data" / "INDEX.csv"
    if not index.is_file():
        pytest.skip(f"{index} is not here; set TRIVIUM_DATA")
    with index.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_every_listed_file_is_read_or_says_why_not(
    listed: list[dict[str, str]], real: Callable[[str], Path], decoder: Decoder, tmp_path: Path
) -> None:
    refused = {}
    for row in listed:
        try:
            (study,) = read_study(real(row["file"]), scratch=tmp_path)
            (instance,) = study.instances
            assert (instance.rows, instance.columns, instance.frames) == tuple(int(row[k] or 0) for k in ("rows", "cols", "frames"))
            images = key_images(study, decoder).images
            assert bool(images) == (instance.modality not in ABOUT_PICTURES)
        except InputError as error:
            refused[row["file"]] = str(error)
    assert len(listed) == 73
    assert refused.keys() == REFUSED.keys()
    for name, words in REFUSED.items():
        assert words in refused[name]
        assert "\n" not in refused[name]


@pytest.mark.slow
def test_decoded_values_are_those_of_the_index(
    listed: list[dict[str, str]], real: Callable[[str], Path], decoder: Decoder, tmp_path: Path
) -> None:
    checked = 0
    for row in listed:
        if row["file"] in REFUSED or row["pixels_decode"] != "yes" or row["frames"] != "1" or row["photometric"].startswith("YBR"):
            continue
        (study,) = read_study(real(row["file"]), scratch=tmp_path)
        values = decoder.frame(study.instances[0]).values
        low, high = (int(row["decoded"].split(f"{word}=")[1].split()[0]) for word in ("min", "max"))
        assert (values.min(), values.max()) == (low, high), row["file"]
        checked += 1
    assert checked == 39


@pytest.mark.parametrize(("name", "options"), COMPARED.items())
def test_a_shown_picture_is_that_of_dcmtk(
    name: str, options: list[str], real: Callable[[str], Path], decoder: Decoder, tmp_path: Path
) -> None:
    program = shutil.which("dcmj2pnm")
    if program is None:
        pytest.skip("dcmj2pnm is not installed: apt install dcmtk")
    path, drawn = real(name), tmp_path / "drawn.pnm"
    subprocess.run([program, *options, "-O", "+op", "+F", "1", str(path), str(drawn)], check=True, capture_output=True)
    expected = np.asarray(Image.open(drawn).convert("RGB")).astype(int)
    (study,) = read_study(path, scratch=tmp_path)
    pixels = decoder.frame(study.instances[0])

    shown = show(pixels.values[0], frame_data(read_header(path, decoder.bounds).data, 0), pixels.photometric)

    difference = np.abs(expected - shown.rgb)
    assert difference.mean() <= 1.0
    assert difference.max() <= 2


def test_a_chest_film_says_what_it_is(real: Callable[[str], Path], decoder: Decoder, tmp_path: Path) -> None:
    (study,) = read_study(real("RG1_UNCR.dcm"), scratch=tmp_path)
    (image,) = key_images(study, decoder, longest_side=512).images
    assert image.name == "chest film, PA"
    assert image.rgb.shape == (512, 482, 3)
    assert image.window == (15000.0, 30000.0)
    assert image.details["kind"] == "film"


def test_frames_of_a_loop_are_spread_and_named(real: Callable[[str], Path], decoder: Decoder, tmp_path: Path) -> None:
    (study,) = read_study(real("examples_ybr_color.dcm"), scratch=tmp_path)
    images = key_images(study, decoder, at_most=3).images
    assert [image.name for image in images] == [f"loop, frame {image.frame + 1} of 30" for image in images]
    assert len({image.frame for image in images}) == 3
    assert [image.id for image in images] == ["image-1", "image-2", "image-3"]
    assert study.instances[0].frame_s == pytest.approx(1 / 30, rel=0.2)
