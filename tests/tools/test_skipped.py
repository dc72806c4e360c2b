"""Skipped tests are counted and named, and may be made a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "skipped.py"

TESTS = """
import pytest

def test_good(): pass

@pytest.mark.skip(reason="no PostgreSQL here")
def test_one(): pass

def test_two(): pytest.skip("no PostgreSQL here")

@pytest.mark.xfail(reason="known")
def test_known(): assert False
"""


def account(*reports: Path, strict: bool) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "TRIVIUM_NO_SKIPS": "1" if strict else "0"}
    return subprocess.run([sys.executable, TOOL, *reports], capture_output=True, text=True, env=environ, timeout=60, check=False)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    (folder / "test_inner.py").write_text(TESTS)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--rootdir",
            folder,
            "--junitxml=r.xml",
            "test_inner.py",
        ],
        cwd=folder,
        capture_output=True,
        timeout=120,
        check=True,
    )
    return folder / "r.xml"


def test_skips_are_counted_and_named_by_reason(report: Path) -> None:
    done = account(report, strict=False)

    assert done.returncode == 0
    assert done.stdout == ("skipped tests: 2\n  no PostgreSQL here (2)\n    test_inner::test_one\n    test_inner::test_two\n")


def test_skips_fail_where_none_is_allowed(report: Path) -> None:
    done = account(report, strict=True)

    assert done.returncode == 1
    assert done.stdout.endswith("TRIVIUM_NO_SKIPS=1: a skipped test is a failure here\n")


def test_no_report_is_no_success() -> None:
    assert account(strict=False).returncode == 1
