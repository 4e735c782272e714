"""Actor and critic of fully connected layers on one-hot cells, forward and backward written out, on the CPU.

Computes what `ActorCritic` computes, but the gradient of all weights goes into one flat tensor, the first layer adds
up the weights' rows, and everything is written where it is needed, into memory that is used again.
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

    def forward(self, inputs: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        return torch.addmm(self.bias, inputs, self.weight.t(), out=out)

    def backward(self, inputs: torch.Tensor, gradient: torch.Tensor, flat: torch.Tensor) -> None:
        """Writes the weights' gradients into `flat`; that of the inputs is gradient @ weight."""
        torch.mm(gradient.t(), inputs, out=flat[self.weight_slice].view(self.weight.shape))
        torch.sum(gradient, 0, out=flat[self.bias_slice])


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


class Buffers:
    """Memory of one pass, forward and back: float32 (rows, width) each, allocated at its first use."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.most = 1 << rows.bit_length()
        self.parts: dict[str, torch.Tensor] = {}

    def get(self, name: str, width: int) -> torch.Tensor:
        """Holds what was written there last."""
        if name not in self.parts:
            self.parts[name] = torch.empty(self.most, width)
        return self.parts[name][: self.rows]


class BufferPool:
    """Lends the memory that the last gradient gave back, if it is large enough: fresh memory costs a fault a page."""

    def __init__(self) -> None:
        self.spare: Buffers | None = None

    def take(self, rows: int) -> Buffers:
        spare = self.spare
        # Acting on a few, which gives nothing back, leaves the memory of learning from many.
        if spare is None or not spare.most // 8 < rows <= spare.most:
            return Buffers(rows)
        self.spare = None
        spare.rows = rows
        return spare

    def give_back(self, buffers: Buffers) -> None:
        self.spare = buffers


class FusedNetwork(Protocol):
    """A network that was written out."""

    flat: nn.Parameter

    def forward(self, encoded: Any, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor, Any]:
        """Action parameters (B, A), values (B, value heads), and what `gradient` needs."""
        ...

    def gradient(self, kept: Any, to_parameters: torch.Tensor, to_values: torch.Tensor, flat: torch.Tensor) -> None:
        """Writes the gradient of `self.flat` into `flat`; the memory of what was kept is then used again."""
        ...


def apply_fused(network: FusedNetwork, encoded: Any, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Action parameters and values, differentiable by `network.flat` where gradients are wanted."""
    if torch.is_grad_enabled():
        return _Fused.apply(network.flat, network, encoded, rows)  # pyright: ignore[reportReturnType]
    return network.forward(encoded, rows)[:2]


class _Kept(NamedTuple):
    """What the gradient needs of the forward pass."""

    inputs: torch.Tensor
    rows: torch.Tensor
    dense: torch.Tensor | None
    first: torch.Tensor
    """Outputs of the first layer, of all towers side by side."""
    outputs: list[list[torch.Tensor]]
    """Of all hidden layers of each tower; the first are parts of `first`."""
    buffers: Buffers


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
        self.pool = BufferPool()

    @staticmethod
    def suits(policy: Any) -> bool:
        """Whether `policy` is of this form, without memory and on the CPU."""
        first = getattr(policy.body, "first", None)
        return (
            policy.memory is None
            and not getattr(policy.body, "normalise", False)
            and getattr(policy.body, "activation", None) in ACTIVATIONS
            and isinstance(getattr(first, "cells", None), CellLinear)
            and policy.actor.weight.device.type == "cpu"
        )

    def __call__(self, encoded: Any, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Action parameters (B, A) and values (B, value heads) of some rows (B,), or of all."""
        return apply_fused(self, encoded, rows)

    def forward(self, encoded: Any, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor, _Kept]:
        """Action parameters, values, and what `gradient` needs."""
        rows = torch.arange(len(encoded.inputs)) if rows is None else rows
        buffers = self.pool.take(len(rows))
        first, dense = buffers.get("first", len(self.cells.bias)), None
        if self.dense is None:
            first.copy_(self.cells.bias)
        else:
            dense = buffers.get("dense", encoded.dense.shape[1])
            torch.index_select(encoded.dense, 0, rows, out=dense)
            torch.addmm(self.dense.bias + self.cells.bias, dense, self.dense.weight.t(), out=first)
        self.windows.add(encoded.inputs, rows, self.cells.weight, first[:, None])
        self.activate(first)
        outputs = [[part] for part in first.chunk(len(self.towers), dim=1)]
        for tower, (layers, found) in enumerate(zip(self.towers, outputs, strict=True)):
            for k, layer in enumerate(layers):
                out = buffers.get(f"{tower} {k}", len(layer.bias))
                found.append(self.activate(layer.forward(found[-1], out)))
        kept = _Kept(encoded.inputs, rows, dense, first, outputs, buffers)
        return self.actor.forward(outputs[0][-1]), self.critic.forward(outputs[-1][-1]), kept

    def gradient(self, kept: _Kept, to_parameters: torch.Tensor, to_values: torch.Tensor, flat: torch.Tensor) -> None:
        """Writes the gradient of the flat parameter."""
        outputs, last = kept.outputs, len(self.towers) - 1
        self.actor.backward(outputs[0][-1], to_parameters, flat)
        self.critic.backward(outputs[last][-1], to_values, flat)
        to_first = kept.buffers.get("to first", kept.first.shape[1])
        for tower, (layers, to_part) in enumerate(zip(self.towers, to_first.chunk(last + 1, dim=1), strict=True)):
            above = self._below(kept, tower, len(layers), to_part)
            if tower == 0:
                torch.mm(to_parameters, self.actor.weight, out=above)
            if tower == last:
                # The shared tower has both heads above it.
                above.addmm_(to_values, self.critic.weight, beta=0.0 if tower else 1.0)
            for k in range(len(layers) - 1, -1, -1):
                gradient = self.slope_(outputs[tower][k + 1], above)
                layers[k].backward(outputs[tower][k], gradient, flat)
                above = torch.mm(gradient, layers[k].weight, out=self._below(kept, tower, k, to_part))
        self.slope_(kept.first, to_first)
        bias = flat[self.cells.bias_slice]
        torch.sum(to_first, 0, out=bias)
        to_cells = flat[self.cells.weight_slice].zero_().view(self.cells.weight.shape)
        self.windows.spread(kept.inputs, kept.rows, to_first[:, None], to_cells)
        if self.dense is not None and kept.dense is not None:
            torch.mm(to_first.t(), kept.dense, out=flat[self.dense.weight_slice].view(self.dense.weight.shape))
            flat[self.dense.bias_slice] = bias
        self.pool.give_back(kept.buffers)

    def _below(self, kept: _Kept, tower: int, layer: int, to_part: torch.Tensor) -> torch.Tensor:
        """Where the gradient of the inputs of a tower's layer (or heads) goes."""
        if layer == 0:
            return to_part
        return kept.buffers.get(f"to {tower} {layer}", len(self.towers[tower][layer - 1].bias))


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
        flat = torch.empty_like(ctx.network.flat)
        ctx.network.gradient(kept, *gradients, flat)
        return flat, None, None, None
