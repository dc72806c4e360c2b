"""The example of docs/learning.md runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ModelError
from core.weights import locate

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_example_runs(tmp_path: Path) -> None:
    try:
        locate("minilm")
    except ModelError as error:
        pytest.skip(str(error))
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "learning.md").read_text("utf-8"), re.DOTALL)
    assert len(example.strip().splitlines()) <= 10
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"^balanced_accuracy 0\.\d+ \(", done.stdout, re.MULTILINE)
    assert re.match(r"\w+ \{'dessert': 0\.\d+, ", done.stdout.splitlines()[-1])
    assert (tmp_path / "model" / "README.md").is_file()
