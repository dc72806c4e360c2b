"""EfficientNet-Lite0 and MobileNetV2: two stacks of inverted residual blocks, told apart by a table.

Built here because their packages bring the weights with code that pulls in much else. Weights are copied in by order, not
by name, and every shape must agree.

EfficientNet (Tan & Le, 2019), MobileNetV2 (Sandler et al., 2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import ModelError

STEM_CHANNELS = 32
HEAD_CHANNELS = 1280


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks that repeat: only the first changes the size and the number of channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole network.

    Attributes:
        pads_like_tensorflow: with stride 2 the odd row and column of padding goes to the bottom and right.
        batch_norm_epsilon: must be the one of training.
        classes: of the linear layer at the end; 0 for none.
    """

    stages: tuple[Stage, ...]
    pads_like_tensorflow: bool
    batch_norm_epsilon: float
    classes: int


EFFICIENTNET_LITE0 = Layout(
    stages=(
        Stage(1, 3, 1, 1, 16),
        Stage(2, 3, 2, 6, 24),
        Stage(2, 5, 2, 6, 40),
        Stage(3, 3, 2, 6, 80),
        Stage(3, 5, 1, 6, 112),
        Stage(4, 5, 2, 6, 192),
        Stage(1, 3, 1, 6, 320),
    ),
    pads_like_tensorflow=True,
    batch_norm_epsilon=1e-3,
    classes=1000,
)

MOBILENET_V2 = Layout(
    stages=(
        Stage(1, 3, 1, 1, 16),
        Stage(2, 3, 2, 6, 24),
        Stage(3, 3, 2, 6, 32),
        Stage(4, 3, 2, 6, 64),
        Stage(3, 3, 1, 6, 96),
        Stage(3, 3, 2, 6, 160),
        Stage(1, 3, 1, 6, 320),
    ),
    pads_like_tensorflow=False,
    batch_norm_epsilon=1e-5,
    classes=0,
)


class MobileNet(nn.Module):
    """Stem, blocks and head; gives the last feature map, and class scores where the layout has classes."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        layers: list[nn.Module] = [_ConvNorm(layout, 3, STEM_CHANNELS, 3, stride=2)]
        channels = STEM_CHANNELS
        for stage in layout.stages:
            for index in range(stage.repeats):
                layers.append(_Block(layout, channels, stage, stage.stride if index == 0 else 1))
                channels = stage.channels
        layers.append(_ConvNorm(layout, channels, HEAD_CHANNELS, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(HEAD_CHANNELS, layout.classes) if layout.classes else None

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run the network.

        Args:
            image: normalised, `[batch, 3, 224, 224]`.

        Returns:
            Tokens `[batch, 49, 1280]` row by row, their mean `[batch, 1280]`, and logits `[batch, classes]` (the mean again
            without classes).
        """
        tokens = self.features(image).flatten(2).transpose(1, 2)  # [batch, 49, 1280]
        pooled = tokens.mean(1)
        return tokens, pooled, self.classifier(pooled) if self.classifier is not None else pooled


def load_by_order(network: nn.Module, stored: Mapping[str, Tensor]) -> None:
    """Copy stored weights into the network, layer after layer.

    Raises:
        ModelError: the number of tensors or a shape differs.
    """
    own = network.state_dict()
    fits = len(own) == len(stored) and all(a.shape == b.shape for a, b in zip(own.values(), stored.values(), strict=False))
    if not fits:
        raise ModelError(f"the weights hold {len(stored)} tensors that do not fit the {len(own)} of this network")
    network.load_state_dict(dict(zip(own, stored.values(), strict=True)))


def read_pickled_weights(path: str) -> dict[str, Tensor]:
    """Tensors of a `.pt` file, read without running anything in it."""
    stored: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return stored


class _ConvNorm(nn.Module):
    def __init__(
        self, layout: Layout, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, relu: bool = True
    ) -> None:
        super().__init__()
        odd = layout.pads_like_tensorflow and stride == 2
        before = (kernel - stride) // 2 if odd else kernel // 2
        after = kernel - stride - before if odd else kernel // 2
        self.padding = (before, after, before, after)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=layout.batch_norm_epsilon)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(functional.pad(x, self.padding)))
        return functional.relu6(y) if self.relu else y


class _Block(nn.Module):
    def __init__(self, layout: Layout, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        hidden = inputs * stage.expansion
        layers = [_ConvNorm(layout, inputs, hidden, 1)] if stage.expansion > 1 else []
        layers.append(_ConvNorm(layout, hidden, hidden, stage.kernel, stride=stride, groups=hidden))
        layers.append(_ConvNorm(layout, hidden, stage.channels, 1, relu=False))
        self.layers = nn.Sequential(*layers)
        self.keeps_size = stride == 1 and inputs == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.keeps_size else y
