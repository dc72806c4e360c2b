"""An exported model says what the trained one says, whatever is missing, and is refused once a byte of it changed."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calibration import Calibration
from core.cards import Card
from core.checkpoints import Checkpoint
from core.errors import ModelError
from core.exporting import program, runtime
from core.exporting.preparing import pool_runs
from core.exporting.writing import export
from core.features import Features
from core.featuresets import FeatureSet
from core.fusion import FusionConfig, ModalityInput, build_model, trained_state
from core.model_folder import save_whole, write_json
from core.predicting import Predictor
from core.projectors import pool_runs as torch_pool_runs
from core.samples import Modality
from core.splits import Split
from core.trained import TrainedFusion

IMAGE, AUDIO, VIDEO = Modality.IMAGE, Modality.AUDIO, Modality.VIDEO
REPOSITORY = Path(__file__).resolve().parents[3]
PARITY = 1e-3


def trained(
    backbone: str, *, task: str = "classification", tuning: Any = "frozen", calibration: Calibration | None = None
) -> TrainedFusion:
    inputs = {
        IMAGE: ModalityInput(encoder="image", width=40, max_tokens=4, max_words=8),
        AUDIO: ModalityInput(encoder="audio", width=6, max_tokens=3, projector="resampler", max_words=8),
        VIDEO: ModalityInput(encoder="video", width=0, max_words=8),
    }
    torch.manual_seed(1)
    labels = ("a",) if task == "regression" else ("a", "b", "c")
    model = build_model(FusionConfig(inputs=inputs, labels=labels, task=task, backbone=backbone, tuning=tuning))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(0, 0.1)  # adapters begin at nothing
    state = trained_state(model)
    checkpoint = Checkpoint(
        model.settings, state, model.backbone.identity, calibration or Calibration((1.5,), (0.8,)), Split(("x",)), Card(title="t")
    )
    return TrainedFusion(checkpoint, "t", {}, None)


def features(rows: int, seed: int) -> FeatureSet:
    """Any modality may be missing, runs of any length, some rows with nothing at all."""
    rng = np.random.default_rng(seed)
    made: dict[Modality, list[Features | None]] = {IMAGE: [], AUDIO: [], VIDEO: []}
    for _ in range(rows):
        for modality, width in ((IMAGE, 40), (AUDIO, 6), (VIDEO, 0)):
            count = int(rng.integers(1, 9)) if width else 0
            words = ("a person lies on the floor",) if rng.random() < 0.7 or not width else ()
            row = Features(rng.normal(size=(1, count, width)).astype(np.float32), np.ones((1, count), np.bool_), (words,), modality.value)
            made[modality].append(row if rng.random() < 0.7 else None)
    ids = tuple(map(str, range(rows)))
    return FeatureSet(ids, {m: tuple(r) for m, r in made.items()}, ((),) * rows, ids)


@pytest.fixture(scope="module")
def exported(tiny_bert: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(trained(tiny_bert), tmp_path_factory.mktemp("exported") / "out")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "tuning"), [("tiny_bert", "lora"), ("tiny_bert", "dora"), ("tiny_llama", "frozen")])
def test_onnx_says_the_same_for_any_batch_and_any_missing_modality(
    kind: str, tuning: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    model = trained(request.getfixturevalue(kind), tuning=tuning)
    deployed = runtime.load(export(model, tmp_path / "out"))
    predictor = Predictor(model.checkpoint, method=None)
    for rows, seed in ((1, 0), (2, 1), (7, 2), (40, 3)):
        given_rows = features(rows, seed)
        wanted, answers = predictor.predict(given_rows), deployed.predict(given_rows)
        for a, b in zip(wanted, answers, strict=True):
            assert list(b.probabilities.values()) == pytest.approx(list(a.probabilities.values()), abs=PARITY)
            assert b.accepted == a.accepted


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multilabel", "ordinal", "regression"])
def test_every_task_with_labels_or_numbers_is_answered_alike(task: str, tiny_bert: str, tmp_path: Path) -> None:
    calibrations = {
        "multilabel": Calibration((1.0, 2.0, 0.5), (0.4, 0.5, float("inf"))),
        "ordinal": Calibration((1.5,), (0.8,), "aps"),
        "regression": Calibration((1.0,), (0.25,), "residual"),
    }
    model = trained(tiny_bert, task=task, calibration=calibrations[task])
    deployed = runtime.load(export(model, tmp_path / "out"))
    rows = features(9, 5)
    for a, b in zip(Predictor(model.checkpoint, method=None).predict(rows), deployed.predict(rows), strict=True):
        assert list(b.probabilities.values()) == pytest.approx(list(a.probabilities.values()), abs=PARITY)
        assert (list(b.values), b.accepted) == (list(a.values), a.accepted)
        assert [e for i in b.intervals.values() for e in i] == pytest.approx([e for i in a.intervals.values() for e in i], abs=PARITY)


@pytest.mark.slow
def test_program_is_loaded_again_and_says_the_same(tiny_bert: str, tmp_path: Path) -> None:
    model = trained(tiny_bert, tuning="lora")
    deployed = program.load(export(model, tmp_path / "out", form="torch"))
    for rows, seed in ((1, 0), (5, 1)):
        given_rows = features(rows, seed)
        for a, b in zip(Predictor(model.checkpoint, method=None).predict(given_rows), deployed.predict(given_rows), strict=True):
            assert list(b.probabilities.values()) == pytest.approx(list(a.probabilities.values()), abs=PARITY)


@pytest.mark.slow
def test_int8_is_smaller_and_near(tiny_bert: str, exported: Path, tmp_path: Path) -> None:
    rows = features(20, 0)
    whole, small = exported, export(trained(tiny_bert), tmp_path / "int8", int8=True)
    assert (small / runtime.GRAPH).stat().st_size < (whole / runtime.GRAPH).stat().st_size
    a, b = runtime.load(whole).logits(rows)[0], runtime.load(small).logits(rows)[0]
    assert np.abs(a - b).max() < 0.25 * np.abs(a).max()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 12), st.integers(1, 6), st.integers(0, 1000))
def test_runs_are_pooled_as_in_training(rows: int, length: int, most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tokens, mask = rng.normal(size=(rows, length, 3)).astype(np.float32), rng.random((rows, length)) < 0.6
    pooled, real, times = pool_runs(tokens, mask, most)
    wanted = [one.numpy() for one in torch_pool_runs(torch.tensor(tokens), torch.tensor(mask), most)]
    kept = wanted[0].shape[1]
    assert not real[:, kept:].any()
    np.testing.assert_allclose(pooled[:, :kept], wanted[0], atol=1e-5)
    np.testing.assert_array_equal(real[:, :kept], wanted[1])
    np.testing.assert_allclose(times[:, :kept] * real[:, :kept], wanted[2] * wanted[1], atol=1e-6)


@pytest.mark.parametrize("name", [runtime.GRAPH, runtime.SETTINGS, runtime.TOKENIZER, runtime.CARD])
def test_changed_file_is_refused(name: str, exported: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "out"))
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelError, match=f"{name} is damaged or was changed"):
        runtime.load(folder)


def test_folder_without_a_graph_and_a_hostile_size_are_refused(exported: Path, tmp_path: Path) -> None:
    folder = exported
    with pytest.raises(ModelError, match=r"holds no fusion\.pt2"):
        program.load(folder)
    told = json.loads((folder / runtime.SETTINGS).read_text())
    told["inputs"][0]["most_tokens"] = 10**9
    graph, tokenizer = (folder / runtime.GRAPH).read_bytes(), (folder / runtime.TOKENIZER).read_bytes()

    def write(part: Path) -> None:
        (part / runtime.GRAPH).write_bytes(graph)
        (part / runtime.TOKENIZER).write_bytes(tokenizer)
        write_json(part / runtime.SETTINGS, told)

    with pytest.raises(ModelError, match="sizes that no export writes"):
        runtime.load(save_whole(tmp_path / "hostile", write))


def test_model_that_answers_with_others_is_not_exported(tiny_bert: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="export all of them with --format onnx, or the fusion model alone with --member fusion"):
        export(replace(trained(tiny_bert), others=("linear probe",)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_asking_needs_no_torch(tiny_bert: str, exported: Path) -> None:
    model, folder = trained(tiny_bert), exported
    script = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "peft", "safetensors"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
import json, numpy as np
from pathlib import Path
from typing import Any
from core.exporting.runtime import load
from core.features import Features
from core.samples import Modality
tokens = np.linspace(-1, 1, 3 * 40, dtype=np.float32).reshape(1, 3, 40)
image = Features(tokens, np.ones((1, 3), bool), (("a red dog",),), "image")
print(json.dumps(dict(load(Path(sys.argv[1])).predict({Modality.IMAGE: image})[0].probabilities)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}
    )
    assert done.returncode == 0, done.stderr
    tokens = np.linspace(-1, 1, 3 * 40, dtype=np.float32).reshape(1, 3, 40)
    image = Features(tokens, np.ones((1, 3), np.bool_), (("a red dog",),), "image")
    wanted = Predictor(model.checkpoint, method=None).predict({IMAGE: image})[0]
    assert json.loads(done.stdout) == pytest.approx(dict(wanted.probabilities), abs=PARITY)
