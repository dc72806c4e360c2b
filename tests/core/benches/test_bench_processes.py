"""A measured program is measured whole, with what it starts, and its failure is said in one line."""

import sys

import psutil
import pytest

from core.benches.processes import run_measured
from core.errors import ModelError

MEGABYTE = 1 << 20
HOLD = "import time; held = bytearray(b'x' * {size}); time.sleep(0.5)"


def test_peak_memory_counts_children() -> None:
    child = HOLD.format(size=120 * MEGABYTE)
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"

    measured = run_measured([sys.executable, "-c", parent])

    assert 120 * MEGABYTE < measured.peak_bytes < 300 * MEGABYTE
    assert measured.wall_s >= 0.5
    assert measured.cpu_s > 0


def test_output_and_environment_pass_through() -> None:
    measured = run_measured([sys.executable, "-c", "import os; print(os.environ['GIVEN'])"], environment={"GIVEN": "yes"})

    assert measured.output == "yes\n"


def test_failure_says_what_was_printed_last_on_one_line() -> None:
    with pytest.raises(ModelError, match=r"ended with code 3: one \| two") as caught:
        run_measured([sys.executable, "-c", "import sys; print('one'); print('two'); sys.exit(3)"])

    assert "\n" not in str(caught.value)


def test_program_that_does_not_end_is_ended_with_its_children() -> None:
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"

    before = {each.pid for each in psutil.Process().children(recursive=True)}  # servers of other tests of this worker

    with pytest.raises(ModelError, match="was not done after 1 s"):
        run_measured([sys.executable, "-c", parent], timeout_s=1.0)

    left = [each for each in psutil.Process().children(recursive=True) if each.pid not in before]
    assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]
