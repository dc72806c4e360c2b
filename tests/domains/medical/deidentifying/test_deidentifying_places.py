"""De-identification of files: nothing planted comes out, whatever the file, and nothing is told of it."""

import io
import json
import logging
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import UID

from core.errors import ConfigError, InputError
from domains.medical.benches.deidentification import measure
from domains.medical.benches.planted_studies import PlantedStudy, planted_study
from domains.medical.benches.planted_words import plant
from domains.medical.deidentifying import Keys, WordFinder, deidentify
from domains.medical.deidentifying.masking import stored_bits

SECRET = b"0123456789abcdef"


@pytest.fixture(scope="module")
def finder(packaged) -> WordFinder:
    packaged("rapidocr")
    return WordFinder(threads=2)


def real_file(name: str) -> Path:
    found = get_testdata_file(name, download=False)
    if found is None:
        pytest.skip(f"{name} of pydicom-data is not installed")
    return Path(found)


def study(name: str, folder: Path, seed: int = 0) -> PlantedStudy:
    real_file(name)
    folder.mkdir(parents=True, exist_ok=True)
    made = planted_study(name, folder, seed)
    assert made is not None
    return made


def all_bytes(folder: Path) -> bytes:
    return b"".join(str(p).encode() + p.read_bytes() for p in folder.rglob("*") if p.is_file()).lower()


def test_nothing_planted_comes_out_and_nothing_is_told(tmp_path, finder, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    planted = [study("CT_small.dcm", tmp_path / "in", seed) for seed in (0, 1)]
    before = {p: p.read_bytes() for p in (tmp_path / "in").iterdir()}

    report = deidentify(tmp_path / "in", tmp_path / "out", secret=SECRET, finder=finder)

    assert (report.found, report.written, report.studies, report.refused) == (2, 2, 2, {})
    out = all_bytes(tmp_path / "out")
    told = (repr(report) + caplog.text).lower()
    for one in planted:
        for place, string in one.strings.items():
            assert string.lower().encode() not in out, place
            assert string.lower().encode("utf-16-le") not in out, place
            assert string.lower() not in told, place
        assert not any(uid.encode() in out for uid in one.uids)
    assert {p: p.read_bytes() for p in (tmp_path / "in").iterdir()} == before
    assert report.counts["private elements"] > 0


def test_what_is_written_says_what_was_done_and_opens(tmp_path, finder) -> None:
    planted = study("CT_small.dcm", tmp_path / "in")

    deidentify(planted.path, tmp_path / "out", secret=SECRET, finder=finder)

    (path,) = (tmp_path / "out").rglob("*.dcm")
    data = dcmread(path)
    keys = Keys(SECRET)
    assert path.stem == data.SOPInstanceUID == data.file_meta.MediaStorageSOPInstanceUID == keys.uid(planted.uids[0])
    assert path.parent.name == data.StudyInstanceUID == keys.uid(planted.uids[1])
    assert path.read_bytes()[:128] == bytes(128)
    assert data.PatientID == data.PatientName == keys.pseudonym(planted.strings["IssuerOfPatientID"], planted.strings["PatientID"])
    assert (data.PatientIdentityRemoved, data.BurnedInAnnotation, data.LongitudinalTemporalInformationModified) == ("YES", "NO", "REMOVED")
    assert [c.CodeValue for c in data.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    assert {e.keyword for e in data.file_meta} == {
        "FileMetaInformationGroupLength",
        "FileMetaInformationVersion",
        "MediaStorageSOPClassUID",
        "MediaStorageSOPInstanceUID",
        "TransferSyntaxUID",
        "ImplementationClassUID",
        "ImplementationVersionName",
    }
    assert data.pixel_array.shape == (128, 128)
    assert data.PixelSpacing == dcmread(planted.path).PixelSpacing


def test_the_same_secret_maps_the_same_and_another_does_not(tmp_path, finder) -> None:
    planted = study("MR_small.dcm", tmp_path / "in")
    names = []
    for run, secret in (("a", SECRET), ("b", SECRET), ("c", SECRET[::-1])):
        deidentify(planted.path, tmp_path / run, secret=secret, finder=finder, shifts_dates=True)
        (path,) = (tmp_path / run).rglob("*.dcm")
        names.append((path.name, path.read_bytes()))

    assert names[0] == names[1]
    assert names[0][0] != names[2][0]
    shifted = dcmread(io.BytesIO(names[0][1]))
    assert shifted.LongitudinalTemporalInformationModified == "MODIFIED"
    assert len(shifted.StudyDate) == 8
    assert shifted.StudyDate not in planted.strings.values()


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_jp2klossless.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_rle_2frame.dcm",
        "emri_small.dcm",
    ],
)
def test_pixels_of_any_packing_come_out_unpacked_and_unchanged_where_no_words_are(tmp_path, finder, name) -> None:
    source = dcmread(real_file(name))

    report = deidentify(real_file(name), tmp_path / "out", secret=SECRET, finder=finder)

    assert report.written == 1, report.refused
    (path,) = (tmp_path / "out").rglob("*.dcm")
    made = dcmread(path)
    assert not made.file_meta.TransferSyntaxUID.is_compressed
    assert made.pixel_array.shape == source.pixel_array.shape
    if source.SamplesPerPixel == 1:
        assert (made.pixel_array == source.pixel_array).mean() > 0.9


def test_words_in_bits_above_the_pixels_are_dropped() -> None:
    hidden = np.array([[0x0123, 0xF123]], np.uint16)

    assert stored_bits(hidden, 12).tolist() == [[0x0123, 0x0123]]
    assert stored_bits(np.array([[-5, 4000]], np.int16), 12).tolist() == [[-5, 2047]]


def test_reports_and_documents_are_refused_and_counted(tmp_path, finder) -> None:
    report = deidentify(real_file("test-SR.dcm"), tmp_path / "out", secret=SECRET, finder=finder)

    assert (report.found, report.written) == (1, 0)
    assert list(report.refused.values()) == [1]
    assert "no image" in next(iter(report.refused))
    assert not list((tmp_path / "out").rglob("*.dcm"))


def test_objects_of_one_uid_are_kept_beside_each_other(tmp_path, finder) -> None:
    planted = study("CT_small.dcm", tmp_path / "in")
    other = dcmread(planted.path)
    other.PixelData = bytes(len(other.PixelData))
    other.save_as(tmp_path / "in" / "other.dcm")

    report = deidentify(tmp_path / "in", tmp_path / "out", secret=SECRET, finder=finder)

    assert report.written == 2
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 2


def test_a_zip_and_damaged_files(tmp_path, finder) -> None:
    planted = study("CT_small.dcm", tmp_path / "in")
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.write(planted.path, "SECRETNAME/x.dcm")
        archive.writestr("SECRETNAME/cut.dcm", planted.path.read_bytes()[:5000])
        archive.writestr("SECRETNAME/readme.txt", "SECRETNAME")

    report = deidentify(tmp_path / "s.zip", tmp_path / "out", secret=SECRET, finder=finder)

    assert (report.found, report.written, report.others) == (2, 1, 1)
    assert sum(report.refused.values()) == 1
    assert "secretname" not in repr(report).lower()
    assert b"secretname" not in all_bytes(tmp_path / "out")


@pytest.mark.parametrize("seed", range(6))
def test_damage_costs_one_file_at_most(tmp_path, finder, seed) -> None:
    content = bytearray(real_file("MR_small.dcm").read_bytes())
    chance = random.Random(seed)
    for _ in range(30):
        content[chance.randrange(132, 2000)] = chance.randrange(256)
    (tmp_path / "x.dcm").write_bytes(content)

    report = deidentify(tmp_path / "x.dcm", tmp_path / "out", secret=SECRET, finder=finder)

    assert report.written + sum(report.refused.values()) + report.others >= 1


def test_a_picture_keeps_its_pixels_alone(tmp_path, finder) -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(20, 60, (300, 400, 1), np.uint8).repeat(3, axis=2)
    made, words = plant(grey, random.Random(1), low=0, high=255, texts=("KOWALSKI ANNA",))
    text = PngInfo()
    text.add_text("PatientName", "SECRETNAME")
    exif = Image.Exif()
    exif[0x010E] = "SECRETNAME"
    (tmp_path / "in").mkdir()
    Image.fromarray(made).save(tmp_path / "in" / "SECRETNAME.png", pnginfo=text, exif=exif)
    details = {"modality": "CR", "body_part": "chest", "view": "PA", "patient_id": "SECRETNAME", "patient_name": "SECRETNAME"}
    (tmp_path / "in" / "SECRETNAME.json").write_text(json.dumps(details | {"birth_date": "1958-03-04", "description": "SECRETNAME"}))

    report = deidentify(tmp_path / "in", tmp_path / "out", secret=SECRET, finder=finder)

    assert report.written == 1
    assert b"secretname" not in all_bytes(tmp_path / "out")
    (png,), (beside,) = (tmp_path / "out").rglob("*.png"), (tmp_path / "out").rglob("*.json")
    told = json.loads(beside.read_text())
    assert told == {"modality": "CR", "body_part": "chest", "view": "PA", "patient_id": Keys(SECRET).pseudonym("", "SECRETNAME")}
    assert png.stem == beside.stem
    out = np.asarray(Image.open(png))
    assert (out[words[0].ink] == 0).mean() > 0.95
    assert (out == made).mean() > 0.7


def test_folders_must_lie_apart(tmp_path, finder) -> None:
    planted = study("CT_small.dcm", tmp_path / "in")

    for place, out in ((tmp_path / "in", tmp_path / "in" / "out"), (tmp_path / "in", tmp_path / "in"), (tmp_path / "in", tmp_path)):
        with pytest.raises(InputError):
            deidentify(place, out, secret=SECRET, finder=finder)
    with pytest.raises(ConfigError):
        deidentify(planted.path, tmp_path / "out", secret=b"short", finder=finder)
    with pytest.raises(InputError):
        deidentify(tmp_path / "nowhere", tmp_path / "out", secret=SECRET, finder=finder)


def test_uids_of_the_tests_are_uids() -> None:
    assert UID(Keys(SECRET).uid("1.2.3")).is_valid


@pytest.mark.slow
def test_words_burned_into_ultrasound_cannot_be_read(tmp_path, finder) -> None:
    real_file("US1_UNCR.dcm")

    tally = measure(["US1_UNCR.dcm", "explicit_VR-UN.dcm"], [0], tmp_path, finder)

    assert tally.files == 2
    assert tally.words == 8
    assert tally.words_read == 0, tally.missed
    assert tally.strings_left == 0, tally.missed
