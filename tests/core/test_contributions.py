import math

import numpy as np
import pytest
import torch
from torch import Tensor

from core.contributions import contributions, shapley
from core.fusion import FusionOutput


def test_shapley_values_of_a_game_by_hand() -> None:
    """A glove game: 0 has a left glove, 1 and 2 a right one each; a pair is worth 1."""
    sets = {frozenset(s): float(0 in s and len(s) > 1) for s in [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]}
    values = shapley({s: np.array([worth]) for s, worth in sets.items()}, [0, 1, 2])
    assert values[0] == pytest.approx(4 / 6)
    assert values[1] == pytest.approx(1 / 6)
    assert sum(values.values()) == pytest.approx(1.0)


class Adds:
    """Stands where a fusion model stands: the log-odds of label 0 are the sum of what each present modality says."""

    class settings:  # noqa: N801
        task = "multilabel"

    def __init__(self, says: list[float]) -> None:
        self.says = torch.tensor(says)

    def join(self, _: object, present: Tensor) -> FusionOutput:
        logits = (present * self.says).sum(1, keepdim=True)
        return FusionOutput(logits, logits, logits, logits, present)


@pytest.mark.parametrize("method", ["shapley", "leave_one_out"])
def test_silent_modality_has_no_share_and_shares_sum_to_one(method: str) -> None:
    present = torch.tensor([[True, True, True], [True, False, True], [False, False, False]])
    model = Adds([2.0, -1.0, 0.0])
    shares = contributions(model, [], present, model.join(None, present).logits, method)  # type: ignore[arg-type]
    np.testing.assert_allclose(shares.sum(1), [1, 1, 0], atol=1e-12)
    assert shares[0, 2] == 0
    assert shares[0, 0] > shares[0, 1] > 0
    assert shares[1].tolist() == [1, 0, 0]


def test_leave_one_out_by_hand() -> None:
    present = torch.tensor([[True, True]])
    model = Adds([2.0, 1.0])
    shares = contributions(model, [], present, model.join(None, present).logits, "leave_one_out")  # type: ignore[arg-type]

    def worth(logit: float) -> float:
        return -math.log1p(math.exp(-logit))

    lost = [worth(3) - worth(1), worth(3) - worth(2)]
    np.testing.assert_allclose(shares[0], [lost[0] / sum(lost), lost[1] / sum(lost)], rtol=1e-5)


def test_two_modalities_that_say_nothing_share_alike() -> None:
    present = torch.tensor([[True, True]])
    model = Adds([0.0, 0.0])
    assert contributions(model, [], present, torch.zeros(1, 1)).tolist() == [[0.5, 0.5]]  # type: ignore[arg-type]
