import torch

from core.sequences import Segment, assemble, drop_modalities

OPENING, CLOSING = torch.tensor([[100.0]]), torch.tensor([[200.0]])
MISSING = torch.tensor([[-1.0], [-2.0]])
FIRST = Segment(torch.tensor([[[1.0], [2.0]], [[3.0], [0.0]]]), torch.tensor([[True, True], [True, False]]), torch.zeros(2, 1))
SECOND = Segment(torch.tensor([[[5.0]], [[6.0]]]), torch.tensor([[True], [True]]), torch.zeros(2, 1))
PRESENT = torch.tensor([[True, True], [True, False]])


def test_encoder_sequence_is_squeezed_and_padded_on_the_right() -> None:
    embeds, mask, positions = assemble(OPENING, [FIRST, SECOND], MISSING, CLOSING, PRESENT, pad_left=False)
    assert embeds[..., 0].tolist() == [[100, 1, 2, 5, 200], [100, 3, -2, 200, 0]]
    assert mask.tolist() == [[True] * 5, [True, True, True, True, False]]
    assert positions is None


def test_decoder_sequence_is_padded_on_the_left_and_counted_from_its_first_token() -> None:
    embeds, mask, positions = assemble(OPENING, [FIRST, SECOND], MISSING, CLOSING[:0], PRESENT, pad_left=True)
    assert embeds[..., 0].tolist() == [[100, 1, 2, 5], [0, 100, 3, -2]]
    assert mask.tolist() == [[True] * 4, [False, True, True, True]]
    assert positions is not None
    assert positions.tolist() == [[0, 1, 2, 3], [0, 0, 1, 2]]


def test_row_with_nothing_still_has_its_missing_tokens() -> None:
    embeds, mask, _ = assemble(OPENING, [FIRST, SECOND], MISSING, CLOSING, torch.zeros(2, 2, dtype=torch.bool), pad_left=False)
    assert embeds[..., 0].tolist() == [[100, -1, -2, 200]] * 2
    assert mask.all()


def test_dropping_never_takes_everything_and_never_adds() -> None:
    torch.manual_seed(0)
    present = torch.tensor([[True, True, True], [False, True, False], [False, False, False]]).repeat(200, 1)
    kept = drop_modalities(present, 0.9)
    assert not (kept & ~present).any()
    assert (kept.any(1) == present.any(1)).all()
    assert kept[0::3].float().mean() < 0.6
    assert (drop_modalities(present, 0.0) == present).all()
