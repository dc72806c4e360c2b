"""A projector for long inputs: a fixed number of learned queries reads any number of tokens.

Perceiver resampler (Alayrac et al., 2022, section 3.1.1): each layer lets the queries attend to the tokens and to themselves,
then passes them through a two-layer perceptron. What a row costs the backbone no longer depends on how long it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.projectors import Standardised, TimeEmbedding

READ_TOKENS = 256  # tokens a row that the queries read at the most; longer runs are averaged first
LAYERS = 2
HEADS = 4
INNER_WIDTH = 128


class _Layer(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.query_norm, self.token_norm, self.out_norm = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, HEADS, dropout=dropout, batch_first=True)
        self.perceptron = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * width, width))

    def forward(self, queries: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        asked = self.query_norm(queries)
        read = torch.cat([self.token_norm(tokens), asked], dim=1)
        padding = torch.cat([~mask, mask.new_zeros(queries.shape[:2])], dim=1)
        attended, _ = self.attention(asked, read, read, key_padding_mask=padding, need_weights=False)
        queries = queries + attended
        changed: Tensor = queries + self.perceptron(self.out_norm(queries))
        return changed


class Resampler(Standardised):
    """`queries` learned vectors that read a run of tokens.

    Attributes:
        queries: `[queries, inner width]`.
        gain: `[]`, root mean square of an output; begins at that of the word embeddings.
    """

    def __init__(self, width: int, embedding_width: int, gain: float, dropout: float, queries: int) -> None:
        super().__init__(width)
        self.queries = nn.Parameter(torch.randn(queries, INNER_WIDTH) * INNER_WIDTH**-0.5)
        self.inward = nn.Linear(width, INNER_WIDTH)
        self.times = TimeEmbedding(INNER_WIDTH)
        self.layers = nn.ModuleList(_Layer(INNER_WIDTH, dropout) for _ in range(LAYERS))
        self.outward = nn.Linear(INNER_WIDTH, embedding_width)
        self.output_norm = nn.LayerNorm(embedding_width, elementwise_affine=False)
        self.gain = nn.Parameter(torch.tensor(float(gain)))

    def resample(self, tokens: Tensor, mask: Tensor, times: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Read.

        Args:
            tokens: `[batch, time, width]`.
            mask: `[batch, time]`.
            times: `[batch, time]`, 0 to 1.

        Returns:
            `[batch, queries, embedding width]`, mask `[batch, queries]` (True where the row had a token), and times of zero.
        """
        read = self.inward(self.standardise(tokens)) + self.times(times)
        made = self.queries.expand(tokens.shape[0], -1, -1)  # a shape, not a length: it may be a symbol
        for layer in self.layers:
            made = layer(made, read, mask)
        projected = self.output_norm(self.outward(made)) * self.gain
        found = mask.any(1, keepdim=True).expand(-1, projected.shape[1])
        return projected, found, times.new_zeros(found.shape)
