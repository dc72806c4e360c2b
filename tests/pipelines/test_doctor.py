"""The doctor names what is wrong, and its exit code says whether anything needed is."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.errors import ConfigError
from core.store import open_store
from pipelines import checkup
from pipelines.checkup import Finding, database, disk, examine, words
from pipelines.cli import Session, cli
from pipelines.configuration import Configuration, load_configuration


def configuration(folder: Path, **environ: str) -> Configuration:
    return load_configuration(None, {"TRIVIUM_DATA_FOLDER": str(folder), "TRIVIUM_CONFIG": "/dev/null", **environ})


def test_machine_where_all_is_well_leaves_with_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVIUM_DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("TRIVIUM_CONFIG", "/dev/null")

    done = CliRunner().invoke(cli, ["doctor", "--no-cameras", "--json"])

    report = json.loads(done.stdout)
    broken = [finding for finding in report["findings"] if finding["state"] == "broken"]
    assert broken == []
    assert (done.exit_code, report["ok"]) == (0, True)
    subjects = {finding["subject"] for finding in report["findings"]}
    assert {"machine", "package", "video", "opencv", "weights", "domain", "configuration", "disk", "database"} <= subjects


def test_broken_configuration_leaves_with_1_and_each_problem(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("stoer: {}\nlogg: {}\n")

    done = CliRunner().invoke(cli, ["--config", str(file), "doctor", "--json"])

    broken = [finding["text"] for finding in json.loads(done.stdout)["findings"] if finding["state"] == "broken"]
    assert done.exit_code == 1
    assert broken == [
        f"{file}:1:1: unknown key 'stoer'; did you mean 'store'?",
        f"{file}:2:1: unknown key 'logg'; did you mean 'log'?",
    ]


def test_people_get_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "examine", lambda *_, **__: iter([Finding("disk", "data [folder]", "broken", "full")]))

    done = CliRunner().invoke(cli, ["doctor"], obj=Session())

    assert done.exit_code == 1
    assert "data [folder]" in done.stdout


def test_it_says_whether_words_can_be_written_down_and_else_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "find_spec", lambda name: None)
    (missing,) = words()
    assert missing.state == "note"
    assert "pip install 'trivium[asr]'" in missing.text

    monkeypatch.setattr(checkup, "find_spec", lambda name: object())
    monkeypatch.setattr("core.weights.is_here", lambda entry: entry.name != "whisper-tiny")
    (unfetched,) = words()
    assert unfetched.text.endswith(": trivium models pull whisper-tiny")

    monkeypatch.setattr("core.weights.is_here", lambda entry: True)
    (ready,) = words()
    assert ready.state == "good"


def test_one_look_that_fails_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("rtsp://u:topsecret@h\nis gone")

    monkeypatch.setattr(checkup, "video", fail)

    def no_configuration() -> Configuration:
        raise ConfigError("none")

    found = list(examine(no_configuration))

    assert next(finding for finding in found if finding.subject == "video").state == "broken"
    assert "topsecret" not in repr(found)
    assert {"machine", "package", "opencv", "weights", "domain", "configuration"} <= {finding.subject for finding in found}


def test_database_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    (found,) = database(configuration(tmp_path))

    assert found.state == "note"
    assert list(tmp_path.iterdir()) == []


def test_database_says_its_schema(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/trivium.db", tmp_path / "evidence").close()

    (found,) = database(configuration(tmp_path))

    assert found.state == "good"
    assert f"{tmp_path}/trivium.db: schema " in found.text


@pytest.mark.parametrize("url", ["sqlite:///{folder}/film.db", "postgresql://u:topsecret@127.0.0.1:1/d", "mysql://u:topsecret@h/d"])
def test_database_that_does_not_answer_is_broken_and_keeps_its_secret(tmp_path: Path, url: str) -> None:
    (tmp_path / "film.db").write_bytes(b"no database" * 1000)
    found = [
        finding
        for finding in examine(lambda: configuration(tmp_path, TRIVIUM_STORE__URL=url.format(folder=tmp_path)), with_sources=False)
        if finding.subject == "database"
    ]

    assert [finding.state for finding in found] == ["broken"]
    assert "topsecret" not in found[0].text
    assert "\n" not in found[0].text


def test_camera_that_does_not_answer_is_named(tmp_path: Path) -> None:
    environ = {
        "TRIVIUM_SURVEILLANCE__CAMERAS__DOOR__URL": "rtsp://viewer:topsecret@127.0.0.1:1/x",
        "TRIVIUM_SURVEILLANCE__CAMERAS__DOOR__OPEN_TIMEOUT_S": "1",
    }
    found = [finding for finding in examine(lambda: configuration(tmp_path, **environ)) if finding.subject == "source"]

    assert [(finding.name, finding.state) for finding in found] == [("surveillance/door", "warning")]
    assert "topsecret" not in found[0].text


def test_folder_that_cannot_be_written_is_broken() -> None:
    (found,) = disk(Path("/proc/trivium"))

    assert found.state == "broken"
