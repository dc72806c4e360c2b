"""Pairs of text and picture: finding each other (drawings with their titles), and whether a sentence is true of a picture (NLVR)."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from core.benchmark import BenchContext, Metric
from core.learners import learner, load
from core.learners._options import options_of
from core.metrics import Estimate
from core.table import Table, read_table, recast

SEED = 0


def run(context: BenchContext) -> list[Metric]:
    """Retrieval and matching, each on its set's own split."""
    return [*drawings(context), *sentences(context)]


def drawings(context: BenchContext) -> list[Metric]:
    """Which drawing belongs to a title and description, and the other way round, among the drawings of unseen makers."""
    from core.benches.engine_sets import openclipart

    split = openclipart(context.data).splits[0]
    table = read_table(context.data / "multimodal" / "openclipart" / "items.csv")
    table = recast(table, {c.name: "ignored" for c in table.columns if c.name not in ("id", "image", "title", "description")})
    figures = _trained(
        "retrieval", table.by_ids(split.train), table.by_ids(split.validation), table.by_ids(split.test), context, {"seed": SEED}
    )
    note = (
        f"{len(split.test)} drawings of makers not seen, {len(split.train)} in training; openclipart, frozen packaged encoders, seed {SEED}"
    )
    found = []
    for name, estimate in figures.items():
        if name.endswith("chance_at_1"):
            continue
        rank = int(name.rpartition("_")[2])
        chance = min(1.0, rank * figures[f"{name.partition('_recall')[0]}_chance_at_1"].value)
        said = f"drawings: {name.replace('_', ' ')}"
        found.append(_metric(said, estimate, note, "above chance", estimate.low > chance, ("chance", chance)))
    return found


def sentences(context: BenchContext) -> list[Metric]:
    """Whether a sentence is true of a picture: the fusion model with adapters, against the majority."""
    table = _nlvr(context)
    by_split: dict[str, list[int]] = {}
    for place, name in enumerate(table.ids):
        by_split.setdefault(name.partition("-")[0], []).append(place)
    train, dev, test = (table.select(by_split[name]) for name in ("train", "dev", "test"))
    if context.is_quick:
        train, dev, test = train.select(range(0, len(train), 2)), dev.select(range(0, len(dev), 4)), test.select(range(0, len(test), 2))
    settings = {"seed": SEED, "preset": "quick", "tuning": "lora", "epochs": 2 if context.is_quick else 8}
    figures = _trained("classification", train, dev, test, context, settings)
    answers = [str(v) for v in test.values("label")]
    majority = max(answers.count(v) for v in set(answers)) / len(answers)
    note = f"NLVR: {len(test)} test pairs, {len(train)} in training, its own split; LoRA over MiniLM, EfficientNet-Lite0, seed {SEED}"
    accuracy, balanced = figures["accuracy"], figures["balanced_accuracy"]
    return [
        _metric("true of the picture: accuracy", accuracy, note, "> the peer", accuracy.low > majority, ("majority", majority)),
        _metric("true of the picture: balanced accuracy", balanced, note, "> the peer", balanced.low > 0.5, ("majority", 0.5)),
    ]


def _trained(
    task: str, train: Table, validation: Table, test: Table, context: BenchContext, settings: dict[str, Any]
) -> dict[str, Estimate]:
    chosen = learner(task)
    folder = context.scratch / task
    chosen.fit(train, folder, options_of(chosen, settings), validation=validation, say=context.say)
    return dict(load(folder).evaluate(test))


def _nlvr(context: BenchContext) -> Table:
    """NLVR as a table of sentence, picture and verdict; its pictures stay where they are."""
    folder = context.data / "text" / "nlvr_image_sentence"
    path: Path = context.scratch / "nlvr.csv"
    with (folder / "examples.jsonl").open(encoding="utf-8") as source, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "sentence", "image", "label", "group"], extrasaction="ignore")
        writer.writeheader()
        for line in source:
            writer.writerow(json.loads(line))
    kinds = {"sentence": "text", "image": "image"}
    return read_table(path, kinds=kinds, label="label", group="group", root=folder)


def _metric(name: str, estimate: Estimate, note: str, target: str, holds: bool, peer: tuple[str, float]) -> Metric:
    return Metric(name, estimate.value, "", target, holds, *peer, (estimate.low, estimate.high), note)
