"""Export: how quick the exported model answers one sample, in floats and 8-bit integers, and what that costs in accuracy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from core import metrics
from core.benchmark import BenchContext, Metric
from core.checkpoints import Checkpoint
from core.errors import InputError
from core.exporting import runtime
from core.exporting.writing import export
from core.featuresets import FeatureSet
from core.fusion import FusionConfig
from core.metrics import bootstrap, paired_difference
from core.predicting import Predictor
from core.samples import FloatArray
from core.splits import Split
from core.table import read_table
from core.table.encoding import encode_table
from core.tasks import task
from core.trained import TrainedFusion
from core.training import TrainingConfig, fit, inputs_of

REPEATS, QUICK_REPEATS = 200, 60
QUICK_ROWS = 320
WARM_UP = 10
MOST_SCORE_LOSS = 0.02
PARITY = 1e-3
THREADS = 1


def run(context: BenchContext) -> list[Metric]:
    """Train on drawings with titles and numbers, export, and ask all three the same."""
    features, split = _drawings(context)
    labels = tuple(sorted({label for row in features.labels for label in row}))
    config = FusionConfig(inputs=inputs_of(features), labels=labels, tuning="lora")
    training = TrainingConfig(epochs=1 if context.is_quick else 4, batch_size=32, learning_rate=1e-3)
    context.say(f"training on {len(split.train)} drawings")
    checkpoint = fit(features, config, training, split=split)
    trained = TrainedFusion(checkpoint, "drawings", {}, None)
    context.say("exporting")
    whole, small = (export(trained, context.scratch / f"int8-{int8}", int8=int8) for int8 in (False, True))
    place = {name: index for index, name in enumerate(features.ids)}
    test = features.select([place[name] for name in split.test])
    return _compare(checkpoint, whole, small, test, QUICK_REPEATS if context.is_quick else REPEATS)


def _compare(checkpoint: Checkpoint, whole: Path, small: Path, test: FeatureSet, repeats: int) -> list[Metric]:
    torch.set_num_threads(THREADS)
    predictor = Predictor(checkpoint, method=None)
    floats, integers = (runtime.load(folder, threads=THREADS) for folder in (whole, small))
    ways: dict[str, Callable[[FeatureSet], object]] = {"torch": predictor.predict, "ONNX": floats.predict, "ONNX int8": integers.predict}
    ms = {name: _median_ms(ask, test, repeats) for name, ask in ways.items()}
    note = f"{len(test)} drawings of other makers, titles and numbers; MiniLM with LoRA merged; {THREADS} thread; features given"
    found = [Metric("one sample, torch", ms["torch"], "ms", note=note)]
    for name in ("ONNX", "ONNX int8"):
        found.append(Metric(f"one sample, {name}", ms[name], "ms", peer="torch", peer_value=ms["torch"], note=note))
        found.append(Metric(f"latency of {name} to torch", ms[name] / ms["torch"], "ratio", note=note))

    learned = task(checkpoint.config.task)
    truth = learned.targets(test.labels, checkpoint.labels)
    answers: dict[str, FloatArray] = {
        "torch": np.array([list(p.probabilities.values()) for p in predictor.predict(test)], np.float32),
        "ONNX": np.array([list(a.probabilities.values()) for a in floats.predict(test)], np.float32),
        "ONNX int8": np.array([list(a.probabilities.values()) for a in integers.predict(test)], np.float32),
    }
    for name, given in answers.items():
        score = bootstrap(metrics.balanced_accuracy, given, truth, test.groups)
        found.append(Metric(f"balanced accuracy, {name}", score.value, "share", interval=(score.low, score.high), note=note))
    gap = float(np.abs(answers["torch"] - answers["ONNX"]).max())
    found.append(Metric("largest difference of a probability, ONNX", gap, "", f"< {PARITY}", gap < PARITY, note=note))
    lost = paired_difference(metrics.balanced_accuracy, answers["torch"], answers["ONNX int8"], truth, test.groups)
    holds = lost.value <= MOST_SCORE_LOSS
    found.append(
        Metric(
            "balanced accuracy lost by int8", lost.value, "share", f"<= {MOST_SCORE_LOSS}", holds, interval=(lost.low, lost.high), note=note
        )
    )
    sizes = {name: (folder / runtime.GRAPH).stat().st_size / 1e6 for name, folder in (("ONNX", whole), ("ONNX int8", small))}
    found += [Metric(f"size, {name}", size, "MB", note=note) for name, size in sizes.items()]
    return found


def _median_ms(ask: Callable[[FeatureSet], object], test: FeatureSet, repeats: int) -> float:
    rows = [test.select([index % len(test)]) for index in range(repeats + WARM_UP)]
    taken = []
    for row in rows:
        begun = time.perf_counter()
        ask(row)
        taken.append((time.perf_counter() - begun) * 1000)
    return median(taken[WARM_UP:])


def _drawings(context: BenchContext) -> tuple[FeatureSet, Split]:
    folder = context.data / "multimodal" / "openclipart"
    if not (folder / "items.csv").is_file():
        raise InputError(f"{folder} is not here; set TRIVIUM_DATA to the folder of public data sets")
    table = read_table(folder / "items.csv", label="label", group="group", root=folder)
    folds = table.values("fold")
    kept = [i for i in range(len(table)) if not context.is_quick or i % (len(table) // QUICK_ROWS) == 0]
    from core.benches.engine_sets import openclipart

    names = set(openclipart(context.data).kinds)
    chosen = replace(table, columns=tuple(c for c in table.columns if c.name in names)).select(kept)
    features = encode_table(chosen, say=context.say)
    side = {"0": "test", "1": "validation"}
    sides: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for name, index in zip(features.ids, kept, strict=True):
        sides[side.get(str(int(float(folds[index]))), "train")].append(name)
    return features, Split(tuple(sides["train"]), tuple(sides["validation"]), tuple(sides["test"]))
