"""Actor and critic of fully connected layers on one-hot cells, forward and backward written out, on the CPU.

Computes what `ActorCritic` computes, but the gradient of all weights goes into one flat tensor, the first layer adds
up the weights' rows and squashes them in one pass, and nothing is copied on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import nn
from torch.nn import functional

from palaestra_agents.cells import CellLinear
from palaestra_agents.kernels import relu_gradient_, tanh, tanh_gradient_, tanh_in_place

ACTIVATIONS: dict[Any, tuple[Any, Any]] = {
    functional.relu: (torch.relu_, relu_gradient_),
    tanh: (tanh_in_place, tanh_gradient_),
}
"""In place: the function, and how the gradient of its outputs becomes that of its inputs."""


class Layer(NamedTuple):
    """A linear layer: its weights, and the slices of the flat parameter where they lie."""

    weight: torch.Tensor
    bias: torch.Tensor
    weight_slice: slice
    bias_slice: slice

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.bias, inputs, self.weight.t())

    def backward(self, inputs: torch.Tensor, gradient: torch.Tensor, flat: torch.Tensor) -> torch.Tensor:
        """Writes the weights' gradients into `flat`; returns that of the inputs."""
        torch.mm(gradient.t(), inputs, out=flat[self.weight_slice].view(self.weight.shape))
        torch.sum(gradient, 0, out=flat[self.bias_slice])
        return gradient @ self.weight


def layer_reader(policy: nn.Module) -> Callable[[nn.Module], Layer]:
    """Makes layers of the modules of a policy whose parameters were flattened."""
    slices, start = {}, 0
    for parameter in policy.parameters():
        slices[parameter] = slice(start, start + parameter.numel())
        start += parameter.numel()

    def layer(module: nn.Module) -> Layer:
        weight, bias = module.get_parameter("weight"), module.get_parameter("bias")
        return Layer(weight.detach(), bias.detach(), slices[weight], slices[bias])

    return layer


class FusedNetwork(Protocol):
    """A network that was written out."""

    flat: nn.Parameter

    def forward(self, encoded: Any, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor, Any]:
        """Action parameters (B, A), values (B, value heads), and what `gradient` needs."""
        ...

    def gradient(self, kept: Any, to_parameters: torch.Tensor, to_values: torch.Tensor) -> torch.Tensor:
        """Gradient of `flat`."""
        ...


def apply_fused(network: FusedNetwork, encoded: Any, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Action parameters and values, differentiable by `network.flat` where gradients are wanted."""
    if torch.is_grad_enabled():
        return _Fused.apply(network.flat, network, encoded, rows)  # pyright: ignore[reportReturnType]
    return network.forward(encoded, rows)[:2]


class FusedMLP:
    """Reads the weights of an `ActorCritic` whose parameters were flattened.

    Args:
        policy: one that `suits`.
        flat: its parameters in one tensor.
    """

    def __init__(self, policy: Any, flat: nn.Parameter) -> None:
        layer = layer_reader(policy)
        body = policy.body
        self.flat = flat
        self.activate, self.slope_ = ACTIVATIONS[body.activation]
        self.cells = layer(body.first.cells)
        self.windows = body.first.cells.windows
        self.dense = layer(body.first.dense) if body.first.dense is not None else None
        self.towers = [[layer(module) for module in tower] for tower in body.layers]
        self.actor, self.critic = layer(policy.actor), layer(policy.critic)

    @staticmethod
    def suits(policy: Any) -> bool:
        """Whether `policy` is of this form, without memory and on the CPU."""
        first = getattr(policy.body, "first", None)
        return (
            policy.memory is None
            and getattr(policy.body, "activation", None) in ACTIVATIONS
            and isinstance(getattr(first, "cells", None), CellLinear)
            and policy.actor.weight.device.type == "cpu"
        )

    def __call__(self, encoded: Any, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Action parameters (B, A) and values (B, value heads) of some rows (B,), or of all."""
        return apply_fused(self, encoded, rows)

    def forward(self, encoded: Any, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor, Any]:
        """Action parameters, values, and what `gradient` needs."""
        kept = self.hidden(encoded, rows)
        outputs = kept[0]
        return self.actor.forward(outputs[0][-1]), self.critic.forward(outputs[-1][-1]), kept

    def hidden(self, encoded: Any, rows: torch.Tensor | None) -> tuple[list[list[torch.Tensor]], Any]:
        """Outputs of all hidden layers of each tower; and the first layer's for all towers, with what it read."""
        rows = torch.arange(len(encoded.inputs)) if rows is None else rows
        dense = None
        if self.dense is None:
            first = self.cells.bias.repeat(len(rows), 1)
        else:
            dense = encoded.dense.index_select(0, rows)
            first = torch.addmm(self.dense.bias + self.cells.bias, dense, self.dense.weight.t())
        self.windows.add(encoded.inputs, rows, self.cells.weight, first[:, None])
        self.activate(first)
        outputs = [[part] for part in first.chunk(len(self.towers), dim=1)]
        for layers, found in zip(self.towers, outputs, strict=True):
            for layer in layers:
                found.append(self.activate(layer.forward(found[-1])))
        return outputs, (first, encoded.inputs, rows, dense)

    def gradient(self, kept: Any, to_parameters: torch.Tensor, to_values: torch.Tensor) -> torch.Tensor:
        """Gradient of the flat parameter."""
        outputs, (first, inputs, rows, dense) = kept
        flat = torch.empty_like(self.flat)
        above = [
            self.actor.backward(outputs[0][-1], to_parameters, flat),
            self.critic.backward(outputs[-1][-1], to_values, flat),
        ]
        if len(self.towers) == 1:
            above = [above[0] + above[1]]
        for tower, layers in enumerate(self.towers):
            for k in range(len(layers) - 1, -1, -1):
                gradient = self.slope_(outputs[tower][k + 1], above[tower])
                above[tower] = layers[k].backward(outputs[tower][k], gradient, flat)
        to_first = torch.cat(above, dim=1) if len(above) > 1 else above[0]
        self.slope_(first, to_first)
        bias = flat[self.cells.bias_slice]
        torch.sum(to_first, 0, out=bias)
        to_cells = flat[self.cells.weight_slice].zero_().view(self.cells.weight.shape)
        self.windows.spread(inputs, rows, to_first[:, None], to_cells)
        if self.dense is not None and dense is not None:
            torch.mm(to_first.t(), dense, out=flat[self.dense.weight_slice].view(self.dense.weight.shape))
            flat[self.dense.bias_slice] = bias
        return flat


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        _, network, encoded, rows = inputs
        ctx.network = network
        parameters, values, ctx.kept = network.forward(encoded, rows)
        return parameters, values

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        kept, ctx.kept = ctx.kept, None
        if kept is None:
            raise RuntimeError("a written-out network goes back only once for each time it went forward")
        return ctx.network.gradient(kept, *gradients), None, None, None
