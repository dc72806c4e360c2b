"""Train a small table, then tune, explain and export it from the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.cli import main

REPOSITORY = Path(__file__).resolve().parents[3]
PARITY = 1e-3


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty notes with a size: red ones are large, blue ones small."""
    folder = tmp_path_factory.mktemp("notes")
    rng = np.random.default_rng(0)
    lines = ["id,note,size,colour,maker"]
    for i in range(40):
        colour = ("red", "blue")[i % 2]
        lines.append(
            f"n{i},a {colour} ball on the floor number {i},{(3 if colour == 'red' else 1) + rng.normal() / 4:.3f},{colour},m{i // 2}"
        )
    (folder / "notes.csv").write_text("\n".join(lines) + "\n")
    return folder / "notes.csv"


@pytest.fixture(scope="module")
def model(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "notes-model"
    assert main(["train", str(table), "--label", "colour", "--group", "maker", "--set", "epochs=4", "--out", str(out)]) == 0
    return out


@pytest.mark.slow
def test_answer_is_explained_on_a_page_a_picture_and_as_json(
    model: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, picture = tmp_path / "why.html", tmp_path / "why.png"
    asked = ["explain", str(model), str(table), "--row", "n3", "--out", str(page), "--png", str(picture), "--json"]
    assert main(asked) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["gap"] < 0.05
    assert {"ball", "blue"} <= {part["word"] for part in told["words"]["text"]}
    assert sum(told["contributions"]["shapley"].values()) == pytest.approx(1)
    assert "<script" not in page.read_text()
    assert cv2.imread(str(picture)) is not None
    assert main(["explain", str(model), str(table), "--row", "n3", "--answer", "red"]) == 0
    assert "n3: red" in capsys.readouterr().out
    assert main(["explain", str(model), str(table), "--row", "nobody"]) == 2
    assert "has no row 'nobody'" in capsys.readouterr().err


@pytest.mark.slow
def test_exported_model_answers_the_table_alike_without_torch(
    model: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "exported"
    assert main(["export", str(model), "--format", "onnx", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"]["fusion.onnx"] > 1e6
    assert main(["predict", str(model), str(table), "--json"]) == 0
    wanted = {a["id"]: a["probabilities"] for a in map(json.loads, capsys.readouterr().out.splitlines())}
    script = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "peft"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
import json
from pathlib import Path
from core.exporting.runtime import load
from core.table import read_table
for answer in load(Path(sys.argv[1])).predict_table(read_table(Path(sys.argv[2]), group="maker")):
    print(json.dumps({"id": answer.sample, "probabilities": dict(answer.probabilities)}))
"""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", script, str(out), str(table)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == 40
    for answer in answers:
        assert answer["probabilities"] == pytest.approx(wanted[answer["id"]], abs=PARITY)
    assert main(["export", str(model), "--format", "torch", "--int8", "--out", str(tmp_path / "no")]) == 2


@pytest.mark.slow
def test_best_settings_are_found_and_trained_with(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study, best = tmp_path / "study.db", tmp_path / "best.yaml"
    asked = ["tune", str(table), "--label", "colour", "--group", "maker", "--study", str(study), "--out", str(best), "--set", "epochs=2"]
    assert main([*asked, "--set", "tuning=frozen", "--trials", "2"]) == 0
    assert main([*asked, "--set", "tuning=frozen", "--trials", "3", "--json"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out[captured.out.index("{") :])
    assert sum(told["trials"].values()) == 3
    assert "trial 3 of 3" in captured.err
    assert "min left" in captured.err
    assert told["settings"]["tuning"] == "frozen"
    trained = ["train", str(table), "--label", "colour", "--group", "maker", "--options", str(best), "--out", str(tmp_path / "model")]
    assert main(trained) == 0
