"""From prefix, question and answer to one padded batch: the only place where embeddings, mask, positions and labels are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

IGNORED = -100  # of labels: no loss there


@dataclass(frozen=True, slots=True)
class Prompts:
    """A batch for a decoder.

    Attributes:
        embeds: `[batch, length, width]`.
        mask: `[batch, length]`, True = real.
        positions: `[batch, length]`, counted over real places.
        labels: `[batch, length]`, the id that stands at each place of an answer, `IGNORED` everywhere else.
    """

    embeds: Tensor
    mask: Tensor
    positions: Tensor
    labels: Tensor


def prompts(
    prefix: Tensor,
    prefix_mask: Tensor,
    questions: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]] | None,
    embed: Callable[[Tensor], Tensor],
    *,
    opening: Sequence[int] = (),
    pad_left: bool,
) -> Prompts:
    """Lay out `opening, prefix, question, answer` in each row, padding squeezed to one side.

    Args:
        prefix: `[batch, p, width]`, what the modalities say.
        prefix_mask: `[batch, p]`.
        questions: ids a row.
        answers: ids a row, with the closing token; None where they are to be generated.
        embed: ids `[n]` to `[n, width]`.
        opening: ids that begin every sequence.
        pad_left: padding before the sequence, as generation needs it, and not after it.
    """
    rows = []
    for index, question in enumerate(questions):
        answer = list(answers[index]) if answers is not None else []
        seen = prefix[index][prefix_mask[index]]
        words = embed(torch.tensor([*question, *answer], dtype=torch.long, device=prefix.device))
        begin = embed(torch.tensor(list(opening), dtype=torch.long, device=prefix.device))
        labels = [IGNORED] * (len(opening) + len(seen) + len(question)) + answer
        rows.append((torch.cat([begin, seen, words]), labels))
    longest = max(len(labels) for _, labels in rows)
    embeds = prefix.new_zeros(len(rows), longest, prefix.shape[2])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool, device=prefix.device)
    targets = torch.full((len(rows), longest), IGNORED, device=prefix.device)
    for index, (vectors, labels) in enumerate(rows):
        place = slice(longest - len(labels), longest) if pad_left else slice(0, len(labels))
        embeds[index, place] = vectors
        mask[index, place] = True
        targets[index, place] = torch.tensor(labels, device=prefix.device)
    return Prompts(embeds, mask, (mask.cumsum(1) - 1).clamp(min=0), targets)
