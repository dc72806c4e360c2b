"""Our own sound network: a small residual CNN over log-mel patches, with an embedding and class logits for each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.encoders.sound.frontend import BANDS


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """The network's whole configuration.

    Attributes:
        classes: logits, the background class among them.
        widths: channels of the four stages.
        embedding: numbers in a patch's embedding.
        dropout: share of the embedding that is dropped while training.
    """

    classes: int
    widths: tuple[int, int, int, int] = (24, 48, 96, 128)
    embedding: int = 128
    dropout: float = 0.3


class SoundNetwork(nn.Module):
    """Embeds and classifies patches.

    Each patch is first made independent of the microphone's gain: its mean is subtracted.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        first, second, third, fourth = shape.widths
        self.stages = nn.Sequential(
            _convolve(1, first, 5),
            _convolve(first, second, 3),
            _convolve(second, third, 3),
            Residual(third),
            _convolve(third, fourth, 3),
            Residual(fourth),
        )
        self.embed = nn.Sequential(
            nn.Linear(2 * fourth * BANDS // 16, shape.embedding), nn.BatchNorm1d(shape.embedding), nn.ReLU(inplace=True)
        )
        self.drop = nn.Dropout(shape.dropout)
        self.classify = nn.Linear(shape.embedding, shape.classes)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Embed and classify.

        Args:
            patches: log-mel, `[batch, 96, 64]`.

        Returns:
            Embeddings `[batch, embedding]` and logits `[batch, classes]`.
        """
        centred = (patches - patches.mean(dim=(1, 2), keepdim=True)) * 0.25
        maps = self.stages(centred.unsqueeze(1))  # [batch, channels, 6, 4]
        pooled = torch.cat([maps.mean(dim=2), maps.amax(dim=2)], dim=1).flatten(1)  # over time; the band's place is kept
        embedding = self.embed(pooled)
        return embedding, self.classify(self.drop(embedding))


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False, groups=2),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return torch.relu(maps + self.body(maps))


def _convolve(width_in: int, width_out: int, kernel: int) -> nn.Sequential:
    """A convolution that halves time and band."""
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, kernel, stride=2, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(width_out),
        nn.ReLU(inplace=True),
    )
