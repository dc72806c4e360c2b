"""Training on tiny backbones: what is learned, repeated, resumed, and read again by another process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.checkpoints import load_checkpoint, save_checkpoint
from core.errors import ConfigError, InputError
from core.evaluation import FUSION, LOGISTIC, MAJORITY, evaluate
from core.features import Features
from core.featuresets import FeatureSet
from core.fusion import FusionConfig
from core.predicting import Predictor
from core.samples import Modality
from core.splits import Split
from core.training import TrainingConfig, fit, inputs_of

VIDEO, AUDIO = Modality.VIDEO, Modality.AUDIO
LABELS = ("dog", "fall", "other")
QUICK = TrainingConfig(epochs=4, batch_size=8, learning_rate=5e-3, threads=1, patience=0)


def samples(rows: int = 48, seed: int = 0, prefix: str = "s") -> FeatureSet:
    """Video tells 'fall' from the rest, audio tells 'dog'; each is missing in a fifth of the rows."""
    rng = np.random.default_rng(seed)
    labels = [LABELS[i % 3] for i in range(rows)]

    def row(modality: Modality, is_sign: bool) -> Features | None:
        if rng.random() < 0.2:
            return None
        tokens = rng.normal(size=(1, int(rng.integers(1, 5)), 5)).astype(np.float32)
        tokens[..., 0] += 4.0 * is_sign
        return Features(tokens, np.ones(tokens.shape[:2], np.bool_), (("a person lies",),), f"{modality}-encoder")

    video = tuple(row(VIDEO, label == "fall") for label in labels)
    audio = tuple(row(AUDIO, label == "dog") for label in labels)
    ids = tuple(f"{prefix}{i}" for i in range(rows))
    groups = tuple(f"{prefix}-room{i // 4}" for i in range(rows))
    return FeatureSet(ids, {VIDEO: video, AUDIO: audio}, tuple((label,) for label in labels), groups)


def config(backbone: str, given: FeatureSet, **changes: object) -> FusionConfig:
    return FusionConfig.model_validate({"inputs": inputs_of(given, max_words=8), "labels": LABELS, "backbone": backbone, **changes})


def test_learns_and_beats_the_majority_and_one_modality(tiny_bert: str) -> None:
    train, test = samples(96), samples(60, seed=1, prefix="t")
    checkpoint = fit(train, config(tiny_bert, train), QUICK.model_copy(update={"epochs": 10}))
    table = evaluate(checkpoint, test, train=train, repeats=100)
    figure = {(row.model, row.modalities): row.figures["balanced_accuracy"].value for row in table.rows}
    assert figure[FUSION, (VIDEO, AUDIO)] > 0.7
    assert figure[FUSION, (VIDEO, AUDIO)] > max(figure[FUSION, (VIDEO,)], figure[FUSION, (AUDIO,)]) + 0.1
    assert figure[MAJORITY, ()] == pytest.approx(1 / 3)
    assert (LOGISTIC, (AUDIO,)) in figure
    assert table.gains[MAJORITY].low > 0
    json.dumps(table.to_json(), allow_nan=False)


@pytest.mark.slow
@pytest.mark.parametrize("tuning", ["frozen", "lora", "full"])
def test_another_process_says_the_same(tiny_bert: str, tmp_path: Path, tuning: str) -> None:
    given = samples(24)
    checkpoint = fit(given, config(tiny_bert, given, tuning=tuning), QUICK.model_copy(update={"epochs": 1}))
    save_checkpoint(checkpoint, tmp_path / "ck")
    here = Predictor(checkpoint).predict(given)
    script = (
        "import sys; sys.path[:0] = sys.argv[2:4]\n"
        "import json, torch; torch.set_num_threads(1)\n"
        "from pathlib import Path; from test_training import samples; from core.predicting import Predictor\n"
        "found = Predictor.load(Path(sys.argv[1])).predict(samples(24))\n"
        "print(json.dumps([[dict(p.probabilities), p.checkpoint, p.embedding.tolist()] for p in found]))"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", script, str(tmp_path / "ck"), str(root), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    there = json.loads(done.stdout.splitlines()[-1])
    assert [[dict(p.probabilities), p.checkpoint, p.embedding.tolist()] for p in here] == there
    backbone_weights = [n for n in checkpoint.weights if n.startswith("backbone.module.") and "lora_" not in n]
    assert bool(backbone_weights) == (tuning == "full")


def test_same_seed_same_weights_other_seed_others(tiny_bert: str) -> None:
    given = samples(24)
    split = Split(given.ids[:16], given.ids[16:])
    first, again, other = (
        fit(given, config(tiny_bert, given), QUICK.model_copy(update={"epochs": 2, "seed": seed}), split=split) for seed in (0, 0, 1)
    )
    assert first.name == again.name
    assert first.name != other.name


@pytest.mark.slow
def test_killed_run_goes_on_and_ends_as_if_it_had_not_been(tiny_bert: str, tmp_path: Path) -> None:
    given = samples(24)
    script = (
        "import sys; sys.path[:0] = sys.argv[3:5]\n"
        "import os, signal\n"
        "from pathlib import Path; from test_training import QUICK, config, fit, samples\n"
        "given = samples(24)\n"
        "kill = lambda epoch, _: os.kill(os.getpid(), signal.SIGKILL) if epoch == 2 else None\n"
        "fit(given, config(sys.argv[1], given), QUICK, work_folder=Path(sys.argv[2]), progress=kill)"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", script, tiny_bert, str(tmp_path / "work"), str(root), str(Path(__file__).parent)]
    died = subprocess.run(command, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()[-2000:]
    seen: list[int] = []
    resumed = fit(given, config(tiny_bert, given), QUICK, work_folder=tmp_path / "work", progress=lambda epoch, _: seen.append(epoch))
    straight = fit(given, config(tiny_bert, given), QUICK)
    assert seen[0] in (2, 3)  # the second epoch was saved, or the kill came before it was
    assert seen[-1] == 4
    for name, value in straight.weights.items():
        torch.testing.assert_close(resumed.weights[name], value, rtol=1e-4, atol=1e-6)


def test_work_folder_of_another_run_is_refused(tiny_bert: str, tmp_path: Path) -> None:
    given = samples(24)
    once = QUICK.model_copy(update={"epochs": 1})
    fit(given, config(tiny_bert, given), once, work_folder=tmp_path / "work")
    with pytest.raises(ConfigError, match="other samples or settings"):
        fit(given, config(tiny_bert, given), once.model_copy(update={"seed": 5}), work_folder=tmp_path / "work")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        fit(given, config(tiny_bert, given), once, work_folder=tmp_path / "full")


def test_samples_that_cannot_be_trained_on_are_refused(tiny_bert: str) -> None:
    given = samples(24)
    leaking = Split(given.ids[:2], given.ids[2:8])
    with pytest.raises(InputError, match="split by group"):
        fit(given, config(tiny_bert, given), QUICK, split=leaking)
    blank = FeatureSet(given.ids, given.rows, ((), *given.labels[1:]), given.groups)
    with pytest.raises(InputError, match="no label, the first is 's0'"):
        fit(blank, config(tiny_bert, given), QUICK)
    with pytest.raises(InputError, match="'dog' is not among"):
        fit(given, config(tiny_bert, given, labels=("fall", "other")), QUICK)


def test_without_validation_nothing_is_calibrated_and_the_card_says_so(tiny_bert: str, tmp_path: Path) -> None:
    given = samples(12)
    settings = QUICK.model_copy(update={"epochs": 1, "validation_fraction": 0.0})
    checkpoint = fit(given, config(tiny_bert, given), settings)
    assert checkpoint.calibration.temperatures == (1.0,)
    save_checkpoint(checkpoint, tmp_path / "ck")
    assert "temperature not fitted: 0 validation rows" in (tmp_path / "ck" / "README.md").read_text()
    assert load_checkpoint(tmp_path / "ck").calibration == checkpoint.calibration or np.isnan(checkpoint.calibration.ece_before)


def test_several_labels_a_sample_train_too(tiny_llama: str) -> None:
    given = samples(24)
    labels = tuple((*row, "loud") if i % 2 else row for i, row in enumerate(given.labels))
    several = FeatureSet(given.ids, given.rows, labels, given.groups)
    wide = config(tiny_llama, given, task="multilabel", labels=(*LABELS, "loud"), pooling="last", learn_weights=True)
    prediction = Predictor(fit(several, wide, QUICK.model_copy(update={"epochs": 1}))).predict(several)[0]
    assert set(prediction.probabilities) == {*LABELS, "loud"}


def test_evaluating_on_training_samples_is_refused(tiny_bert: str) -> None:
    given = samples(24)
    checkpoint = fit(given, config(tiny_bert, given), QUICK.model_copy(update={"epochs": 1}))
    with pytest.raises(InputError, match="were used in training"):
        evaluate(checkpoint, given)
    others = samples(8, prefix="x")
    same_rooms = FeatureSet(others.ids, others.rows, others.labels, given.groups[:8])
    with pytest.raises(InputError, match="groups are in training too"):
        evaluate(checkpoint, same_rooms, train=given)
