"""Layers as PPO wants them initialised (arXiv 2005.12729, 2006.05990: orthogonal weights, zero biases)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from palaestra_agents.kernels import patch_linear, tanh

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": tanh,
    "relu": functional.relu,
    "elu": functional.elu,
}


def take(values: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
    """Some rows, or all of them (None). `values[rows]` would be several times slower."""
    return values if rows is None else values.index_select(0, rows)


def linear(inputs: int, outputs: int, gain: float, generator: torch.Generator) -> nn.Linear:
    """A linear layer with orthogonal weights and zero bias."""
    layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


class Convolution(nn.Module):
    """A 3x3 convolution of padding 1 over a flattened image; `size` is the (width, height) of its output.

    Small images are mostly border, which library convolutions handle badly; this one multiplies gathered patches.
    """

    def __init__(
        self, width: int, height: int, inputs: int, outputs: int, stride: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.patches: torch.Tensor
        self.register_buffer("patches", torch.from_numpy(convolution_patches(width, height, stride)), persistent=False)
        self.size = convolution_size(width, height, stride)
        self.linear = linear(9 * inputs, outputs, 2**0.5, generator)

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """(B, width * height, inputs), float32 or uint8, to (B, size[0] * size[1], outputs)."""
        return patch_linear(cells, self.linear.weight, self.linear.bias, self.patches)


def convolution_size(width: int, height: int, stride: int) -> tuple[int, int]:
    """The (width, height) of what a 3x3 convolution of padding 1 gives."""
    return (width - 1) // stride + 1, (height - 1) // stride + 1


def convolution_patches(width: int, height: int, stride: int = 2) -> np.ndarray:
    """The windows of a 3x3 convolution of padding 1, as indices into the flattened image.

    int64 (windows, 9); -1 lies outside of the image.
    """
    rows = []
    for x in range(0, width, stride):
        for y in range(0, height, stride):
            around = [(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
            rows.append([cx * height + cy if 0 <= cx < width and 0 <= cy < height else -1 for cx, cy in around])
    return np.array(rows, dtype=np.int64)
