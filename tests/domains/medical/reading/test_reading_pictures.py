"""PNG and JPEG are read with what is written beside them, and never without."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from domains.medical.reading import Decoder, PictureDetails, key_images, read_study

CHEST = {"modality": "DX", "body_part": "chest", "view": "PA", "patient_id": "P1", "time": "2024-07-01T12:00:00"}


def write(path: Path, details: dict[str, object] | None = None) -> Path:
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 12)).save(path)
    if details is not None:
        path.with_suffix(".json").write_text(json.dumps(details))
    return path


@pytest.mark.parametrize("name", ["film.png", "film.jpg"])
def test_a_picture_and_its_json_make_a_study(name: str, decoder: Decoder, tmp_path: Path) -> None:
    (study,) = read_study(write(tmp_path / name, CHEST), scratch=tmp_path)
    (film,) = study.instances
    assert (film.rows, film.columns, film.modality, film.view) == (4, 12, "DX", "PA")
    assert (study.patient.id, study.taken_wall_s) == ("P1", 1719835200.0)
    (image,) = key_images(study, decoder).images
    assert image.name == "chest film, PA"
    assert image.rgb.shape == (4, 12, 3)


def test_details_may_be_given_for_all_pictures(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "a.png")
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "in" / "b.png")
    (study,) = read_study(tmp_path / "in", scratch=tmp_path, picture=PictureDetails(modality="US", patient_id="P9"))
    assert len(study.instances) == 2
    assert study.patient.id == "P9"


def test_a_picture_is_the_same_study_each_time(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", CHEST)
    assert read_study(path, scratch=tmp_path)[0].uid == read_study(path, scratch=tmp_path)[0].uid


def test_a_picture_alone_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"picture\.json"):
        read_study(write(tmp_path / "a.png"), scratch=tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "more than 65536"),
        ("[" * 50_000, "not JSON"),
        ('{"modality": "DX"}', "patient_id does not fit"),
        ('{"modality": "DX", "patient_id": "P", "zebra": 1}', "an entry does not fit"),
        ('{"modality": "zebra7", "patient_id": "P"}', "modality does not fit"),
        ('{"modality": "DX", "patient_id": "P", "study_uid": "../zebra"}', "study_uid does not fit"),
        ('{"modality": "DX", "patient_id": "P", "spacing_mm": [0, 1]}', "spacing_mm does not fit"),
    ],
)
def test_details_that_do_not_fit_are_said_without_their_values(text: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.png")
    path.with_suffix(".json").write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_study(path, scratch=tmp_path)
    assert "zebra" not in str(caught.value)


def test_a_picture_that_claims_a_huge_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.png", CHEST)
    header = struct.pack(">II5B", 100_000, 100_000, 8, 0, 0, 0, 0)
    content = path.read_bytes()
    path.write_bytes(content[:16] + header + struct.pack(">L", zlib.crc32(b"IHDR" + header)) + content[33:])
    with pytest.raises(InputError, match="more pixels than are read"):
        read_study(path, scratch=tmp_path)


def test_a_damaged_picture_costs_one_line(decoder: Decoder, tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", CHEST)
    path.write_bytes(path.read_bytes()[:45])
    (study,) = read_study(path, scratch=tmp_path)
    with pytest.raises(InputError, match="cannot be decoded"):
        decoder.frame(study.instances[0])
