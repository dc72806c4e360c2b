"""Features: what an encoder makes of observations, as token vectors and as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.samples import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Features:
    """A batch of encoded observations of one modality.

    Attributes:
        tokens: `[batch, time, width]`.
        mask: `[batch, time]`, True where a token is real and may be attended to.
        sentences: for each row, one or more plain sentences that say the same to a language model.
        encoder: name and version of the encoder that made them; features of different encoders never mix.
    """

    tokens: FloatArray
    mask: BoolArray
    sentences: tuple[tuple[str, ...], ...]
    encoder: str

    def __post_init__(self) -> None:
        if self.tokens.ndim != 3 or self.mask.shape != self.tokens.shape[:2] or len(self.sentences) != len(self.tokens):
            shapes = f"tokens {list(self.tokens.shape)}, mask {list(self.mask.shape)} and {len(self.sentences)} descriptions"
            raise InputError(f"{self.encoder}: {shapes} do not belong together")
        self.tokens.flags.writeable = False
        self.mask.flags.writeable = False

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def width(self) -> int:
        return int(self.tokens.shape[2])

    def row(self, index: int) -> Features:
        """One row as a batch of one, without its padding."""
        mask = self.mask[index]
        tokens = self.tokens[index][mask]
        return Features(tokens[None].copy(), np.ones((1, len(tokens)), np.bool_), (self.sentences[index],), self.encoder)


def padded(rows: Sequence[FloatArray], width: int) -> tuple[FloatArray, BoolArray]:
    """Token vectors of several rows, `[time, width]` each, as one block: tokens `[batch, time, width]`, mask `[batch, time]`."""
    longest = max(len(row) for row in rows)
    tokens = np.zeros((len(rows), longest, width), np.float32)
    mask = np.zeros((len(rows), longest), np.bool_)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = row
        mask[index, : len(row)] = True
    return tokens, mask


def stack(rows: Sequence[Features]) -> Features:
    """Pad and stack batches of one encoder into one batch.

    Args:
        rows: at least one batch; all from the same encoder.

    Raises:
        InputError: nothing to stack, or features of different encoders.
    """
    if not rows or len({(r.encoder, r.width) for r in rows}) != 1:
        raise InputError(f"features can be stacked only from one encoder, not {sorted({r.encoder for r in rows})}")
    longest = max(r.tokens.shape[1] for r in rows)
    tokens = np.concatenate([np.pad(r.tokens, ((0, 0), (0, longest - r.tokens.shape[1]), (0, 0))) for r in rows])
    mask = np.concatenate([np.pad(r.mask, ((0, 0), (0, longest - r.mask.shape[1]))) for r in rows])
    return Features(tokens, mask, tuple(s for r in rows for s in r.sentences), rows[0].encoder)
