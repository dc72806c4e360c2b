"""Bad input is one clear line and exit code 2; what is good beside it is judged all the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ModelError
from core.weights import locate
from domains.surveillance.domain import SURVEILLANCE
from pipelines.cli import main


@pytest.fixture
def trivium(tmp_path: Path, capfd: pytest.CaptureFixture[str], packaged: Callable[[str], Path]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line with a store of its own: exit code, standard output, standard error."""
    packaged("nanodet")
    configuration = tmp_path / "trivium.yaml"
    configuration.write_text(f"data_folder: {tmp_path / 'data'}\n", encoding="utf-8")

    def run(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main(["--config", str(configuration), *words])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def analyse(trivium: Callable[..., tuple[int, str, str]], *files: Path) -> tuple[int, list[dict[str, object]], str]:
    code, out, err = trivium("surveillance", "analyse", "--without-classifier", "--json", *map(str, files))
    return code, [json.loads(line) for line in out.splitlines()], err


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.mp4", b""), ("letter.mp4", b"Dear Sir, this is no film.\n" * 50), ("noise.mkv", bytes(range(256)) * 64)],
)
def test_a_file_that_is_no_film_is_named_in_one_line(
    trivium: Callable[..., tuple[int, str, str]], tmp_path: Path, name: str, content: bytes
) -> None:
    film = tmp_path / name
    film.write_bytes(content)

    code, lines, err = analyse(trivium, film)

    assert code == 2
    assert len(lines) == 1
    error = str(lines[0]["error"])
    assert name in error
    assert "\n" not in error
    assert "Traceback" not in err


def test_a_missing_file_and_an_empty_folder_say_so(trivium: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, lines, _ = analyse(trivium, tmp_path / "nowhere.mp4")
    assert code == 2
    assert "nowhere.mp4" in str(lines[0]["error"])

    (tmp_path / "void").mkdir()
    code, _, err = trivium("surveillance", "analyse", str(tmp_path / "void"))
    assert code == 2
    assert err.count("trivium: error:") == 1
    assert "void" in err


def test_a_good_film_beside_a_bad_one_is_judged(trivium: Callable[..., tuple[int, str, str]], tmp_path: Path, sample_data: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")

    code, lines, _ = analyse(trivium, tmp_path / "empty.mp4", sample_data / "surveillance" / "fall-forward.mp4")

    assert code == 2
    assert [bool(line["error"]) for line in lines] == [True, False]
    assert lines[1]["counts"]["frames"] > 100  # type: ignore[index]


def test_half_a_film_is_judged_as_far_as_it_goes(
    trivium: Callable[..., tuple[int, str, str]], tmp_path: Path, make_short_film: Callable[[str], Path]
) -> None:
    whole = make_short_film("whole.ts")
    half = tmp_path / "half.ts"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    code, lines, _ = analyse(trivium, half)

    assert code == 0
    assert 0 < lines[0]["counts"]["frames"] < 60  # type: ignore[index]


@pytest.fixture
def make_short_film(tmp_path: Path, sample_data: Path) -> Callable[[str], Path]:
    """Three seconds of a real film in another container, by stream copy."""
    import av

    def make(name: str) -> Path:
        out = tmp_path / name
        with av.open(str(sample_data / "surveillance" / "lobby.mp4")) as source, av.open(str(out), "w") as target:
            stream = source.streams.video[0]
            copy = target.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is None or packet.pts * packet.time_base > 3:
                    break
                packet.stream = copy
                target.mux(packet)
        return out

    return make


def test_a_zone_outside_the_frame_is_refused_with_its_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configuration = tmp_path / "trivium.yaml"
    configuration.write_text(
        "surveillance:\n  cameras:\n    door:\n      url: rtsp://10.0.0.7/main\n      zones:\n        mat:\n"
        "          polygon: [[0.1, 0.1], [1.4, 0.1], [0.5, 0.9]]\n",
        encoding="utf-8",
    )

    code = main(["--config", str(configuration), "surveillance", "watch", "--for", "1"])

    err = capfd.readouterr().err
    assert code == 2
    assert "trivium.yaml:7" in err
    assert "polygon" in err


def test_no_camera_to_watch_says_what_to_write(trivium: Callable[..., tuple[int, str, str]]) -> None:
    code, _, err = trivium("surveillance", "watch", "--for", "1")

    assert code == 2
    assert "no camera to watch: name one with --camera" in err


def test_a_damaged_model_file_is_named_with_the_command_that_mends_it(
    trivium: Callable[..., tuple[int, str, str]], tmp_path: Path, sample_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    whole = locate("nanodet")
    cache = tmp_path / "cache"
    shutil.copytree(whole, cache / "weights" / whole.name)
    with next((cache / "weights" / whole.name).glob("*.onnx")).open("r+b") as file:
        file.truncate(1000)
    monkeypatch.setenv("TRIVIUM_CACHE", str(cache))
    monkeypatch.setattr(SURVEILLANCE, "_models", None)  # as a process that starts now

    with pytest.raises(ModelError, match="trivium models pull nanodet"):
        locate("nanodet")
    code, _, err = trivium("surveillance", "analyse", "--without-classifier", str(sample_data / "surveillance" / "fall-forward.mp4"))
    assert code == 2
    assert "trivium models pull nanodet" in err
    assert "Traceback" not in err


def test_a_file_that_is_no_database_is_one_line(trivium: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "trivium.db").write_bytes(b"this is not a database, and never was one" * 100)

    code, _, err = trivium("surveillance", "alerts", "list")

    assert code == 2
    assert err.count("trivium: error:") == 1
    assert "trivium.db" in err
