"""The example of docs/fusion.md runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ModelError
from core.weights import locate

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_example_runs() -> None:
    try:
        locate("minilm")
    except ModelError as error:
        pytest.skip(str(error))
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "fusion.md").read_text("utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.match(r"(fall|other) \{'fall': 0\.\d+, 'other': 0\.\d+\} \{", done.stdout.splitlines()[-1])
