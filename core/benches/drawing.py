"""Drawing: does a picture show what was asked, by a classifier that has only seen true pictures? The boxes of NLVR, its own split."""

from __future__ import annotations

import time
from collections.abc import Mapping

from core.benchmark import BenchContext, Metric
from core.drawing.boxes import ATTRIBUTES, WORDS, read_boxes, write_boxes
from core.drawing.learned import DrawingLearned, another_row, estimates
from core.drawing.options import DrawingOptions
from core.learners.drawing import Drawing
from core.metrics import Estimate
from core.table import Table, recast

SEED = 0
QUICK = DrawingOptions(seed=SEED, flip=True, training_steps=700, classifier_steps=800)
FULL = DrawingOptions(seed=SEED, flip=True)
QUICK_BOXES, FULL_BOXES = 120, 450  # of the test side, drawn
VALIDATION_BOXES = 500
ALONE = 5  # pictures drawn one by one, for the time


def run(context: BenchContext) -> list[Metric]:
    """Train on boxes of NLVR's train split; ask for what lies in boxes of its test split by attribute, in words, in a sentence."""
    sides = read_boxes(write_boxes(context.data / "text" / "nlvr_image_sentence", context.scratch))
    options = QUICK if context.is_quick else FULL
    drawing, folder = Drawing(), context.scratch / "drawer"
    began = time.monotonic()
    validation = _spread(sides["validation"], VALIDATION_BOXES)
    figures = drawing.fit(sides["train"], folder, options, validation=validation, say=context.say).figures
    minutes = (time.monotonic() - began) / 60
    learned = drawing.load(folder)
    test = _spread(sides["test"], QUICK_BOXES if context.is_quick else FULL_BOXES)
    note = f"{len(test)} test boxes of NLVR, {len(sides['train'])} in training, {options.training_steps} steps, seed {SEED}"
    context.say(f"drawing {len(test)} boxes by attributes, in words, in a person's sentence")
    return [
        *by_attribute(learned, test, note),
        *in_words(learned, test, note),
        *_cost(learned, test, figures, minutes, note),
    ]


def by_attribute(learned: DrawingLearned, test: Table, note: str) -> list[Metric]:
    """Attributes asked for, beside chance and beside drawings of which nothing was asked."""
    found = learned.evaluate(_asking(test, ATTRIBUTES))
    true, control, shuffled, free = (found[side] for side in ("true_pictures", "control", "shuffled", "unconditional"))
    metrics = [
        _metric("classifier on true pictures: all attributes", true, note),
        _beside("drawn by attributes: all seen", control, shuffled, note),
        _metric("drawn with nothing asked: all seen", free, note),
    ]
    for name in ATTRIBUTES:
        metrics += [
            _metric(f"classifier on true pictures: {name}", found[f"true_pictures/{name}"], note),
            _beside(f"drawn by attributes: {name} seen", found[f"control/{name}"], found[f"shuffled/{name}"], note),
        ]
    return metrics


def in_words(learned: DrawingLearned, test: Table, note: str) -> list[Metric]:
    """Words asked for and nothing else, by the attributes that the drawing then shows: a made phrase that tells all of
    them, and what a person wrote of three boxes, of which this is one, where it is true."""
    metrics = []
    sentences = test.select([i for i, said in enumerate(test.values("sentence")) if said])
    for said, column, rows in (("a made phrase", "words", test), ("a person's sentence", "sentence", sentences)):
        drawn = learned.draw(_asking(rows, (column,)))
        asked = _asking(rows, ATTRIBUTES)
        right = learned.recognised(asked, drawn)
        chance = learned.recognised(asked.select(another_row(asked.groups, SEED)), drawn)
        seen, lucky = (estimates("all", side, asked.groups) for side in (right, chance))
        about = f"{note}; {len(rows)} of them asked in words alone"
        metrics += [
            _beside(f"drawn by {said}: all attributes seen", seen["all"], lucky["all"], about),
            _beside(f"drawn by {said}: arrangement seen", seen["all/arrangement"], lucky["all/arrangement"], about),
        ]
    return metrics


def _cost(learned: DrawingLearned, test: Table, figures: Mapping[str, float], minutes: float, note: str) -> list[Metric]:
    asked = _asking(test, ATTRIBUTES)
    began = time.perf_counter()
    learned.draw(asked)
    together = (time.perf_counter() - began) / len(asked)
    began = time.perf_counter()
    for place in range(ALONE):
        learned.draw(asked.select([place]))
    alone = (time.perf_counter() - began) / ALONE
    drawn, unseen = (figures[f"distance_to_training_of_{which}"] for which in ("drawn", "unseen"))
    copies = "median root mean square over pixels in -1 to 1; much less than of unseen pictures would mean copies"
    return [
        Metric("time a picture, many at once", together, "s", note=note),
        Metric("time a picture, one alone", alone, "s", note=note),
        Metric("parameters of the drawer", figures["parameters"], "", note=note),
        Metric("training, classifier and figures on validation included", minutes, "min", note=note),
        Metric("distance of drawings to the nearest of training", drawn, "", peer="unseen true pictures", peer_value=unseen, note=copies),
    ]


def _spread(table: Table, wanted: int) -> Table:
    """About so many rows, at even distances."""
    return table.select(range(0, len(table), max(1, len(table) // wanted)))


def _asking(table: Table, asked: tuple[str, ...]) -> Table:
    return recast(table, {name: "ignored" for name in (*ATTRIBUTES, *WORDS) if name not in asked})


def _metric(name: str, estimate: Estimate, note: str) -> Metric:
    return Metric(name, estimate.value, "", interval=(estimate.low, estimate.high), note=note)


def _beside(name: str, estimate: Estimate, chance: Estimate, note: str) -> Metric:
    """A share beside that of the same drawings held to what other rows ask."""
    return Metric(
        name,
        estimate.value,
        "",
        "above chance, intervals apart",
        estimate.low > chance.high,
        "shuffled",
        chance.value,
        (estimate.low, estimate.high),
        f"{note}; shuffled {chance.low:.3f} to {chance.high:.3f}",
    )
