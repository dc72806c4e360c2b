"""Token classification measured: French directory lines with their print, WNUT-17, and topics in Chinese beside English."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.benchmark import BenchContext, Metric
from core.errors import ModelError
from core.metrics import Estimate
from core.samples import FloatArray
from core.table import ColumnKind, read_table

TRAIN_SENTENCES_QUICK = 800
SEEDS, SEEDS_QUICK = (0, 1, 2), (0,)
RULE = {"ocr_pero": 0.578, "ocr_tesseract": 0.453}
WORD = re.compile(r"\w+|[^\w\s]")


def run(context: BenchContext) -> list[Metric]:
    """All three."""
    folder = context.data / "text"
    return [
        *directory_lines(folder / "paris_directories", context),
        *emerging_entities(folder / "wnut17", context),
        *topics(folder / "sib200_zh", context),
    ]


def emerging_entities(folder: Path, context: BenchContext) -> list[Metric]:
    """WNUT-17 with its given split, text alone: strict F1 of the packaged backbone with a CRF, beside CRFsuite."""
    from core.backbones import load_backbone
    from core.tokens.crf_baseline import train_and_tag
    from core.tokens.tagger import Shape
    from core.tokens.tags import counts, entities, f1_difference, f1_estimate, strict_f1, tag_set_of
    from core.tokens.training import Schedule, Sentence, tag, train_tagger

    sides = [_conll(folder / name) for name in ("wnut17train.conll", "emerging.dev.conll", "emerging.test.annotated.conll")]
    train, validation, test = ([Sentence(words, tags) for words, tags in side] for side in sides)
    if context.is_quick:
        train = train[:TRAIN_SENTENCES_QUICK]
    tags = tag_set_of([s.tags for s in train])
    theirs = train_and_tag([(s.words, s.tags) for s in train], [s.words for s in test])
    context.say("CRFsuite is done")
    schedule = Schedule(epochs=3, batch=16, rate=2e-4, patience=2)
    tagger, _ = train_tagger(load_backbone("minilm"), train, validation, tags, Shape(), schedule, say=context.say)
    truth = [s.tags for s in test]
    ours = tag(tagger, test)
    real = [entities(t) for t in truth]
    first, second = counts(real, [entities(t) for t in ours]), counts(real, [entities(t) for t in theirs])
    groups = [str(i) for i in range(len(test))]
    note = f"{len(train)} sentences for training, seed 0, groups are sentences; seqeval strict: {strict_f1(truth, ours):.3f}"
    peer = f1_estimate(second, groups)
    return [
        _metric("wnut17 strict F1", f1_estimate(first, groups), peer="CRFsuite", peer_value=peer.value, note=note),
        _metric("wnut17 strict F1 above CRFsuite", f1_difference(first, second, groups), target="interval above 0", is_difference=True),
    ]


def directory_lines(folder: Path, context: BenchContext) -> list[Metric]:
    """Entities of printed directory lines from each OCR text, with the picture and without; strings compared with the typed ones."""
    from core.backbones import load_backbone
    from core.tokens.printed_lines import LineEncoder, read_grey
    from core.tokens.reader import ReaderTraining, train_reader
    from core.tokens.rereading import MARGINS, mend, proposals
    from core.tokens.tagger import Shape
    from core.tokens.tags import counts, f1_difference, f1_estimate, micro_f1, tag_set_of
    from core.tokens.training import Schedule, Sentence, train_tagger

    rows = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    side = {name: [row for row in rows if row["split"] == name] for name in ("train", "dev", "test")}
    encoder = LineEncoder(threads=2)
    context.say("printed lines to image tokens")
    shown = {row["id"]: encoder.encode(read_grey(folder / row["image"])) for row in rows}
    context.say("training the reader")
    lines = [(shown[row["id"]], row["gold"]["text"]) for row in side["train"]]
    reader = train_reader(lines, ReaderTraining(epochs=4 if context.is_quick else 12))
    logs = {row["id"]: reader.read(shown[row["id"]]) for row in side["dev"] + side["test"]}

    kinds = ("gold", "ocr_pero", "ocr_tesseract")
    train = [Sentence(*_tagged(row[kind])) for row in side["train"] for kind in kinds]
    validation = [Sentence(*_tagged(row[kind])) for row in side["dev"] for kind in kinds]
    tags = tag_set_of([s.tags for s in train])
    taggers = []
    for seed in SEEDS_QUICK if context.is_quick else SEEDS:
        schedule = Schedule(epochs=2 if context.is_quick else 4, batch=32, rate=2e-4, seed=seed)
        taggers.append(train_tagger(load_backbone("minilm"), train, validation, tags, Shape(), schedule, say=context.say)[0])

    metrics = []
    for kind, rule in RULE.items():
        offers = {row["id"]: proposals(row[kind]["text"], logs[row["id"]], reader) for row in side["dev"] + side["test"]}
        gold = {name: [_gold(row) for row in side[name]] for name in ("dev", "test")}

        def table(name: str, margin: float, chosen: Sequence[Any], kind: str = kind, offers: Any = offers, gold: Any = gold) -> FloatArray:
            texts = [mend(row[kind]["text"], offers[row["id"]], margin) for row in side[name]]
            return np.concatenate([counts(gold[name], _strings(tagger, texts)) for tagger in chosen])

        on_dev = {margin: micro_f1(t := table("dev", margin, taggers), t) for margin in MARGINS}
        margin = max(on_dev, key=lambda m: on_dev[m])
        blind, seeing = table("test", MARGINS[-1], taggers), table("test", margin, taggers)
        pages = [f"{row['book']}:{row['page']}" for row in side["test"]] * len(taggers)
        note = (
            f"strings against the typed text; {len(taggers)} seeds pooled, groups are the pages of 4 unseen books; margin {margin:g} by dev"
        )
        text_only = f1_estimate(blind, pages)
        metrics += [
            _metric(
                f"directory lines, {kind} and crop: F1",
                f1_estimate(seeing, pages),
                f"> rule {rule}",
                rule,
                peer="same tagger, text alone",
                peer_value=text_only.value,
                note=note,
            ),
            _metric(
                f"directory lines, {kind}: gain by the crop",
                f1_difference(seeing, blind, pages),
                "interval above 0",
                0.0,
                is_difference=True,
                note=note,
            ),
        ]
    return metrics


def topics(folder: Path, context: BenchContext) -> list[Metric]:
    """Seven topics in Chinese and in English: the packaged multilingual sentences and letter n-grams, by logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    from core.metrics import bootstrap, macro_f1

    metrics = []
    for language in ("zho_Hans", "eng_Latn"):
        data = {side: _topic_rows(folder / language / f"{side}.tsv") for side in ("train", "test")}
        labels = sorted({label for _, label, _ in data["train"]})
        texts = {side: [text for _, _, text in rows] for side, rows in data.items()}
        truth = [label for _, label, _ in data["train"]]
        targets = np.eye(len(labels), dtype=np.float32)[[labels.index(label) for _, label, _ in data["test"]]]
        letters = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2).fit(texts["train"])
        model = LogisticRegression(C=10, max_iter=2000).fit(letters.transform(texts["train"]), truth)
        scores = model.predict_proba(letters.transform(texts["test"])).astype(np.float32)
        groups = [name for name, _, _ in data["test"]]
        estimate = bootstrap(macro_f1, scores, targets, groups)
        metrics.append(_metric(f"sib200 {language} topics, letters 1-3: macro F1", estimate, note="204 test sentences, one a group"))
        vectors = _sentence_vectors(texts)
        if vectors is None:
            continue
        head = LogisticRegression(C=10, max_iter=2000).fit(vectors["train"], truth)
        estimate = bootstrap(macro_f1, head.predict_proba(vectors["test"]).astype(np.float32), targets, groups)
        metrics.append(_metric(f"sib200 {language} topics, multilingual encoder: macro F1", estimate, note="packaged encoder, frozen"))
    context.say("topics measured")
    return metrics


def _sentence_vectors(texts: dict[str, list[str]]) -> dict[str, FloatArray] | None:
    """By the packaged multilingual encoder; None where its weights are not here."""
    from core.encoders.sentences import SentenceEncoder

    try:
        encoder = SentenceEncoder()
    except ModelError:
        return None
    return {side: encoder.encode(rows) for side, rows in texts.items()}


def _metric(
    name: str,
    estimate: Estimate,
    target: str = "",
    bound: float = 0.0,
    *,
    is_difference: bool = False,
    peer: str = "",
    peer_value: float | None = None,
    note: str = "",
) -> Metric:
    reached = (estimate.low if is_difference else estimate.value) > bound
    return Metric(name, estimate.value, "F1", target, reached if target else None, peer, peer_value, (estimate.low, estimate.high), note)


def _conll(path: Path) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Sentences of a two-column file."""
    table = read_table(path)
    words, tags = table.values(table.one(ColumnKind.TOKENS)), table.values(table.one(ColumnKind.TAGS))
    return list(zip(words, tags, strict=True))


def _tagged(version: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words and tags of a text with entities; a word that an entity touches belongs to it, to the first if to several."""
    words, tags, before = [], [], None
    for match in WORD.finditer(version["text"]):
        touching = [e for e in version["entities"] if e["start"] < match.end() and match.start() < e["end"]]
        words.append(match.group())
        place = touching[0]["start"] if touching else None
        tags.append("O" if not touching else f"{'I' if place == before else 'B'}-{touching[0]['label']}")
        before = place
    return tuple(words), tuple(tags)


def _gold(row: Any) -> list[tuple[str, str]]:
    return [(e["label"], row["gold"]["text"][e["start"] : e["end"]]) for e in row["gold"]["entities"]]


def _strings(tagger: Any, texts: Sequence[str]) -> list[list[tuple[str, str]]]:
    """Type and string of each entity that a tagger finds."""
    from core.tokens.tags import entities
    from core.tokens.training import Sentence, tag

    places = [list(WORD.finditer(text)) for text in texts]
    rows = tag(tagger, [Sentence(tuple(m.group() for m in row)) for row in places])
    return [
        [(kind, text[at[a].start() : at[b - 1].end()]) for kind, a, b in entities(row)]
        for text, at, row in zip(texts, places, rows, strict=True)
    ]


def _topic_rows(path: Path) -> list[tuple[str, str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [(r[0], r[1], r[2]) for r in list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]]
