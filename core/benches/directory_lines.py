"""Entities of printed directory lines from what two optical readers gave, with the crop and without, by one and the same model.

The task as anybody has it: a table of lines, `token_classification` with `reread`. The training books are learned from, the
development books choose epoch and margin, the test books are asked once. Strings are compared with the typed ones, exactly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.benchmark import BenchContext, Metric
from core.metrics import Estimate
from core.samples import FloatArray
from core.table import Column, ColumnKind, Table
from core.tokens.tags import counts, entities, f1_difference, f1_estimate, strict_f1
from core.tokens.words import carried, words_in

RULE = {"ocr_pero": 0.578, "ocr_tesseract": 0.453}  # the 25-line rule of the set's SOURCE.txt
SEEDS, SEEDS_QUICK = (0, 1, 2), (0,)
EPOCHS, EPOCHS_QUICK = 4, 2
READER_EPOCHS = 12
KINDS = {"words": ColumnKind.TOKENS, "tags": ColumnKind.TAGS, "ocr": ColumnKind.TEXT, "crop": ColumnKind.IMAGE, "book": ColumnKind.GROUP}
Strings = list[list[tuple[str, str]]]


def directory_lines(folder: Path, context: BenchContext) -> list[Metric]:
    """Measured."""
    rows = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    side = {name: [row for row in rows if row["split"] == name] for name in ("train", "dev", "test")}
    gold = [[(e["label"], row["gold"]["text"][e["start"] : e["end"]]) for e in row["gold"]["entities"]] for row in side["test"]]
    pages = [f"{row['book']}:{row['page']}" for row in side["test"]]
    seeds = SEEDS_QUICK if context.is_quick else SEEDS
    answers = [_asked(side, folder, seed, context) for seed in seeds]
    note = (
        f"strings against the typed text; {len(seeds)} seeds pooled, groups are the pages of 4 unseen books; "
        f"{len(side['train'])} training lines with both texts"
    )
    context.say("CRFsuite")
    texts = {(kind, "text"): [row[kind]["text"] for row in side["test"]] for kind in RULE}
    texts |= {(kind, "crop"): [answer["text"] for answer in answers[0]["crop"][kind]] for kind in RULE}
    found = iter(_by_crfsuite(side["train"], [text for given in texts.values() for text in given]))
    peers = {key: f1_estimate(counts(gold, [next(found) for _ in given]), pages) for key, given in texts.items()}
    metrics = []
    for kind, rule in RULE.items():
        seeing, blind = (_pooled(gold, [one[view][kind] for one in answers]) for view in ("crop", "text"))
        many = pages * len(seeds)
        gain = f1_difference(seeing, blind, many)
        by_crop, by_text = f1_estimate(seeing, many), f1_estimate(blind, many)
        context.say(f"{kind}: F1 {by_text.value:.3f} by the text, {by_crop.value:.3f} with the crop")
        metrics += [
            _metric(
                f"directory lines, {kind} and crop: F1", by_crop, f"> rule {rule}", by_crop.value > rule, "same model, text", by_text, note
            ),
            _metric(f"directory lines, {kind}: gain by the crop", gain, "interval above 0", gain.low > 0, note=note),
            _metric(
                f"directory lines, {kind} alone: F1", by_text, f"> rule {rule}", by_text.value > rule, "CRFsuite", peers[kind, "text"], note
            ),
            _metric(
                f"directory lines, {kind} mended by the crop, CRFsuite: F1",
                peers[kind, "crop"],
                peer="CRFsuite, text as given",
                rival=peers[kind, "text"],
                note="the texts that our first seed mended; the tagger is CRFsuite's",
            ),
        ]
    return [*metrics, *_typed(answers, side["test"]), _stated(answers, gold, len(seeds))]


def _asked(side: Mapping[str, Sequence[Any]], folder: Path, seed: int, context: BenchContext) -> dict[str, Any]:
    """Answers of a model of one seed about the test lines: with the crop, by the text alone, and for the typed text as it is."""
    from core.learners.token_classification import LEARNER, TokenClassificationOptions

    epochs = EPOCHS_QUICK if context.is_quick else EPOCHS
    options = TokenClassificationOptions(reread=True, reader_epochs=READER_EPOCHS, epochs=epochs, batch=32, rate=2e-4, seed=seed)
    train, validation, test = (_table(side[name], folder, tuple(RULE)) for name in ("train", "dev", "test"))
    out = context.scratch / f"directory-lines-{seed}"
    LEARNER.fit(train, out, options, validation=validation, say=context.say)
    model = LEARNER.load(out)
    views = {"crop": list(model.predict(test)), "text": list(model.predict(_without_crops(test)))}
    told: dict[str, Any] = {view: {kind: rows[place :: len(RULE)] for place, kind in enumerate(RULE)} for view, rows in views.items()}
    told["typed"] = list(model.predict(_without_crops(_table(side["test"], folder, ("gold",)))))
    return told


def _table(rows: Sequence[Any], folder: Path, kinds: Sequence[str]) -> Table:
    """A row for each line and text of it."""
    made, ids = [], []
    for row in rows:
        words, tags = typed_words(row["gold"])
        for kind in kinds:
            made.append({"words": words, "tags": tags, "ocr": row[kind]["text"], "crop": row["image"], "book": row["book"]})
            ids.append(f"{row['book']}:{row['page']}:{row['id']}:{kind}")
    columns = tuple(Column(name, kind) for name, kind in KINDS.items())
    return Table("directory lines", columns, tuple(made), tuple(ids), tuple(range(2, len(made) + 2)), folder)


def _without_crops(table: Table) -> Table:
    rows = tuple({**row, "crop": None} for row in table.rows)
    return Table(table.name, table.columns, rows, table.ids, table.lines, table.root)


def typed_words(version: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words and tags of a text with entities; a word that an entity touches belongs to it, to the first if to several."""
    words, tags, before = [], [], None
    for first, last in words_in(version["text"]):
        touching = [e for e in version["entities"] if e["start"] < last and first < e["end"]]
        words.append(version["text"][first:last])
        place = touching[0]["start"] if touching else None
        tags.append("O" if not touching else f"{'I' if place == before else 'B'}-{touching[0]['label']}")
        before = place
    return tuple(words), tuple(tags)


def _found(answers: Sequence[Any]) -> Strings:
    return [[(e["type"], e["text"]) for e in answer["entities"]] for answer in answers]


def _pooled(gold: Strings, answers: Sequence[Sequence[Any]]) -> FloatArray:
    """Counts of every seed's rows, one seed after the other, `[seeds * lines, 3]`."""
    return np.concatenate([counts(gold, _found(one)) for one in answers])


def _by_crfsuite(train: Sequence[Any], texts: Sequence[str]) -> Strings:
    """What CRFsuite finds in texts, trained on the same typed and garbled lines."""
    from core.tokens.crf_baseline import train_and_tag

    learned = [typed_words(row["gold"]) for row in train]
    learned += [carried(*typed, row[kind]["text"]) for row, typed in zip(train, list(learned), strict=True) for kind in RULE]
    spans = [words_in(text) for text in texts]
    tags = train_and_tag(learned, [[text[a:b] for a, b in row] for text, row in zip(texts, spans, strict=True)])
    return [
        [(kind, text[row[a][0] : row[b - 1][1]]) for kind, a, b in entities(one)] for text, row, one in zip(texts, spans, tags, strict=True)
    ]


def _typed(answers: Sequence[Any], test: Sequence[Any]) -> list[Metric]:
    """Strict F1 by seqeval where nothing was read wrongly."""
    truth = [typed_words(row["gold"])[1] for row in test]
    scores = [strict_f1(truth, [answer["tags"] for answer in one["typed"]]) for one in answers]
    note = f"seqeval, strict IOB2; mean of {len(scores)} seeds, the interval is their range"
    return [Metric("directory lines, typed text: strict F1", float(np.mean(scores)), "F1", interval=(min(scores), max(scores)), note=note)]


def _stated(answers: Sequence[Any], gold: Strings, seeds: int) -> Metric:
    """How far the probabilities of entities are from the share that is right."""
    rows = [(answer, real) for one in answers for kind in RULE for answer, real in zip(one["crop"][kind], gold, strict=True)]
    stated = [e["probability"] for answer, _ in rows for e in answer["entities"]]
    table = counts([real for _, real in rows], _found([answer for answer, _ in rows]))
    gap = float(np.mean(stated)) - float(table[:, 0].sum() / table[:, 1].sum()) if stated else float("nan")
    note = f"mean over {len(stated)} entities of {seeds} seeds; above 0: surer than right, for a tagger cannot know what was read wrongly"
    return Metric("directory lines: stated probability less share right", gap, "", note=note)


def _metric(
    name: str,
    estimate: Estimate,
    target: str = "",
    holds: bool | None = None,
    peer: str = "",
    rival: Estimate | None = None,
    note: str = "",
) -> Metric:
    value = None if rival is None else rival.value
    return Metric(name, estimate.value, "F1", target, holds, peer, value, (estimate.low, estimate.high), note)
