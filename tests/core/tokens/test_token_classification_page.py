"""The example of docs/token-classification.md runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ModelError
from core.weights import locate

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_token_classification_example_runs() -> None:
    try:
        locate("minilm")
    except ModelError as error:
        pytest.skip(str(error))
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "token-classification.md").read_text("utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "['B-PER', 'O', 'B-LOC', 'I-LOC']"
