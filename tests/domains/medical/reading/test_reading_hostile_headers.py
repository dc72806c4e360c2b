"""A header that lies or is damaged costs its file, quickly, and nothing it says reaches a message or a log."""

from __future__ import annotations

import logging
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian

from core.errors import InputError
from domains.medical.reading import DEFAULT_BOUNDS, Decoder, key_images, read_study, silence_pydicom
from domains.medical.study import Study

SECRET = "Zebra^Quagga"
GROWTH_BYTES = 64 << 20


def read_one(path: Path, scratch: Path) -> Study:
    (study,) = read_study(path, scratch=scratch)
    return study


def refusal(path: Path, scratch: Path) -> str:
    began, before = time.process_time(), psutil.Process().memory_info().rss
    with pytest.raises(InputError) as caught:
        read_study(path, scratch=scratch)
    assert time.process_time() - began < 5
    assert psutil.Process().memory_info().rss - before < GROWTH_BYTES
    assert "\n" not in str(caught.value)
    assert str(scratch) not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"Rows": 65535, "Columns": 65535}, "65535 x 65535 pixels"),
        ({"NumberOfFrames": 2**31 - 1}, "2147483647 frames"),
        ({"NumberOfFrames": -1}, "number of frames"),
        ({"Rows": 512}, "fewer than its header says"),
        ({"Rows": 0}, "no size"),
        ({"PhotometricInterpretation": "RGB"}, "RGB with 1 samples"),
        ({"SamplesPerPixel": 3}, "MONOCHROME2 with 3 samples"),
        ({"PhotometricInterpretation": "CMYK"}, "colours"),
        ({"BitsAllocated": 7}, "bits"),
        ({"BitsStored": 40}, "bits"),
        ({"StudyInstanceUID": "../../etc/passwd"}, "StudyInstanceUID"),
        ({"SOPInstanceUID": "1.2/../3"}, "SOPInstanceUID"),
        ({"SeriesInstanceUID": "1." * 40}, "SeriesInstanceUID"),
        ({"SOPInstanceUID": None}, "SOPInstanceUID"),
        ({"PixelData": None}, "are missing"),
    ],
)
def test_what_a_header_claims_and_cannot_be_is_refused(
    elements: dict[str, object], words: str, make_dicom: Callable[..., Path], tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = make_dicom("one.dcm", **elements)
    message = refusal(path, tmp_path)
    assert words in message
    assert "passwd" not in message


def test_more_frames_than_a_whole_number_holds_are_refused(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    path = make_dicom("one.dcm", NumberOfFrames=1234567890)
    path.write_bytes(path.read_bytes().replace(b"1234567890", b"2147483648"))
    assert "2147483648 frames" in refusal(path, tmp_path)


def test_a_deflate_bomb_is_not_inflated(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    path = make_dicom("bomb.dcm", syntax=DeflatedExplicitVRLittleEndian)
    content = path.read_bytes()
    meta_end = 128 + 4 + 12 + struct.unpack("<L", content[140:144])[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()  # 256 MiB in 256 KiB
    path.write_bytes(content[:meta_end] + packed)
    bounds = replace(DEFAULT_BOUNDS, inflated_bytes=8 << 20)
    before = psutil.Process().memory_info().rss
    with pytest.raises(InputError, match="grow past 8388608 bytes"):
        read_study(path, scratch=tmp_path, bounds=bounds)
    assert psutil.Process().memory_info().rss - before < GROWTH_BYTES


def test_a_deflated_file_is_read(make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path) -> None:
    study = read_one(make_dicom("deflated.dcm", syntax=DeflatedExplicitVRLittleEndian), tmp_path)
    assert decoder.frame(study.instances[0]).values[0].tolist() == np.arange(256).reshape(16, 16).tolist()


def test_a_program_in_the_preamble_is_noticed_and_not_used(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    study = read_one(make_dicom("polyglot.dcm", preamble=b"MZ" + b"\x90" * 126), tmp_path)
    assert any("MZ" in notice for notice in study.notices)


@pytest.mark.parametrize("preamble", [b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"%PDF"])
def test_a_preamble_does_not_make_a_dicom_file_anything_else(preamble: bytes, make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    assert read_one(make_dicom("one.dcm", preamble=preamble.ljust(128, b"\0")), tmp_path).modalities == ("CT",)


def test_a_truncated_file_is_refused_wherever_it_is_cut(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    content = make_dicom("whole.dcm").read_bytes()
    path = tmp_path / "cut.dcm"
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(InputError):
            read_study(path, scratch=tmp_path)


def test_names_are_kept_as_data_without_control_characters(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    script = read_one(make_dicom("a.dcm", PatientName="<script>alert(1)</script>^=cmd|' /C calc'!A0"), tmp_path)
    assert script.patient.name.startswith("<script>alert(1)</script>")
    path = make_dicom("b.dcm", PatientName="AAAA^BBBB", StudyDescription="X" * 64)
    path.write_bytes(path.read_bytes().replace(b"AAAA^BBBB", b"A\x1bA\x00^B\x07\n\t"))
    name = read_one(path, tmp_path).patient.name
    assert name.isprintable()


@pytest.mark.parametrize("named", ["ISO_IR 192", "ISO_IR 999", "../evil", "ISO 2022 IR 87\\ISO 2022 IR 149"])
def test_a_lie_about_the_character_set_is_replaced_and_noticed(named: str, make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    path = make_dicom("a.dcm", SpecificCharacterSet="X" * len(named), PatientName="AAAA^BBBB")
    path.write_bytes(path.read_bytes().replace(b"X" * len(named), named.encode()).replace(b"AAAA", b"\xff\xfe\xc3\x28"))
    study = read_one(path, tmp_path)
    assert study.patient.name.isprintable()
    assert any("character set" in notice for notice in study.notices)


def test_a_large_private_element_is_skipped_unread(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    path = make_dicom("a.dcm")
    content = path.read_bytes()
    rows_at = content.index(b"\x28\x00\x02\x00US")
    element = struct.pack("<HH2sHL", 0x0011, 0x1001, b"OB", 0, 16 << 20) + bytes(16 << 20)
    path.write_bytes(content[:rows_at] + element + content[rows_at:])
    bounds = replace(DEFAULT_BOUNDS, value_bytes=1 << 20, header_bytes=1 << 20)
    (study,) = read_study(path, scratch=tmp_path, bounds=bounds)
    assert study.instances[0].rows == 16


def test_an_element_of_undefined_length_does_not_fill_the_memory(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    path = make_dicom("a.dcm")
    content = path.read_bytes()
    rows_at = content.index(b"\x28\x00\x02\x00US")
    path.write_bytes(content[:rows_at] + struct.pack("<HH2sHL", 0x0011, 0x1001, b"OB", 0, 0xFFFFFFFF))
    with path.open("r+b") as file:
        file.truncate(3 << 30)  # sparse
    assert "too large to read" in refusal_within(path, tmp_path, GROWTH_BYTES * 3)


def refusal_within(path: Path, scratch: Path, growth: int) -> str:
    before = psutil.Process().memory_info().rss
    with pytest.raises(InputError) as caught:
        read_study(path, scratch=scratch)
    assert psutil.Process().memory_info().rss - before < growth
    return str(caught.value)


def test_a_length_beyond_the_file_allocates_nothing(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    path = make_dicom("a.dcm", StudyDescription="DDDDDDDD")
    content = path.read_bytes()
    at = content.index(b"DDDDDDDD")
    path.write_bytes(content[: at - 4] + struct.pack("<2sHL", b"UT", 0, 0xFFFFFFF0)[:4] + b"\xf0\xff\xff\xff" + content[at:])
    refusal(path, tmp_path)


def test_sequences_that_nest_without_end_are_refused(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    path = make_dicom("a.dcm")
    content = path.read_bytes()
    rows_at = content.index(b"\x28\x00\x02\x00US")
    level = struct.pack("<HH2sHL", 0x0011, 0x1001, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    path.write_bytes(content[:rows_at] + level * 20_000)
    assert "nest too deeply" in refusal(path, tmp_path)


def test_countless_small_elements_cost_little_time(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    path = make_dicom("a.dcm")
    content = path.read_bytes()
    rows_at = content.index(b"\x28\x00\x02\x00US")
    path.write_bytes(content[:rows_at] + struct.pack("<HH2sH", 0x0011, 0x1001, b"SH", 0) * 3_000_000)
    bounds = replace(DEFAULT_BOUNDS, header_reads=100_000)
    with pytest.raises(InputError, match="too many elements"):
        read_study(path, scratch=tmp_path, bounds=bounds)


def test_a_slope_of_zero_and_a_window_without_width_are_mended_and_noticed(
    make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path
) -> None:
    path = make_dicom("a.dcm", Modality="CR", RescaleSlope=0, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=0)
    found = key_images(read_one(path, tmp_path), decoder)
    assert np.ptp(found.images[0].rgb) == 255
    assert any("slope" in notice for notice in found.notices)
    assert any("width" in notice for notice in found.notices)


def test_files_of_two_patients_in_one_study_are_refused_without_their_names(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    make_dicom("in/a.dcm", PatientID="SECRET1", PatientName=SECRET)
    make_dicom("in/b.dcm", PatientID="SECRET2")
    message = refusal(tmp_path / "in", tmp_path)
    assert "several patients" in message
    assert "SECRET" not in message


def test_nothing_that_identifies_reaches_a_log_an_error_or_a_repr(
    make_dicom: Callable[..., Path], decoder: Decoder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        secrets = {
            "PatientName": SECRET,
            "PatientID": SECRET,
            "PatientBirthDate": "19zebra1",
            "StudyDate": "20zebra1",
            "StudyTime": "zebra",
            "StudyDescription": SECRET,
            "SeriesDescription": SECRET,
            "AccessionNumber": SECRET[:16],
            "IssuerOfPatientID": SECRET,
            "PatientSex": "ZEBRA",
        }
        make_dicom(f"in/{SECRET}.dcm", **secrets)
        for number, bad in enumerate(({"StudyInstanceUID": "zebra"}, {"NumberOfFrames": None, "Rows": 999}, {"PixelSpacing": None})):
            make_dicom(f"in/{SECRET}-{number}.dcm", **(secrets | bad))
        broken = make_dicom(f"in/{SECRET}-9.dcm", **(secrets | {"InstanceNumber": 1234567, "WindowCenter": 1234567, "WindowWidth": 1}))
    broken.write_bytes(broken.read_bytes().replace(b"1234567", b"zebra12"))
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        silence_pydicom()
        studies = read_study(tmp_path / "in", scratch=tmp_path)
        found = key_images(studies[0], decoder)
        with pytest.raises(InputError) as caught:
            read_study(tmp_path / "in" / f"{SECRET}-0.dcm", scratch=tmp_path)
    said = " ".join([caplog.text, *(str(w.message) for w in warned), repr(studies), repr(found), str(caught.value)]).casefold()
    assert studies[0].patient.name == "Zebra, Quagga"
    assert "zebra" not in said
    assert "quagga" not in said


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(132, 6500), st.integers(0, 255)), min_size=1, max_size=12), cut=st.integers(200, 40_000))
def test_any_damage_to_a_header_ends_in_a_header_or_one_line(flips: list[tuple[int, int]], cut: int, tmp_path: Path) -> None:
    content = bytearray(Path(str(get_testdata_file("CT_small.dcm", download=False))).read_bytes())
    for at, value in flips:
        content[at] = value
    path = tmp_path / "damaged.dcm"
    path.write_bytes(content[:cut])
    began = time.process_time()
    try:
        read_study(path, scratch=tmp_path)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
    assert time.process_time() - began < 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, 4999), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_damage_to_compressed_pixels_costs_only_that_file(flips: list[tuple[int, int]], decoder: Decoder, tmp_path: Path) -> None:
    sound = Path(str(get_testdata_file("MR_small_jp2klossless.dcm", download=False)))
    content = bytearray(sound.read_bytes())
    begin = len(content) - 5000
    for at, value in flips:
        content[begin + at] = value
    path = tmp_path / "damaged.dcm"
    path.write_bytes(content)
    try:
        decoder.frame(read_one(path, tmp_path).instances[0])
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_a_file_beyond_its_bound_is_not_opened(make_dicom: Callable[..., Path], tmp_path: Path) -> None:
    bounds = replace(DEFAULT_BOUNDS, file_bytes=100)
    with pytest.raises(InputError, match="more than 100"):
        read_study(make_dicom("a.dcm"), scratch=tmp_path, bounds=bounds)
