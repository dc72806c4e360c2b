"""Whatever answers in a shipped model is exported: linear probes, boosted trees, several together; and says the same without torch."""

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

from core.calibration import Calibration
from core.encoders.contract import Encoder
from core.errors import ModelError
from core.exporting import runtime
from core.exporting.mixture import graph_file
from core.exporting.whole import export_folder
from core.exporting.writing import export_members
from core.features import Features
from core.featuresets import FeatureSet
from core.label_learning.boosting import fit_boosted
from core.label_learning.fusion_member import configure, fit_fusion, training_of
from core.label_learning.linear import fit_linear
from core.label_learning.members import Lesson, Member
from core.label_learning.model import LabelModel, write_model
from core.label_learning.options import LabelOptions
from core.label_learning.pieces import word_vectors
from core.label_learning.rows import pool
from core.label_learning.words import fit_words
from core.model_folder import save_whole
from core.samples import Modality
from core.splits import Split
from core.table.defaults import encoders_of
from core.tasks import task

IMAGE, SERIES = Modality.IMAGE, Modality.SERIES
BOTH = frozenset({IMAGE, SERIES})
ROWS = 60
PARITY = 1e-3
REPOSITORY = Path(__file__).resolve().parents[3]
TASKS = ["classification", "multilabel", "ordinal", "regression"]


@pytest.fixture(scope="module")
def encoders() -> dict[Modality, Encoder]:
    try:
        return encoders_of([IMAGE, SERIES])
    except ModelError as error:
        pytest.skip(str(error))


def _features(encoders: dict[Modality, Encoder], rows: int = ROWS, seed: int = 0) -> FeatureSet:
    """Pictures with a word that tells, series with a shift that tells; every seventh picture and fifth series are missing."""
    rng = np.random.default_rng(seed)

    def row(modality: Modality, i: int) -> Features | None:
        if i % {IMAGE: 7, SERIES: 5}[modality] == 3:
            return None
        width = encoders[modality].width
        tokens = (rng.normal(size=(1, 2, width)) + (i % 3)).astype(np.float32)
        said = (f"a {('red', 'blue', 'grey')[i % 3]} thing 红色",) if modality is IMAGE else ()
        return Features(tokens, np.ones((1, 2), np.bool_), (said,), encoders[modality].name)

    ids = tuple(f"r{i}" for i in range(rows))
    made = {m: tuple(row(m, i) for i in range(rows)) for m in (IMAGE, SERIES)}
    return FeatureSet(ids, made, tuple((("a", "b", "c")[i % 3],) for i in range(rows)), ids)


def _lesson(task_name: str, features: FeatureSet) -> Lesson:
    answer = np.arange(len(features)) % 3
    targets = answer[:, None].astype(np.float32) if task_name == "regression" else np.eye(3, dtype=np.float32)[answer]
    labels = ("size",) if task_name == "regression" else ("a", "b", "c")
    return Lesson(task(task_name), labels, pool(features), targets, np.ones(len(features), np.float32))


def _model(task_name: str, features: FeatureSet, backbone: str, names: tuple[str, ...]) -> LabelModel:
    """Several models together, weighed otherwise where a modality is missing."""
    lesson, options = _lesson(task_name, features), LabelOptions(backbone=backbone, epochs=1, threads=1)
    members: dict[str, Member] = {}
    if "fusion" in names:
        numbers = tuple((str(float(i % 3)),) for i in range(len(features)))
        learned = replace(features, labels=numbers) if task_name == "regression" else features
        config = configure(learned, task_name, lesson.labels, options)
        members["fusion"] = fit_fusion(learned, config, training_of(options), split=Split(features.ids[:50], features.ids[50:]))
    if "linear" in names:
        members["linear"] = fit_linear(lesson, [IMAGE, SERIES], name="linear", strengths=(0.03,))[0]
        members["image"] = fit_linear(lesson, [IMAGE], name="image", strengths=(0.03,))[0]
    if "trees" in names:
        members["trees"] = fit_boosted(lesson, name="trees")
    even = dict.fromkeys(members, 1 / len(members))
    weights = {BOTH: even, frozenset({IMAGE}): {"image": 1.0} if "image" in members else even, frozenset({SERIES}): even}
    calibration = Calibration((1.7,), (0.4,), "residual" if task_name == "regression" else "lac")
    return LabelModel(lesson.task, lesson.labels, (IMAGE, SERIES), {}, None, members, weights, calibration, options, Split(features.ids))


def _same(model: LabelModel, deployed: runtime.Deployed, rows: FeatureSet) -> None:
    wanted, answers = model.answers(pool(rows)), deployed.predict(rows)
    accepted = model.calibration.accepted(wanted)
    for one, given, stands in zip(answers, wanted, accepted, strict=True):
        assert list((one.probabilities or one.values).values()) == pytest.approx(given.tolist(), abs=PARITY)
        assert list(one.accepted) == [label for label, stays in zip(model.labels, stands, strict=True) if stays]


@pytest.mark.parametrize("task_name", TASKS)
def test_plain_members_together_say_the_same(task_name: str, encoders: dict[Modality, Encoder], tmp_path: Path) -> None:
    model = _model(task_name, _features(encoders), "unused", ("linear", "trees"))
    deployed = runtime.load(export_members(model, "m", "# card", tmp_path / "out"))
    rows = _features(encoders, 50, seed=1)
    _same(model, deployed, rows)
    for shown in ([IMAGE], [SERIES]):
        _same(model, deployed, rows.only(shown))
    assert not (tmp_path / "out" / runtime.GRAPH).exists()
    with pytest.raises(ModelError, match="no fusion model was exported"):
        deployed.logits(rows)


@pytest.mark.slow
@pytest.mark.parametrize("task_name", TASKS)
def test_fusion_model_together_with_plain_ones_says_the_same(
    task_name: str, tiny_bert: str, encoders: dict[Modality, Encoder], tmp_path: Path
) -> None:
    model = _model(task_name, _features(encoders), tiny_bert, ("fusion", "linear", "trees"))
    deployed = runtime.load(export_members(model, "m", "# card", tmp_path / "out"))
    rows = _features(encoders, 40, seed=1)
    _same(model, deployed, rows)
    for shown in ([IMAGE], [SERIES]):
        _same(model, deployed, rows.only(shown))


def test_words_are_counted_as_in_training() -> None:
    texts = ["red red blue", "blue grey 红烧肉", "红烧 grey!", ""]
    words = fit_words(texts)
    assert words is not None
    ours = word_vectors([*texts, "unknown RED"], {word: i for i, word in enumerate(words.known)}, words.rarity)
    np.testing.assert_allclose(ours, words.transform([*texts, "unknown RED"]).toarray(), atol=1e-6)


def test_features_of_another_encoder_are_refused(encoders: dict[Modality, Encoder], tmp_path: Path) -> None:
    deployed = runtime.load(export_members(_model("classification", _features(encoders), "unused", ("linear",)), "m", "", tmp_path / "out"))
    row = Features(np.ones((1, 2, 7), np.float32), np.ones((1, 2), np.bool_), ((),), "mine")
    with pytest.raises(Exception, match="do not fit a model"):
        deployed.predict({IMAGE: row})


def _saved(model: LabelModel, folder: Path) -> Path:
    return save_whole(folder, lambda part: write_model(model, part, "# the card\n"), kind="model")


@pytest.mark.slow
def test_folder_is_exported_whole_or_the_fusion_model_alone(tiny_bert: str, encoders: dict[Modality, Encoder], tmp_path: Path) -> None:
    features = _features(encoders)
    model = _model("classification", features, tiny_bert, ("fusion", "linear"))
    folder = _saved(model, tmp_path / "kept")
    said: list[str] = []
    with pytest.raises(ModelError, match=r"use --format onnx, or --member fusion$") as caught:
        export_folder(folder, tmp_path / "no", form="torch", say=said.append)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "no").exists()
    whole = export_folder(folder, tmp_path / "whole", say=said.append)
    rows = _features(encoders, 40, seed=1)
    _same(model, runtime.load(whole), rows)
    assert "# the card" in (whole / runtime.CARD).read_text("utf-8")
    alone = runtime.load(export_folder(folder, tmp_path / "alone", member="fusion", say=said.append))
    fusion: Any = model.members["fusion"]
    own = replace(model, members={"fusion": fusion}, weights={BOTH: {"fusion": 1.0}}, calibration=fusion.checkpoint.calibration)
    _same(own, alone, rows)
    assert export_folder(folder, tmp_path / "program", form="torch", member="fusion", say=said.append).is_dir()


def test_member_that_is_not_there_is_one_clear_line(encoders: dict[Modality, Encoder], tmp_path: Path) -> None:
    folder = _saved(_model("classification", _features(encoders), "unused", ("linear",)), tmp_path / "kept")
    with pytest.raises(ModelError, match="holds no fusion model: it answers by linear, image; export it without --member"):
        export_folder(folder, tmp_path / "out", member="fusion")
    with pytest.raises(ModelError, match=r"use --format onnx$"):
        export_folder(folder, tmp_path / "out", form="torch")


def test_changed_member_and_hostile_settings_are_refused(encoders: dict[Modality, Encoder], tmp_path: Path) -> None:
    model = _model("classification", _features(encoders), "unused", ("linear",))
    folder = export_members(model, "m", "", tmp_path / "out")
    spoiled = Path(shutil.copytree(folder, tmp_path / "spoiled"))
    content = bytearray((spoiled / graph_file(0)).read_bytes())
    content[len(content) // 2] ^= 1
    (spoiled / graph_file(0)).write_bytes(bytes(content))
    with pytest.raises(ModelError, match="is damaged or was changed"):
        runtime.load(spoiled)
    changes: list[dict[str, Any]] = [
        {"weights": []},
        {"weights": [{"modalities": ["image"], "members": {"other": 1.0}}]},
        {"members": "all"},
    ]
    for change in changes:
        told = json.loads((folder / runtime.SETTINGS).read_text("utf-8"))
        told["mixture"] |= change

        def write(part: Path, told: dict[str, Any] = told) -> None:
            shutil.copytree(folder, part, dirs_exist_ok=True)
            (part / "hashes.json").unlink()
            (part / runtime.SETTINGS).write_text(json.dumps(told), "utf-8")

        with pytest.raises(ModelError, match="export again"):
            runtime.load(save_whole(tmp_path / "hostile", write, kind="exported model"))


def test_plain_members_need_neither_torch_nor_scikit_learn(encoders: dict[Modality, Encoder], tmp_path: Path) -> None:
    model = _model("classification", _features(encoders), "unused", ("linear", "trees"))
    folder = export_members(model, "m", "", tmp_path / "out")
    script = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "transformers", "peft", "safetensors", "sklearn", "scipy", "lightgbm", "onnx"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Block())
import json, numpy as np
from pathlib import Path
from core.exporting.runtime import load
from core.features import Features
from core.samples import Modality
model = load(Path(sys.argv[1]))
(spec,) = [spec for spec in model.specs if spec.modality is Modality.IMAGE]
image = Features(np.ones((1, 3, spec.width), np.float32), np.ones((1, 3), bool), (("a red thing",),), spec.encoder)
print(json.dumps(dict(model.predict({Modality.IMAGE: image})[0].probabilities)))
"""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    width = encoders[IMAGE].width
    image = Features(np.ones((1, 3, width), np.float32), np.ones((1, 3), np.bool_), (("a red thing",),), encoders[IMAGE].name)
    wanted = model.answers(pool(FeatureSet(("0",), {IMAGE: (image,)}, ((),), ("0",))))[0]
    assert list(json.loads(done.stdout).values()) == pytest.approx(wanted.tolist(), abs=PARITY)
