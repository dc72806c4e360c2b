"""The example and the commands of docs/token-classification.md run as they stand."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "token-classification.md").read_text("utf-8")


@pytest.mark.slow
def test_token_classification_example_runs(packaged: Callable[[str], Path]) -> None:
    packaged("minilm")
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "['B-PER', 'O', 'B-LOC', 'I-LOC']"


def write_lines(folder: Path, name: str, numbers: range) -> None:
    """A table of printed lines whose optical reader takes every n for a u, and an l for a 1."""
    people, streets = ("Martin", "Dufour", "Lebrun", "Simon", "Nolin"), ("Valois", "Bac", "Ferme", "Seine")
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "words", "tags", "ocr", "crop", "book"])
        for i in numbers:
            person, street = people[i % 5], streets[i % 4]
            text = f"{person}, rue {street}"
            picture = np.full((40, 260), 230, np.uint8)
            cv2.putText(picture, text, (5, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 20, 2)
            cv2.imwrite(str(folder / f"{i}.png"), picture)
            words, tags = [person, ",", "rue", street], ["B-PER", "O", "B-LOC", "I-LOC"]
            read = text.replace("n", "u").replace("l", "1")
            table.writerow([f"l{i}", json.dumps(words), json.dumps(tags), read, f"{i}.png", f"book {i % 6}-{name}"])


@pytest.mark.slow
def test_commands_learn_to_reread_and_the_crop_mends_the_text(tmp_path: Path, packaged: Callable[[str], Path]) -> None:
    packaged("minilm")
    packaged("rapidocr")
    write_lines(tmp_path, "lines.csv", range(80))
    write_lines(tmp_path, "test.csv", range(100, 120))
    write_lines(tmp_path, "new.csv", range(203, 205))
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    told = []
    for command in commands.strip().splitlines():
        words = [sys.executable, "-m", "pipelines", *shlex.split(command)[1:], *(["--json"] if "--json" not in command else [])]
        if "train" in command:
            words += ["--set", "reader_epochs=30", "--set", "epochs=2"]
        done = subprocess.run(words, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        told.append(done.stdout)
    figures = json.loads(told[1])
    assert "gain_by_picture" in json.dumps(figures)
    answers = [json.loads(line) for line in told[2].splitlines()]
    assert [a["id"] for a in answers] == ["l203", "l204"]
    assert answers[0]["text"] == "Simon, rue Seine"
