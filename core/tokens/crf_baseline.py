"""The plain rival: a CRF over hand-made features of words (CRFsuite, Okazaki, 2007), by python-crfsuite."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pycrfsuite  # type: ignore[import-untyped]

L1, L2, ITERATIONS = 0.1, 0.01, 100


def features(words: Sequence[str]) -> list[list[str]]:
    """The usual ones: the word, its ends, its shape, and its neighbours' words and shapes."""
    rows = []
    for index, word in enumerate(words):
        row = [f"w={word.lower()}", f"shape={_shape(word)}", *(f"end={word[-n:].lower()}" for n in (2, 3)), f"start={word[:3].lower()}"]
        row += [f"title={word.istitle()}", f"upper={word.isupper()}", f"digit={any(map(str.isdigit, word))}"]
        for step in (-2, -1, 1, 2):
            near = index + step
            row.append(f"{step}:w={words[near].lower()}" if 0 <= near < len(words) else f"{step}:none")
            row.append(f"{step}:shape={_shape(words[near])}" if 0 <= near < len(words) else f"{step}:none")
        rows.append(row)
    return rows


def train_and_tag(train: Sequence[tuple[Sequence[str], Sequence[str]]], asked: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Learn from words with their tags, and tag other sentences."""
    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set_params({"c1": L1, "c2": L2, "max_iterations": ITERATIONS, "feature.possible_transitions": True})
    for words, tags in train:
        trainer.append(features(words), list(tags))
    with tempfile.TemporaryDirectory(prefix="trivium-crf-") as folder:
        path = str(Path(folder) / "model.crfsuite")
        trainer.train(path)
        tagger = pycrfsuite.Tagger()
        tagger.open(path)
        answers = [tuple(tagger.tag(features(words))) if words else () for words in asked]
        tagger.close()
    return answers


def _shape(word: str) -> str:
    kinds = ["X" if c.isupper() else "x" if c.isalpha() else "9" if c.isdigit() else c for c in word[:20]]
    return "".join(c for i, c in enumerate(kinds) if i == 0 or c != kinds[i - 1])
