"""What must not be seen is black; a face that could not be looked for is not kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelError
from domains.surveillance import privacy
from domains.surveillance.config import PrivacySettings
from domains.surveillance.privacy import FACE_TILES, FaceBlur, PrivacyMask, face_blur, privacy_mask
from domains.surveillance.sources import open_film
from domains.surveillance.stream import CameraFrame

unit = st.floats(0.0, 1.0)


def test_polygon_is_black_and_the_rest_is_untouched_at_every_size() -> None:
    mask = PrivacyMask([[(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)], [(0.9, 0.0), (1.0, 0.0), (1.0, 0.1)]])
    for height, width in ((240, 320), (1080, 1920), (33, 17), (240, 320)):
        for shape in ((height, width), (height, width, 3)):
            picture = np.full(shape, 200, np.uint8)
            picture.flags.writeable = False
            black = mask.blacken(picture)
            assert black.shape == shape
            assert not black[height // 4 + 1 : height * 3 // 4, width // 4 + 1 : width * 3 // 4].any()
            assert not black[0, -1].any()
            assert (black[-1] == 200).all()
            assert (picture == 200).all()


@given(
    corners=st.tuples(unit, unit, unit, unit),
    size=st.tuples(st.integers(1, 80), st.integers(1, 80)),
)
def test_every_pixel_a_rectangle_touches_is_black(corners: tuple[float, float, float, float], size: tuple[int, int]) -> None:
    height, width = size
    left, right = sorted(corners[:2])
    top, bottom = sorted(corners[2:])
    black = PrivacyMask([[(left, top), (right, top), (right, bottom), (left, bottom)]]).blacken(np.full(size, 9, np.uint8))
    for y in range(height):
        for x in range(width):
            is_touched = x < right * width and x + 1 > left * width and y < bottom * height and y + 1 > top * height
            assert not (is_touched and black[y, x])


def test_a_view_of_a_padded_plane_is_masked() -> None:
    plane = np.full((48, 96), 200, np.uint8)[:, :64]
    black = PrivacyMask([[(0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5)]]).blacken(plane)
    assert not black[:24].any()
    assert (black[30:] == 200).all()


def test_nothing_set_costs_nothing() -> None:
    assert privacy_mask(PrivacySettings()) is None
    assert face_blur(PrivacySettings()) is None
    assert isinstance(face_blur(PrivacySettings(blur_faces=True)), FaceBlur)


@pytest.fixture
def blur() -> FaceBlur:
    pytest.importorskip("onnxruntime")
    try:
        privacy._centerface()
    except ModelError as error:
        pytest.skip(str(error))
    return FaceBlur()


def test_a_face_becomes_tiles(blur: FaceBlur, shared_data: Path) -> None:
    film = open_film(shared_data / "surveillance" / "gmdcsa24_fall" / "subject1" / "adl" / "10.mp4", "room", sound=False)
    picture = next(e.colour() for e in film if isinstance(e, CameraFrame))
    film.close()
    ((left, top, right, bottom),) = blur.find(picture).astype(int)
    assert 600 < left < right < 690
    tiled = blur(picture)
    face = (slice(top, bottom), slice(left, right))
    assert len(np.unique(tiled[face].reshape(-1, 3), axis=0)) <= FACE_TILES**2
    assert len(np.unique(picture[face].reshape(-1, 3), axis=0)) > 500
    assert (tiled[: top - 20] == picture[: top - 20]).all()


def test_without_the_model_nothing_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Path:
        raise ModelError(f"{name} is missing: the face finder is not here")

    monkeypatch.setattr(privacy, "locate", missing)
    monkeypatch.setattr(privacy, "find_spec", lambda name: None)
    privacy._session.cache_clear()
    with pytest.raises(ModelError, match="face"):
        FaceBlur()(np.zeros((64, 64, 3), np.uint8))
    privacy._session.cache_clear()


def test_any_fault_in_looking_for_faces_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(threads: int) -> object:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(privacy, "_session", fail)
    with pytest.raises(ModelError, match="not kept"):
        FaceBlur()(np.zeros((64, 64, 3), np.uint8))
