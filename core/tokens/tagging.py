"""Ask a token tagger: windows in, tags of whole sentences out, with how probable each entity is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.tokens.pieces import Window, cut
from core.tokens.tagger import TaggerBatch, TokenTagger, collate
from core.tokens.tags import OUTSIDE, entities

WINDOW_PIECES = 120
OVERLAP_PIECES = 24
BATCH = 32


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words with what is known of them.

    Attributes:
        words: in order; may be empty.
        tags: one a word where known.
        image: `[tokens, width]` of the picture; None where it is missing.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] = ()
    image: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Tagged:
    """A sentence's tags.

    Attributes:
        tags: one a word, legal IOB2.
        probabilities: the model's own, one an entity in their order: that just this entity is there. Not calibrated.
    """

    tags: tuple[str, ...]
    probabilities: tuple[float, ...]


def tag(tagger: TokenTagger, sentences: Sequence[Sentence]) -> list[tuple[str, ...]]:
    """Tags of each sentence, one a word, legal IOB2."""
    names = tagger.tags.tags
    answers = [[OUTSIDE] * len(s.words) for s in sentences]
    for part in _asked(tagger, sentences):
        for (index, window), path in zip(part.places, part.best, strict=True):
            for word in range(*window.trusted):
                answers[index][word] = names[path[word - window.first]]
    return [_legal(row) for row in answers]


def tag_surely(tagger: TokenTagger, sentences: Sequence[Sentence]) -> list[Tagged]:
    """Tags, and how probable each entity is; of one that reaches over two windows the less probable part counts."""
    names = tagger.tags.tags
    answers = [[OUTSIDE] * len(s.words) for s in sentences]
    sure = [np.ones(len(s.words)) for s in sentences]
    for part in _asked(tagger, sentences):
        spans = [(row, a, b) for row, path in enumerate(part.best) for _, a, b in entities([names[code] for code in path])]
        shares = _shares(tagger, part, spans)
        for (index, window), path in zip(part.places, part.best, strict=True):
            for word in range(*window.trusted):
                answers[index][word] = names[path[word - window.first]]
        for (row, a, b), share in zip(spans, shares, strict=True):
            index, window = part.places[row]
            sure[index][max(window.first + a, window.trusted[0]) : min(window.first + b, window.trusted[1])] = share
    legal = [_legal(row) for row in answers]
    return [Tagged(row, tuple(float(one[a:b].min()) for _, a, b in entities(row))) for row, one in zip(legal, sure, strict=True)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A batch of windows with what the tagger made of it.

    Attributes:
        places: sentence and window of each row.
        scores: `[batch, words, tags]`; is_word `[batch, words]`.
        best: codes of each row.
    """

    places: list[tuple[int, Window]]
    scores: Tensor
    is_word: Tensor
    best: list[list[int]]


@torch.no_grad()
def _asked(tagger: TokenTagger, sentences: Sequence[Sentence]) -> Iterator[_Asked]:
    tagger.eval()
    cuts = [cut(s.words, tagger.backbone.tokenizer, WINDOW_PIECES, OVERLAP_PIECES) for s in sentences]
    places = [(i, w) for i, c in enumerate(cuts) for w in c.windows]
    for chosen in batches([w for _, w in places], BATCH, None):
        here = [places[k] for k in chosen]
        made = as_batch(tagger, [(sentences[i], w) for i, w in here])
        scores = tagger.scores(made)
        yield _Asked(here, scores, made.words, tagger.chain.best(scores, made.words))


def _shares(tagger: TokenTagger, part: _Asked, spans: Sequence[tuple[int, int, int]]) -> list[float]:
    """The probability of each span `(row, first word, word after the last)` of the best tags."""
    if not spans:
        return []
    names = tagger.tags.tags
    rows = torch.tensor([row for row, _, _ in spans])
    allowed = torch.ones(len(spans), *part.scores.shape[1:], dtype=torch.bool)
    for place, (row, a, b) in enumerate(spans):
        path = part.best[row]
        for word in range(a, b):
            allowed[place, word] = False
            allowed[place, word, path[word]] = True
        if b < len(path):
            allowed[place, b, names.index("I" + names[path[a]][1:])] = False
    found: list[float] = tagger.chain.share(part.scores[rows], part.is_word[rows], allowed).tolist()
    return found


def _legal(row: Sequence[str]) -> tuple[str, ...]:
    """An `I-` that lost its `B-` where two windows meet begins an entity."""
    kept: list[str] = []
    for name in row:
        follows = bool(kept) and kept[-1] != OUTSIDE and kept[-1][2:] == name[2:]
        kept.append("B-" + name[2:] if name.startswith("I-") and not follows else name)
    return tuple(kept)


def as_batch(tagger: TokenTagger, rows: Sequence[tuple[Sentence, Window]]) -> TaggerBatch:
    """Windows of sentences as the tagger takes them."""
    words = [s.words[w.first : w.first + len(w.pieces)] for s, w in rows]
    return collate(tagger.backbone, [w for _, w in rows], words, [s.image for s, _ in rows], tagger.shape.image_width)


def batches(windows: Sequence[Window], size: int, rng: np.random.Generator | None) -> Iterator[list[int]]:
    """Windows of like length together; in a drawn order where a generator is given."""
    lengths = [sum(map(len, w.pieces)) // (8 if rng is not None else 1) for w in windows]
    order = list(range(len(windows))) if rng is None else [int(i) for i in rng.permutation(len(windows))]
    order.sort(key=lambda i: lengths[i])
    parts = [order[i : i + size] for i in range(0, len(order), size)]
    for place in range(len(parts)) if rng is None else rng.permutation(len(parts)):
        yield parts[int(place)]
