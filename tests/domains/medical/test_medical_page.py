"""The example of docs/medicine.md runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_s_example_drafts_the_sample_study(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "medicine.md").read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(ROOT)

    exec(compile(example, "docs/medicine.md", "exec"), {})

    said = capsys.readouterr().out
    assert "technique Ultrasound of the lung" in said
    assert "No findings model was asked." in said
