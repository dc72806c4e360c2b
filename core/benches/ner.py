"""Token classification measured: French directory lines with their print, WNUT-17, and topics in Chinese beside English."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from core.benches.directory_lines import directory_lines
from core.benchmark import BenchContext, Metric
from core.errors import ModelError
from core.metrics import Estimate
from core.samples import FloatArray
from core.table import ColumnKind, read_table

TRAIN_SENTENCES_QUICK = 800


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
    from core.tokens.tagging import Sentence, tag
    from core.tokens.tags import counts, entities, f1_difference, f1_estimate, strict_f1, tag_set_of
    from core.tokens.training import Schedule, train_tagger

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


def _topic_rows(path: Path) -> list[tuple[str, str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [(r[0], r[1], r[2]) for r in list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]]
