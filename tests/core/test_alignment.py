import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alignment import MemoryQueue, contrastive_loss, recall_at
from core.samples import Modality

TEXT, IMAGE, AUDIO = Modality.TEXT, Modality.IMAGE, Modality.AUDIO
SCALE = torch.tensor(10.0)


def _unit(rows: int, seed: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(rows, 8, generator=torch.Generator().manual_seed(seed)), dim=1)


def _all(rows: int) -> torch.Tensor:
    return torch.ones(rows, dtype=torch.bool)


def test_it_is_the_symmetric_cross_entropy_of_clip() -> None:
    text, image = _unit(5, 0), _unit(5, 1)
    logits = text @ image.T * SCALE
    target = torch.arange(5)
    expected = (torch.nn.functional.cross_entropy(logits, target) + torch.nn.functional.cross_entropy(logits.T, target)) / 2
    loss = contrastive_loss({TEXT: text, IMAGE: image}, {TEXT: _all(5), IMAGE: _all(5)}, torch.arange(5), SCALE)
    torch.testing.assert_close(loss, expected)


@given(st.integers(0, 2**20))
@settings(max_examples=25, deadline=None)
def test_an_absent_partner_is_nobodys_negative(seed: int) -> None:
    """Whatever stands where a modality is missing, the loss does not move."""
    text, image = _unit(6, seed), _unit(6, seed + 1)
    here = torch.tensor([True, True, False, True, False, True])
    changed = torch.where(here[:, None], image, _unit(6, seed + 2))
    owners = torch.arange(6)
    losses = [contrastive_loss({TEXT: text, IMAGE: i}, {TEXT: _all(6), IMAGE: here}, owners, SCALE, hardness=1.0) for i in (image, changed)]
    torch.testing.assert_close(losses[0], losses[1])


def test_rows_of_one_owner_are_never_each_others_negatives() -> None:
    text, image = _unit(3, 0), _unit(3, 1)
    same = contrastive_loss({TEXT: text, IMAGE: image}, {TEXT: _all(3), IMAGE: _all(3)}, torch.tensor([7, 7, 7]), SCALE)
    assert float(same) == pytest.approx(0, abs=1e-6)


def test_a_batch_without_a_pair_costs_nothing_and_stays_finite() -> None:
    none = {TEXT: torch.tensor([True, False]), IMAGE: torch.tensor([False, True])}
    loss = contrastive_loss({TEXT: _unit(2, 0), IMAGE: _unit(2, 1)}, none, torch.arange(2), SCALE.clone().requires_grad_())
    assert float(loss) == 0
    loss.backward()  # type: ignore[no-untyped-call]


def test_three_modalities_give_three_pairs() -> None:
    vectors = {TEXT: _unit(4, 0), IMAGE: _unit(4, 1), AUDIO: _unit(4, 2)}
    here = {m: _all(4) for m in vectors}
    pairs = [
        contrastive_loss({a: vectors[a], b: vectors[b]}, {a: here[a], b: here[b]}, torch.arange(4), SCALE)
        for a, b in ((TEXT, IMAGE), (TEXT, AUDIO), (IMAGE, AUDIO))
    ]
    torch.testing.assert_close(contrastive_loss(vectors, here, torch.arange(4), SCALE), torch.stack(pairs).mean())


def test_the_queue_adds_negatives_forgets_the_oldest_and_never_the_own_content() -> None:
    queue = MemoryQueue(3)
    here = {IMAGE: torch.tensor([True, True, False, True])}
    queue.push({IMAGE: _unit(4, 5)}, here, torch.tensor([10, 11, 12, 13]))
    queue.push({IMAGE: _unit(1, 6)}, {IMAGE: _all(1)}, torch.tensor([14]))
    held = queue.of(IMAGE)
    assert held is not None
    assert held.owners.tolist() == [11, 13, 14]
    text, image = _unit(2, 0), _unit(2, 1)
    both = {TEXT: _all(2), IMAGE: _all(2)}

    def loss(owners: list[int], queue: MemoryQueue | None) -> float:
        return float(contrastive_loss({TEXT: text, IMAGE: image}, both, torch.tensor(owners), SCALE, queue=queue))

    assert loss([0, 1], queue) > loss([0, 1], None)
    own = MemoryQueue(8)
    own.push({IMAGE: image}, {IMAGE: _all(2)}, torch.tensor([0, 0]))
    assert loss([0, 0], own) == pytest.approx(loss([0, 0], None))


def test_negatives_that_look_right_count_more() -> None:
    text, image = _unit(6, 0), _unit(6, 1)
    here = {TEXT: _all(6), IMAGE: _all(6)}
    plain, hard = (contrastive_loss({TEXT: text, IMAGE: image}, here, torch.arange(6), SCALE, hardness=h) for h in (0.0, 3.0))
    assert float(hard) != pytest.approx(float(plain))


def test_recall_by_hand_and_ties_count_against_the_answer() -> None:
    similarity = np.array([[0.9, 0.1, 0.3], [0.8, 0.5, 0.1], [0.2, 0.2, 0.2]], np.float32)
    hits = recall_at(similarity, np.eye(3, dtype=np.float32), (1, 2, 3))
    assert hits[1].tolist() == [1, 0, 0]
    assert hits[2].tolist() == [1, 1, 0]
    assert hits[3].tolist() == [1, 1, 1]


def test_a_row_without_a_right_partner_is_never_found() -> None:
    assert recall_at(np.ones((1, 3), np.float32), np.zeros((1, 3), np.float32), (3,))[3].tolist() == [0]
