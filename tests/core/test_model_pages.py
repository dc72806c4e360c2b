"""The examples of the pages on explaining, tuning and export run as they stand, from the first line to the last; only trials are fewer."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import ModelError
from core.weights import locate

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = {
    "explaining.md": ("course-model/README.md", "why.html", "why.png"),
    "tuning.md": ("study.db", "mine.db", "best.yaml", "course-model/README.md"),
    "export.md": ("course-onnx/fusion.onnx", "course-int8/fusion.onnx", "course-program/fusion.pt2"),
}
SAID = {
    "explaining.md": r"^(condiment|dessert|drink|meat|seafood|soup|staple|vegetable) \{",
    "tuning.md": r"^\{'x': -?0\.\d+\}$",
    "export.md": r"^r001 \{'\w+': 0\.\d+",
}


def _commands(block: str) -> list[list[str]]:
    lines = [re.sub(r"--trials \d+", "--trials 2", line) for line in block.strip().splitlines()]
    assert all(line.startswith("trivium ") for line in lines)
    return [[sys.executable, "-m", "pipelines", *shlex.split(line)[1:]] for line in lines]


@pytest.mark.slow
@pytest.mark.timeout(900)  # some ten processes, each of which loads torch
@pytest.mark.parametrize("page", WRITTEN)
def test_page_runs(page: str, tmp_path: Path) -> None:
    try:
        locate("minilm")
    except ModelError as error:
        pytest.skip(str(error))
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    blocks = re.findall(r"```(sh|python)\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL)
    assert {kind for kind, _ in blocks} == {"sh", "python"}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = ""
    for kind, block in blocks:
        for command in _commands(block) if kind == "sh" else [[sys.executable, "-c", block]]:
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
            assert done.returncode == 0, f"{command}\n{done.stderr[-2000:]}"
            said = done.stdout
    assert re.search(SAID[page], said, re.MULTILINE), said
    assert [name for name in WRITTEN[page] if not (tmp_path / name).is_file()] == []
