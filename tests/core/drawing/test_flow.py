"""The way from noise to pictures, and what of a condition is left open in training."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from core.drawing.flow import draw, loss
from core.drawing.model import Drawer, DrawerShape
from core.drawing.training import Schedule, hide, train_drawer
from core.errors import ModelError

SHAPE = DrawerShape(side_px=8, patch_px=4, width=16, depth=1, heads=4, condition_width=5)
SCHEDULE = Schedule(steps=20, batch=8, rate=1e-3, weight_decay=0, seed=0, minutes=None, hide_all=0.1, flip=False)
SPANS = [(0, 2), (2, 5)]


class Oracle(nn.Module):
    """Knows the picture: flat, as bright as the first number asked."""

    shape = SHAPE

    def forward(self, noisy: Tensor, time: Tensor, asked: Tensor) -> Tensor:
        return asked[:, :1, None, None].expand_as(noisy)


@pytest.mark.parametrize(("guidance", "brightness"), [(0.0, 0.0), (1.0, 0.3), (2.0, 0.6)])
def test_what_a_model_says_is_what_is_drawn_and_guidance_goes_beyond(guidance: float, brightness: float) -> None:
    asked = torch.full((3, 5), 0.3)
    drawn = draw(Oracle(), asked, [1, 2, 3], steps=5, guidance=guidance)  # type: ignore[arg-type]
    torch.testing.assert_close(drawn, torch.full((3, 3, 8, 8), brightness), atol=1e-4, rtol=0)


def test_loss_is_nothing_where_the_picture_is_known_and_something_else_elsewhere() -> None:
    pictures = torch.full((4, 3, 8, 8), 0.3)
    rng = torch.Generator().manual_seed(0)
    assert float(loss(Oracle(), pictures, torch.full((4, 5), 0.3), rng)) < 1e-9  # type: ignore[arg-type]
    assert float(loss(Oracle(), pictures, torch.full((4, 5), 0.9), rng)) > 0.3  # type: ignore[arg-type]


def test_columns_are_left_open_whole_in_all_mixtures() -> None:
    asked, rng = torch.ones(2000, 5), torch.Generator().manual_seed(0)
    kept = hide(asked, SPANS, 0.1, rng)
    found = {tuple(row) for row in kept.tolist()}
    assert found == {(0, 0, 0, 0, 0), (1, 1, 0, 0, 0), (0, 0, 1, 1, 1), (1, 1, 1, 1, 1)}
    assert 0.4 < float(kept[:, 0].mean()) < 0.5  # half, less those that ask for nothing
    assert not hide(asked, SPANS, 1.0, rng).any()


def test_equal_seeds_train_equal_models() -> None:
    pictures = torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(1)).round() * 2 - 1
    asked = torch.zeros(16, 5)

    def trained() -> tuple[Drawer, float]:
        torch.manual_seed(0)
        drawer, taken, last = train_drawer(Drawer(SHAPE), pictures, asked, SPANS, replace(SCHEDULE, flip=True), lambda _: None)
        assert taken == SCHEDULE.steps
        return drawer, last

    (first, loss_first), (second, loss_second) = trained(), trained()
    assert loss_first == loss_second
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True))


def test_training_that_runs_away_is_said_and_time_can_end_it() -> None:
    pictures = torch.full((8, 3, 8, 8), float("nan"))
    with pytest.raises(ModelError, match="ran away at step 0"):
        train_drawer(Drawer(SHAPE), pictures, torch.zeros(8, 5), SPANS, SCHEDULE, lambda _: None)
    endless = replace(SCHEDULE, steps=10**6, minutes=0.003)
    _, taken, _ = train_drawer(Drawer(SHAPE), torch.zeros(8, 3, 8, 8), torch.zeros(8, 5), SPANS, endless, lambda _: None)
    assert 0 < taken < 10**6
