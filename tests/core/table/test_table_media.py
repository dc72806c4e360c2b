"""Media of a table: inside its folder or not at all, bounded, and reported where they cannot be read."""

from __future__ import annotations

import time
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.samples import Modality
from core.table import read_table
from core.table.media import MediaBounds, open_audio, open_image, open_video
from core.table.media_paths import find_media
from core.table.samples import iter_samples, labels_of, to_samples
from core.table.series_files import open_series

BOUNDS = MediaBounds()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "table"
    (folder / "media").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "table-two").mkdir()
    (tmp_path / "table-two" / "a.png").write_bytes(b"secret")
    (folder / "media" / "a.png").write_bytes(b"mine")
    (folder / "inner.png").symlink_to(folder / "media" / "a.png")
    (folder / "outer.png").symlink_to(tmp_path / "secret.png")
    (folder / "way").symlink_to(tmp_path)
    (folder / "round").symlink_to(folder / "round")
    return folder


@pytest.mark.parametrize(
    "named",
    [
        "../secret.png", "media/../../secret.png", "media\\..\\..\\secret.png", "/etc/passwd", "outer.png", "way/secret.png", "round",
        "file:///etc/passwd", "http://x/a.png", "rtsp://u:p@x", "concat:a|b", "media", "no.png", "a\0b", "x" * 5000, "", "~/a.png",
        "{parent}/secret.png", "{parent}/table-two/a.png", "/dev/zero",
    ],
)  # fmt: skip
def test_a_path_that_leaves_the_folder_or_is_no_file_is_refused(root: Path, named: str) -> None:
    with pytest.raises(InputError) as caught:
        find_media(root, named.replace("{parent}", str(root.parent)))
    assert len(str(caught.value)) < 200


def test_paths_inside_are_found(root: Path) -> None:
    for named in ("media/a.png", "./media/a.png", "inner.png", str(root / "media" / "a.png")):
        assert find_media(root, named).read_bytes() == b"mine"


def test_a_picture_larger_than_the_bound_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (12_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""))
    with pytest.raises(InputError, match="12000 x 12000"):
        open_image(path, BOUNDS)


def test_transparent_becomes_white_and_large_is_shrunk(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert open_image(tmp_path / "a.png", BOUNDS).rgb.min() == 255
    Image.new("RGB", (3000, 30), "blue").save(tmp_path / "b.png")
    rgb = open_image(tmp_path / "b.png", BOUNDS).rgb
    assert rgb.shape == (10, 1024, 3)
    assert rgb[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize("opener", [open_image, open_audio, open_video, open_series])
@settings(max_examples=40, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda b: b"RIFF\xff\xff\xff\x7fWAVEfmt " + b)))
def test_any_bytes_are_opened_or_refused(tmp_path: Path, opener: object, content: bytes) -> None:
    for suffix in (".npy", ".csv"):
        path = tmp_path / f"m{suffix}"
        path.write_bytes(content)
        try:
            opener(path, BOUNDS)  # type: ignore[operator]
            said = ""
        except InputError as refused:
            said = str(refused)
        assert "\n" not in said


@pytest.mark.parametrize("content", ["ffconcat version 1.0\nfile real.wav\n", "#EXTM3U\n#EXTINF:1,\nreal.wav\n#EXT-X-ENDLIST\n"])
def test_a_playlist_in_disguise_opens_no_other_file(tmp_path: Path, content: str) -> None:
    write_wav(tmp_path / "real.wav", 1.0)
    assert open_audio(tmp_path / "real.wav", BOUNDS).duration_s == pytest.approx(1.0)
    (tmp_path / "list.wav").write_text(content)
    with pytest.raises(InputError):
        open_audio(tmp_path / "list.wav", BOUNDS)


def test_sound_is_cut_at_its_bound_and_resampled(tmp_path: Path) -> None:
    write_wav(tmp_path / "long.wav", 3.0, rate_hz=8000)
    sound = open_audio(tmp_path / "long.wav", MediaBounds(max_audio_s=2.0))
    assert (sound.rate_hz, len(sound.waveform)) == (16_000, 32_000)


def test_a_pickle_in_npy_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "evil.npy"
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(InputError, match="npy"):
        open_series(path, BOUNDS)


def test_an_npy_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.npy"
    np.save(path, np.zeros(4))
    saved = path.read_bytes()
    claimed = saved.replace(b"'shape': (4,), }" + b" " * 8, b"'shape': (999999999,), }")
    assert len(claimed) == len(saved)
    path.write_bytes(claimed)
    begun = time.monotonic()
    with pytest.raises(InputError):
        open_series(path, BOUNDS)
    assert time.monotonic() - begun < 2


def test_series_csv_has_channels_gaps_and_a_rate(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("time,a mV,b\n0,1,2\n0.5,NA,3\n1.0,4,5\n")
    series = open_series(tmp_path / "s.csv", BOUNDS)
    assert (series.channels, series.rate_hz, series.values.shape) == (("a mV", "b"), 2.0, (3, 2))
    assert np.isnan(series.values[1, 0])
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n3,x\n")
    with pytest.raises(InputError, match="line 3: 'x'"):
        open_series(tmp_path / "bad.csv", BOUNDS)


def test_samples_go_without_what_cannot_be_read(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "t.csv").write_text("photo,words,n,label\ngood.png,some words,1,a;b\nbad.png,,2,a\n../x.png,more words,,\n,,,b\n")
    table = read_table(tmp_path / "t.csv", kinds={"photo": "image", "words": "text", "n": "number"}, label="label")
    samples, problems = to_samples(table, separator=";")
    assert [set(s.modalities) for s in samples] == [
        {Modality.IMAGE, Modality.TEXT, Modality.TABULAR},
        {Modality.TABULAR},
        {Modality.TEXT},
        set(),
    ]
    assert [s.labels for s in samples] == [("a", "b"), ("a",), None, ("b",)]
    assert [(p.line, p.column) for p in problems] == [(3, "photo"), (4, "photo")]
    assert labels_of(table)[0] == ("a;b",)


def test_samples_are_opened_one_row_at_a_time(tmp_path: Path) -> None:
    from PIL import Image

    rows = ["photo"]
    for i in range(4):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png")
    (tmp_path / "t.csv").write_text("\n".join(rows))
    stream = iter_samples(read_table(tmp_path / "t.csv", kinds={"photo": "image"}))
    next(stream)
    (tmp_path / "3.png").unlink()
    assert [len(s.observations) for s in stream] == [1, 1, 0]


def write_wav(path: Path, seconds: float, rate_hz: int = 16_000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        noise = np.random.default_rng(0).normal(size=int(seconds * rate_hz)) * 3000
        file.writeframes(noise.astype("<i2").tobytes())
