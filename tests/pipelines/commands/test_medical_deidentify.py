"""`trivium medical deidentify` for people and for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom.data import get_testdata_file

from core.errors import ConfigError
from domains.medical.benches.planted_studies import planted_study
from pipelines.commands.medical.deidentify import deidentify


@pytest.fixture
def run(packaged):
    packaged("rapidocr")
    return lambda *arguments, **kwargs: CliRunner().invoke(deidentify, [str(a) for a in arguments], **kwargs)


def test_counts_for_programs(run, tmp_path) -> None:
    (tmp_path / "secret").write_text("0123456789abcdef0123")

    done = run(get_testdata_file("MR_small.dcm"), "--out", tmp_path / "out", "--secret-file", tmp_path / "secret", "--json")

    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["found"], told["written"], told["refused"]) == (1, 1, {})
    assert len(list(Path(tmp_path / "out").rglob("*.dcm"))) == 1


def test_lines_for_people_and_exit_code_1_where_something_was_refused(run, tmp_path) -> None:
    done = run(get_testdata_file("test-SR.dcm"), "--out", tmp_path / "out", env={"TRIVIUM_DEIDENTIFY_SECRET": "0123456789abcdef0123"})

    assert done.exit_code == 1
    assert "0 of 1 files written" in done.stdout
    assert "refused 1" in done.stdout


def test_without_a_secret_nothing_is_done(run, tmp_path) -> None:
    done = run(get_testdata_file("MR_small.dcm"), "--out", tmp_path / "out", env={"TRIVIUM_DEIDENTIFY_SECRET": ""})

    assert isinstance(done.exception, ConfigError)
    assert not (tmp_path / "out").exists()


def test_help_has_examples(run) -> None:
    assert "trivium medical deidentify studies/" in run("--help").stdout


def test_nothing_of_the_patient_reaches_the_screen(run, tmp_path) -> None:
    planted = planted_study("CT_small.dcm", tmp_path, 0)
    assert planted is not None
    program = "from pipelines.commands.medical.deidentify import deidentify; deidentify()"
    environ = {**os.environ, "TRIVIUM_DEIDENTIFY_SECRET": "0123456789abcdef0123", "PYTHONPATH": str(Path(__file__).parents[3])}

    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", program, str(planted.path), "--out", str(tmp_path / "out"), "--json"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert json.loads(done.stdout)["written"] == 1
    assert not [place for place, string in planted.strings.items() if string in done.stdout + done.stderr]
    assert planted.path.name not in done.stdout + done.stderr
