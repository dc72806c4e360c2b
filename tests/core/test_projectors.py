import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.projectors import Projector, masked_mean, pool_runs


def test_short_run_is_moved_to_the_front_as_it_is() -> None:
    tokens = torch.tensor([[[9.0], [1.0], [9.0], [2.0]]])
    mask = torch.tensor([[False, True, False, True]])
    pooled, kept, times = pool_runs(tokens, mask, most=4)
    assert pooled.tolist() == [[[1.0], [2.0]]]
    assert kept.tolist() == [[True, True]]
    assert times.tolist() == [[0.0, 1.0]]


def test_long_run_becomes_means_of_neighbours() -> None:
    tokens = torch.tensor([[[1.0], [3.0], [5.0], [7.0]], [[4.0], [0.0], [0.0], [0.0]]])
    mask = torch.tensor([[True, True, True, True], [True, False, False, False]])
    pooled, kept, times = pool_runs(tokens, mask, most=2)
    assert pooled.tolist() == [[[2.0], [6.0]], [[4.0], [0.0]]]
    assert kept.tolist() == [[True, True], [True, False]]
    torch.testing.assert_close(times, torch.tensor([[1 / 6, 5 / 6], [0.0, 0.0]]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(1, 8))
def test_bound_holds_and_mean_of_equal_tokens_is_kept(real: list[bool], most: int) -> None:
    mask = torch.tensor([real])
    pooled, kept, times = pool_runs(torch.full((1, len(real), 2), 3.0), mask, most)
    assert kept.sum() == min(sum(real), most)
    assert (pooled[kept] == 3.0).all()
    assert ((times >= 0) & (times <= 1)).all()


def test_masked_mean_of_nothing_is_zero() -> None:
    values = torch.tensor([[[2.0], [4.0]], [[5.0], [5.0]]])
    assert masked_mean(values, torch.tensor([[True, True], [False, False]])).tolist() == [[3.0], [0.0]]


def test_projection_is_as_large_as_the_word_embeddings() -> None:
    projected = Projector(40, 16, gain=0.05, dropout=0.0)(torch.randn(2, 3, 40) * 100)
    torch.testing.assert_close(projected.pow(2).mean(-1).sqrt(), torch.full((2, 3), 0.05), rtol=0.01, atol=0)


def test_standardisation_comes_from_training_tokens_and_survives_a_constant_column() -> None:
    projector = Projector(2, 4, gain=1.0, dropout=0.0)
    projector.fit(torch.tensor([[0.0, 7.0], [2.0, 7.0]]))
    assert projector.mean.tolist() == [1.0, 7.0]
    assert projector.spread[1] == 1.0
    assert torch.isfinite(projector(torch.tensor([[[1.0, 7.0]]]))).all()
