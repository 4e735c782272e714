"""Layers as PPO wants them initialised (arXiv 2005.12729, 2006.05990: orthogonal weights, zero biases)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh,
    "relu": functional.relu,
    "elu": functional.elu,
}


def linear(inputs: int, outputs: int, gain: float, generator: torch.Generator) -> nn.Linear:
    """A linear layer with orthogonal weights and zero bias."""
    layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def convolution(inputs: int, outputs: int, generator: torch.Generator) -> nn.Conv2d:
    """A 3x3 convolution of stride 2 and padding 1, its weights channels-last in memory."""
    layer = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, device="meta").to_empty(device="cpu")
    nn.init.orthogonal_(layer.weight, 2**0.5, generator=generator)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
