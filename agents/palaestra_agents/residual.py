"""The residual network of IMPALA (arXiv 1802.01561, figure 3) on pictures, as studies of Crafter enlarge it."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from palaestra_agents.config import ResidualConfig
from palaestra_agents.encoding import Encoded, ObservationEncoder
from palaestra_agents.layers import linear, take


class ResidualBody(nn.Module):
    """Stacks of a convolution, a maximum over 3x3 that halves the picture, and residual blocks; then hidden layers.

    The hidden layers also read the dense features.

    Attributes:
        size: length of the output, which actor and critic share.
        separate: False.

    Raises:
        ValueError: observations have no picture, or one of cells.
    """

    def __init__(self, encoder: ObservationEncoder, config: ResidualConfig, generator: torch.Generator) -> None:
        super().__init__()
        if encoder.image_shape is None or encoder.cells is not None:
            raise ValueError(
                "network 'residual' reads pictures, which these observations do not hold; use 'mlp' or "
                "'convolutional', or `encoding: pixels` if the image is to be read as a picture"
            )
        self.scale = encoder.scale
        self.size = config.hidden[-1]
        self.separate = False
        height, width, channels = encoder.image_shape
        total = len(config.channels) * config.blocks
        stacks = []
        for k, outputs in enumerate(config.channels):
            stride = config.first_stride if k == 0 else 1
            stacks.append(Stack(channels, outputs, stride, config.blocks, total, config.normalise, generator))
            channels = outputs
            for size in (stride, 2):
                height, width = (height - 1) // size + 1, (width - 1) // size + 1
        self.stacks = nn.Sequential(*stacks)
        sizes = (channels * height * width + encoder.dense_size, *config.hidden)
        self.hidden = nn.ModuleList(linear(inputs, outputs, 2**0.5, generator) for inputs, outputs in pairwise(sizes))
        self.norms = nn.ModuleList(nn.LayerNorm(inputs) if config.normalise else nn.Identity() for inputs in sizes[:-1])

    def forward(self, encoded: Encoded, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (B, size), twice."""
        assert encoded.image is not None
        # As stored, the channels of a pixel lie side by side: a layout that convolutions take as it is.
        pixels = take(encoded.image, rows).permute(0, 3, 1, 2).float() / self.scale
        features = functional.relu(self.stacks(pixels)).flatten(1)
        features = torch.cat([features, take(encoded.dense, rows)], dim=1)
        for norm, layer in zip(self.norms, self.hidden, strict=True):
            features = functional.relu(layer(norm(features)))
        return features, features


class Stack(nn.Module):
    """A convolution, a maximum that halves the picture, and residual blocks: (B, inputs, H, W) to (B, outputs, ...).

    `total` blocks follow each other in the whole network.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        blocks: int,
        total: int,
        normalise: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, stride, 1.0, generator)
        self.blocks = nn.Sequential(*(_Block(outputs, total, normalise, generator) for _ in range(blocks)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.blocks(functional.max_pool2d(self.first(features), 3, stride=2, padding=1))


class _Block(nn.Module):
    """x + convolution(relu(convolution(relu(x)))); `total` blocks follow each other."""

    def __init__(self, channels: int, total: int, normalise: bool, generator: torch.Generator) -> None:
        super().__init__()
        self.one = _convolution(channels, channels, 1, 2**0.5, generator)
        # Scaled down, so that what all blocks add to is not outgrown by what they add.
        self.two = _convolution(channels, channels, 1, (2 / total) ** 0.5, generator)
        # One group is the whole picture, as a layer's norm is.
        self.norms = nn.ModuleList(nn.GroupNorm(1, channels) if normalise else nn.Identity() for _ in range(2))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        inner = self.one(functional.relu(self.norms[0](features)))
        return features + self.two(functional.relu(self.norms[1](inner)))


def _convolution(inputs: int, outputs: int, stride: int, gain: float, generator: torch.Generator) -> nn.Conv2d:
    """A 3x3 convolution of padding 1 with orthogonal weights and zero bias."""
    layer = nn.Conv2d(inputs, outputs, 3, stride, 1, device="meta").to_empty(device="cpu")
    assert layer.bias is not None
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer
