"""The example of docs/drawing.md runs as it stands, on the first boxes of NLVR."""

import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from core.drawing.boxes import write_boxes

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_example_runs(shared_data: Path, tmp_path: Path) -> None:
    nlvr, part = shared_data / "text" / "nlvr_image_sentence", tmp_path / "nlvr"
    part.mkdir()
    with (nlvr / "examples.jsonl").open(encoding="utf-8") as file:
        (part / "examples.jsonl").write_text("".join(islice(file, 120)), "utf-8")
    (part / "images").symlink_to(nlvr / "images")
    write_boxes(part, tmp_path / "boxes")
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "drawing.md").read_text("utf-8"), re.DOTALL)
    assert len(example.strip().splitlines()) <= 10
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"^control 0\.\d+ \(0\.\d+ to [01]\.\d+\)$", done.stdout, re.MULTILINE)
    assert re.search(r"^true_pictures/arrangement [01]\.\d+ ", done.stdout, re.MULTILINE)
    assert "'image': 'data:image/png;base64," in done.stdout.splitlines()[-1]
    assert "synthetic" in (tmp_path / "drawer" / "README.md").read_text()
