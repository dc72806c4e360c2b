"""The CRF against brute force."""

import itertools

import pytest
import torch

from core.tokens.crf import LinearChainCrf
from core.tokens.tags import TagSet


def chain(seed: int) -> LinearChainCrf:
    torch.manual_seed(seed)
    made = LinearChainCrf(*TagSet(("A", "B")).forbidden())
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made


def paths(crf: LinearChainCrf, emissions: torch.Tensor) -> tuple[list[tuple[int, ...]], torch.Tensor]:
    words, tags = emissions.shape
    every = list(itertools.product(range(tags), repeat=words))
    start, step = crf._scores()
    scores = [
        start[p[0]] + crf.end[p[-1]] + sum(emissions[i, t] for i, t in enumerate(p)) + sum(step[a, b] for a, b in itertools.pairwise(p))
        for p in every
    ]
    return every, torch.stack(scores)


@pytest.mark.parametrize("seed", range(3))
def test_likelihood_and_best_path_are_those_of_brute_force(seed: int) -> None:
    crf = chain(seed)
    emissions = torch.randn(2, 4, 5)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    losses = []
    for row, length in ((0, 4), (1, 2)):
        every, scores = paths(crf, emissions[row, :length])
        best = every[int(scores.argmax())]
        assert crf.best(emissions, mask)[row] == list(best)
        losses.append(scores.logsumexp(0) - scores.max())
        tags = torch.zeros(1, 4, dtype=torch.long)
        tags[0, :length] = torch.tensor(best)
        assert crf.loss(emissions[row : row + 1], tags, mask[row : row + 1]).item() == pytest.approx(losses[-1].item(), abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_share_of_allowed_tags_is_that_of_brute_force(seed: int) -> None:
    crf = chain(seed)
    emissions = torch.randn(2, 4, 5)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    allowed = torch.ones(2, 4, 5, dtype=torch.bool)
    allowed[:, 0] = torch.tensor([False, True, False, False, False])  # B-A, and no I-A after it
    allowed[:, 1, 2] = False
    for row, length in ((0, 4), (1, 2)):
        every, scores = paths(crf, emissions[row, :length])
        wanted = torch.tensor([path[0] == 1 and path[1] != 2 for path in every])
        probability = scores.softmax(0)[wanted].sum().item()
        assert crf.share(emissions, mask, allowed)[row].item() == pytest.approx(probability, abs=1e-5)


def test_marginals_of_a_word_sum_to_one() -> None:
    crf = chain(5)
    emissions, mask = torch.randn(1, 3, 5), torch.ones(1, 3, dtype=torch.bool)
    shares = []
    for tag in range(5):
        allowed = torch.ones(1, 3, 5, dtype=torch.bool)
        allowed[:, 1] = torch.arange(5) == tag
        shares.append(crf.share(emissions, mask, allowed))
    assert torch.cat(shares).sum().item() == pytest.approx(1.0, abs=1e-5)


def test_no_forbidden_step_is_taken_however_strong_its_score() -> None:
    tags = TagSet(("A", "B"))
    crf = LinearChainCrf(*tags.forbidden(), is_learned=False)
    emissions = torch.zeros(1, 3, 5)
    emissions[:, :, tags.tags.index("I-B")] = 50.0
    names = [tags.tags[i] for i in crf.best(emissions, torch.ones(1, 3, dtype=torch.bool))[0]]
    assert names == ["B-B", "I-B", "I-B"]


def test_padding_changes_nothing() -> None:
    crf = chain(7)
    emissions, tags = torch.randn(1, 3, 5), torch.tensor([[0, 1, 2]])
    alone = crf.loss(emissions, tags, torch.ones(1, 3, dtype=torch.bool))
    padded = crf.loss(
        torch.cat([emissions, torch.full((1, 2, 5), 9.0)], 1), torch.tensor([[0, 1, 2, 3, 3]]), torch.tensor([[True] * 3 + [False] * 2])
    )
    assert padded.item() == pytest.approx(alone.item(), abs=1e-5)
