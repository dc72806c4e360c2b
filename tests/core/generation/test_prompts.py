import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.generation.prompts import IGNORED, prompts

TABLE = torch.arange(40, dtype=torch.float32)[:, None].expand(40, 3)
IDS = st.lists(st.integers(1, 39), min_size=1, max_size=6)
Row = tuple[int, list[int], list[int]]
ROWS = st.lists(st.tuples(st.integers(0, 4), IDS, IDS), min_size=1, max_size=5)


def _embed(ids: torch.Tensor) -> torch.Tensor:
    return TABLE[ids]


@given(ROWS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_row_is_opening_prefix_question_answer_whatever_stands_beside_it(rows: list[Row], left: bool) -> None:
    prefix = torch.full((len(rows), 4, 3), -1.0)
    mask = torch.tensor([[i < size for i in range(4)] for size, _, _ in rows])
    made = prompts(prefix, mask, [q for _, q, _ in rows], [a for _, _, a in rows], _embed, opening=[7], pad_left=left)
    for index, (size, question, answer) in enumerate(rows):
        real = made.embeds[index][made.mask[index]][:, 0].tolist()
        assert real == [7.0, *[-1.0] * size, *map(float, question), *map(float, answer)]
        labels = made.labels[index][made.mask[index]].tolist()
        assert labels == [IGNORED] * (1 + size + len(question)) + answer
        assert made.positions[index][made.mask[index]].tolist() == list(range(len(real)))
        assert (made.labels[index][~made.mask[index]] == IGNORED).all()
    edge = made.mask[:, -1] if left else made.mask[:, 0]
    assert edge.all()
