"""The token tagger: a pretrained backbone's word states, letters of each word, a picture's tokens through a gate, a CRF on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.backbones import Backbone
from core.tokens.crf import LinearChainCrf
from core.tokens.pieces import Window
from core.tokens.tags import TagSet

LETTERS = 512  # letters beyond Latin share places by their code modulo this
MOST_LETTERS = 24
LETTER_WIDTH = 32
LETTER_FEATURES = 64
HEADS = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """What a tagger is made of.

    Attributes:
        image_width: numbers an image token; 0 for no picture.
        has_letters: read letters of words beside their pieces.
        is_chain: a learned CRF; else tags are scored one by one and only IOB2's rules hold.
        dropout: before the tag scores.
        blind_share: of pictures hidden in training, so that their absence is nothing new.
    """

    image_width: int = 0
    has_letters: bool = True
    is_chain: bool = True
    dropout: float = 0.2
    blind_share: float = 0.2


@dataclass(frozen=True, slots=True)
class TaggerBatch:
    """Windows side by side.

    Attributes:
        ids: `[batch, pieces]` with special pieces; mask alike, True = attend.
        first: `[batch, words]`, where each word's first piece stands.
        words: `[batch, words]`, True = a word.
        letters: `[batch, words, 24]`, 0 = none.
        image: `[batch, tokens, width]` and seen `[batch, tokens]`; a row without any True has no picture.
    """

    ids: Tensor
    mask: Tensor
    first: Tensor
    words: Tensor
    letters: Tensor
    image: Tensor
    seen: Tensor


class TokenTagger(nn.Module):
    """Tags words."""

    def __init__(self, backbone: Backbone, tags: TagSet, shape: Shape) -> None:
        super().__init__()
        self.backbone = backbone
        self.tags = tags
        self.shape = shape
        width = backbone.width
        if shape.has_letters:
            self.letters = nn.Embedding(LETTERS + 1, LETTER_WIDTH, padding_idx=0)
            self.letter_shapes = nn.Conv1d(LETTER_WIDTH, LETTER_FEATURES, 3, padding=1)
        if shape.image_width:
            self.projector = nn.Sequential(nn.LayerNorm(shape.image_width), nn.Linear(shape.image_width, width), nn.GELU())
            self.missing = nn.Parameter(torch.zeros(width))
            self.attention = nn.MultiheadAttention(width, HEADS, batch_first=True)
            self.gate = nn.Linear(2 * width, width)
            nn.init.constant_(self.gate.bias, -2.0)  # the picture begins quietly
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Linear(width + LETTER_FEATURES * shape.has_letters, len(tags.tags))
        self.chain = LinearChainCrf(*tags.forbidden(), is_learned=shape.is_chain)

    def forward(self, batch: TaggerBatch) -> Tensor:
        """Tag scores, `[batch, words, tags]`."""
        hidden = self.backbone(self.backbone.embed(batch.ids), batch.mask, None)  # [batch, pieces, width]
        states = hidden.gather(1, batch.first[..., None].expand(-1, -1, hidden.shape[2]))  # [batch, words, width]
        if self.shape.image_width:
            states = self._look(states, batch)
        if self.shape.has_letters:
            flat = self.letters(batch.letters.flatten(0, 1)).transpose(1, 2)  # [batch * words, 32, 24]
            shapes = torch.relu(self.letter_shapes(flat)).amax(2).reshape(*batch.letters.shape[:2], LETTER_FEATURES)
            states = torch.cat([states, shapes], dim=2)
        scores: Tensor = self.head(self.dropout(states))
        return scores

    def _look(self, states: Tensor, batch: TaggerBatch) -> Tensor:
        """Let words look at the picture; a learned token stands where there is none."""
        seen = batch.seen
        if self.training and self.shape.blind_share:
            seen = seen & (torch.rand(len(seen), 1) >= self.shape.blind_share)
        tokens = torch.cat([self.missing.expand(len(seen), 1, -1), self.projector(batch.image)], dim=1)
        hidden_keys = torch.cat([seen.any(1, keepdim=True), ~seen], dim=1)
        looked, _ = self.attention(states, tokens, tokens, key_padding_mask=hidden_keys, need_weights=False)
        mixed: Tensor = states + torch.sigmoid(self.gate(torch.cat([states, looked], dim=2))) * looked
        return mixed

    def loss(self, batch: TaggerBatch, targets: Tensor) -> Tensor:
        """Of target tags `[batch, words]`."""
        scores = self(batch)
        if self.shape.is_chain:
            return self.chain.loss(scores, targets, batch.words)
        return nn.functional.cross_entropy(scores[batch.words], targets[batch.words])

    @torch.no_grad()
    def scores(self, batch: TaggerBatch) -> Tensor:
        """What the chain decides by, `[batch, words, tags]`."""
        scores: Tensor = self(batch)
        return scores if self.shape.is_chain else scores.log_softmax(2)


def collate(
    backbone: Backbone, windows: Sequence[Window], words: Sequence[Sequence[str]], images: Sequence[Tensor | None], width: int
) -> TaggerBatch:
    """Windows, their words and their pictures' tokens `[tokens, width]` as one batch."""
    opening, closing = backbone.opening(), backbone.closing()
    rows = [[*opening, *(p for word in window.pieces for p in word), *closing] for window in windows]
    longest, most = max(map(len, rows)), max(len(window.pieces) for window in windows)
    seen_most = max([1, *(len(i) for i in images if i is not None)])
    n = len(rows)
    ids, mask = torch.zeros(n, longest, dtype=torch.long), torch.zeros(n, longest, dtype=torch.bool)
    first, is_word = torch.zeros(n, most, dtype=torch.long), torch.zeros(n, most, dtype=torch.bool)
    letters = torch.zeros(n, most, MOST_LETTERS, dtype=torch.long)
    image, seen = torch.zeros(n, seen_most, max(width, 1)), torch.zeros(n, seen_most, dtype=torch.bool)
    for row, (window, spelled, picture) in enumerate(zip(windows, words, images, strict=True)):
        ids[row, : len(rows[row])] = torch.tensor(rows[row])
        mask[row, : len(rows[row])] = True
        place = len(opening)
        for index, pieces in enumerate(window.pieces):
            first[row, index], is_word[row, index] = place, True
            place += len(pieces)
            codes = [ord(c) % LETTERS + 1 for c in spelled[index][:MOST_LETTERS]]
            letters[row, index, : len(codes)] = torch.tensor(codes, dtype=torch.long)
        if picture is not None and width:
            image[row, : len(picture)], seen[row, : len(picture)] = picture, True
    return TaggerBatch(ids, mask, first, is_word, letters, image, seen)
