"""A linear-chain conditional random field (Lafferty et al., 2001): how likely a row of tags is as a whole.

Own code, held to brute force by its tests: pytorch-crf's last release is of 2019, and it has neither marginals nor forbidden steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

FORBIDDEN = -1e4


class LinearChainCrf(nn.Module):
    """Scores of tags at the ends and of one tag after another.

    Attributes:
        start, end: `[tags]`.
        step: `[before, after]`.
    """

    no_start: Tensor
    no_step: Tensor

    def __init__(self, no_start: Sequence[bool], no_step: Sequence[Sequence[bool]], *, is_learned: bool = True) -> None:
        """Begin with all scores zero.

        Args:
            no_start: tags that cannot come first.
            no_step: `[before][after]`, what cannot follow.
            is_learned: whether scores train; else only the rules hold.
        """
        super().__init__()
        tags = len(no_start)
        self.register_buffer("no_start", torch.tensor(no_start), persistent=False)
        self.register_buffer("no_step", torch.tensor(no_step), persistent=False)
        self.start = nn.Parameter(torch.zeros(tags), requires_grad=is_learned)
        self.end = nn.Parameter(torch.zeros(tags), requires_grad=is_learned)
        self.step = nn.Parameter(torch.zeros(tags, tags), requires_grad=is_learned)

    def _scores(self) -> tuple[Tensor, Tensor]:
        return self.start.masked_fill(self.no_start, FORBIDDEN), self.step.masked_fill(self.no_step, FORBIDDEN)

    def loss(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Mean negative log likelihood of rows of tags.

        Args:
            emissions: `[batch, words, tags]`.
            tags: `[batch, words]`.
            mask: `[batch, words]`, True = a word; words stand at the front.
        """
        return (self._partition(emissions, mask) - self.score(emissions, tags, mask)).mean()

    def score(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Unnormalised log score of given tags, `[batch]`."""
        start, step = self._scores()
        tags = tags.where(mask, torch.zeros_like(tags))
        each = (emissions.gather(2, tags[..., None])[..., 0] * mask).sum(1)  # [batch]
        steps = (step[tags[:, :-1], tags[:, 1:]] * mask[:, 1:]).sum(1)  # [batch]
        last = tags.gather(1, (mask.sum(1, keepdim=True) - 1).clamp(min=0))[:, 0]  # [batch]
        total: Tensor = each + steps + start[tags[:, 0]] + self.end[last]
        return total

    def _partition(self, emissions: Tensor, mask: Tensor) -> Tensor:
        start, step = self._scores()
        score = start + emissions[:, 0]  # [batch, tags]
        for place in range(1, emissions.shape[1]):
            reached = (score[:, :, None] + step).logsumexp(1) + emissions[:, place]
            score = torch.where(mask[:, place, None], reached, score)
        return (score + self.end).logsumexp(1)

    @torch.no_grad()
    def share(self, emissions: Tensor, mask: Tensor, allowed: Tensor) -> Tensor:
        """How much of the probability lies on rows of tags that keep to what is allowed (Culotta & McCallum, 2004), `[batch]`.

        With one tag allowed at one word it is that tag's marginal; with an entity's tags at its words, and what would go on with
        it forbidden after them, it is the probability that just this entity is there.

        Args:
            emissions: `[batch, words, tags]`.
            mask: `[batch, words]`, True = a word.
            allowed: `[batch, words, tags]`.
        """
        kept = self._partition(emissions.masked_fill(~allowed, FORBIDDEN), mask)
        return (kept - self._partition(emissions, mask)).exp().clamp(0, 1)

    @torch.no_grad()
    def best(self, emissions: Tensor, mask: Tensor) -> list[list[int]]:
        """The likeliest tags of each row (Viterbi); no forbidden step is ever taken."""
        start, step = self._scores()
        score, back = start + emissions[:, 0], []
        for place in range(1, emissions.shape[1]):
            reached, source = (score[:, :, None] + step).max(1)
            back.append(source)
            score = torch.where(mask[:, place, None], reached + emissions[:, place], score)
        last = (score + self.end).argmax(1)
        rows = []
        for row, length in enumerate(mask.sum(1).tolist()):
            path = [int(last[row])]
            for place in range(length - 2, -1, -1):
                path.append(int(back[place][row, path[-1]]))
            rows.append(path[::-1] if length else [])
        return rows
